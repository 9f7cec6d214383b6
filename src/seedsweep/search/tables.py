"""What a search has come to, as tables: its trials, those that were trained again, and which params mattered."""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from seedsweep.comparison.intervals import paired
from seedsweep.config.params import setting
from seedsweep.search.confirm import at_the_end
from seedsweep.search.counting import UNUSED
from seedsweep.search.option_study import OptionStudy
from seedsweep.search.rounds import Search

STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}
ABOUT = ("study", "option", "number", "state", "value", "group")  # of a trial; its other columns are params
IMPORTANT = 4  # finished trials, below which importances say nothing
TRIED = 10  # trials of a study that ended or were pruned, below which a search has hardly begun
FINISHED = 3  # of those that ended, below which there was hardly a choice
LEVEL = 0.05  # of the tests of the confirmed trials


def trials_table(search: Search, group: Callable[[Sequence[str]], str]) -> pd.DataFrame:
    """A row a trial of every study: `study`, `option`, `number`, `state`, `value`, `group` and its params by key.

    `group` names the group of a job. Of several objectives there is no `value`, but `value_0`, `value_1`, ….
    """
    trials = [(study, trial) for study in search.studies for trial in study.trials(*STATES)]
    rows = [
        _trial_row(study, trial, len(search.aggregate.signs), group)
        for study, trial in trials
        if UNUSED not in trial.user_attrs
    ]
    return pd.DataFrame(rows, dtype=object)  # so that integers stay integers beside what has none


def _trial_row(
    study: OptionStudy, trial: FrozenTrial, objectives: int, group: Callable[[Sequence[str]], str]
) -> dict[str, Any]:
    values = trial.values or [None] * objectives
    names = ["value"] if len(values) == 1 else [f"value_{index}" for index in range(len(values))]
    row: dict[str, Any] = {"study": study.name, "option": study.option}
    row |= {"number": trial.number, "state": STATES[trial.state], **dict(zip(names, values, strict=True))}
    is_composable = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)  # others may lack params, or be wrong
    row["group"] = group(study.jobs(trial)[0]) if is_composable else ""
    return row | {key: "null" if value is None else value for key, value in trial.params.items()}


def best_table(search: Search) -> pd.DataFrame:
    """A row a finished trial of a search of one objective, the best first: `option`, `number`, `setting`, `value`."""
    finished = [(study.option, trial) for study in search.studies for trial in study.trials(TrialState.COMPLETE)]
    rows = [(option, trial.number, setting(trial.params), trial.values[0]) for option, trial in finished]
    table = pd.DataFrame(rows, columns=["option", "number", "setting", "value"]).drop_duplicates(["option", "setting"])
    return table.sort_values("value", ascending=bool(search.aggregate.signs[0] > 0), kind="stable")


def confirmed_table(search: Search) -> pd.DataFrame:
    """A row a run with a fresh seed: `study`, `option`, `number`, `rank` in its study, `setting`, `searched`, `seed`
    and `value`; of its trial `fresh`, the aggregate over these seeds, `low` and `high` of their mean, `optimism`."""
    rows = []
    ranks: Counter[str] = Counter()
    for trial in search.confirmations:  # the best first
        ranks[trial.study] += 1
        columns = {"study": trial.study, "option": trial.option, "number": trial.number, "rank": ranks[trial.study]}
        columns |= {"setting": setting(trial.params), "searched": trial.searched, "fresh": trial.value}
        columns |= {"low": trial.low, "high": trial.high, "optimism": trial.optimism}
        rows += [columns | {"seed": seed, "value": run} for seed, run in zip(search.fresh, trial.values, strict=False)]
    return pd.DataFrame(rows)


def sentence(confirmed: pd.DataFrame, metric: str) -> str:
    """What fresh seeds say of the best of the trials in the `confirmed_table` of one study."""
    best, seeds = confirmed.iloc[0], confirmed["seed"].nunique()
    limits = f" [{best['low']:.4g}, {best['high']:.4g}]" if math.isfinite(best["low"]) else ""
    over = f"{metric} {best['fresh']:.4g}{limits} with {seeds} fresh seed{'s' * (seeds > 1)}"
    if not math.isfinite(best["fresh"]):
        chosen = "every trial that it chose" if math.isfinite(best["searched"]) else "every trial of the search"
        return f"None is confirmed: {chosen} diverged; search other values, such as smaller learning rates"
    words = f"Confirmed: {best['setting']}: {over}, {best['searched']:.4g} in the search"
    alike = _alike(confirmed)
    if not alike:
        return words
    unnamed = f" and {len(alike) - 3} more" if len(alike) > 3 else ""
    return f"{words}; with these seeds it cannot be told apart from {', '.join(alike[:3])}{unnamed}"


def _alike(confirmed: pd.DataFrame) -> list[str]:
    """The settings whose differences from the best, seed by seed, may be none: by Student's t, after Bonferroni."""
    wide = confirmed.pivot(index="number", columns="seed", values="value")
    worse = confirmed.drop_duplicates("number").iloc[1:]
    best = wide.loc[confirmed["number"].head(1)].to_numpy()[0]
    settings = []
    for row in worse.itertuples():
        difference = wide.loc[[row.number]].to_numpy()[0] - best
        if np.isfinite(difference).all():
            limits = paired(difference, 1 - LEVEL / len(worse))[1:] if len(difference) > 1 else (0, 0)
            settings += [str(row.setting)] if limits[0] <= 0 <= limits[1] else []
    return settings


def search_diagnostics(search: Search, confirmed: pd.DataFrame) -> list[str]:
    """What speaks against the outcome of a search of one objective: few trials, or a winner at an end of its range."""
    sentences = []
    for study in search.studies:
        prefix = f"{study.option}: " if study.option else ""
        winners = confirmed[(confirmed["study"] == study.name) & (confirmed["rank"] == 1)] if len(confirmed) else None
        numbers = set() if winners is None else set(winners["number"])
        sentences += [f"{prefix}{diagnostic}" for diagnostic in (*_few_trials(study), *_at_an_end(study, numbers))]
    return list(dict.fromkeys(sentences))


def _few_trials(study: OptionStudy) -> list[str]:
    finished, pruned = (len(study.trials(state)) for state in (TrialState.COMPLETE, TrialState.PRUNED))
    tried, advice = finished + pruned, "a larger hydra.sweeper.n_trials"
    if tried < TRIED:
        return [f"a study of {tried} trials has hardly begun: {advice} goes on with it"]
    if finished < FINISHED:
        return [f"only {finished} of {tried} trials were not pruned: {advice} adds some"]
    return []


def _at_an_end(study: OptionStudy, winners: set[int]) -> list[str]:
    trials = [trial for trial in study.trials(TrialState.COMPLETE) if trial.number in winners]
    return [sentence for trial in trials for sentence in at_the_end(trial)]


def importances_table(search: Search) -> pd.DataFrame:
    """How much each param of a study mattered for its value, by Optuna's default evaluator: `study`, `option`, `param`,
    `importance`; without the studies of one param, or few trials."""
    rows = [
        {"study": study.name, "option": study.option, "param": param, "importance": importance}
        for study in search.studies
        for param, importance in _importances(study).items()
    ]
    return pd.DataFrame(rows, columns=["study", "option", "param", "importance"])


def _importances(option_study: OptionStudy) -> dict[str, float]:
    study, finished = option_study.shared.study, option_study.trials(TrialState.COMPLETE)
    if len(option_study.space.distributions) < 2 or len(finished) < IMPORTANT or len(study.directions) > 1:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return optuna.importance.get_param_importances(study)
        except (RuntimeError, ValueError):  # of trials that all have the same value, or none that is finite
            return {}
