"""What a search has come to, as tables: its trials, those that were trained again, and which params mattered."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from seedsweep.comparison.intervals import paired
from seedsweep.config.planned_run import setting
from seedsweep.search.confirm import Confirmation, at_the_end
from seedsweep.search.option_study import OptionStudy
from seedsweep.search.rounds import Search
from seedsweep.search.shared_study import UNUSED

STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}
ABOUT = ("study", "option", "number", "state", "value", "group")  # of a trial; its other columns are params
ENOUGH = 4  # finished trials, below which importances say nothing
FEW = 10  # trials of a study that ended or were pruned, below which a search has hardly begun
LEFT = 3  # of those that ended, below which there was hardly a choice
LEVEL = 0.05  # of the tests of the confirmed trials


def trials_table(search: Search, group: Callable[[Sequence[str]], str]) -> pd.DataFrame:
    """A row a trial of every study: `study`, `option`, `number`, `state`, `value`, `group` and its params by key.

    `group` names the group of a job. Of several objectives there is no `value`, but `value_0`, `value_1`, ….
    """
    rows = []
    for studied in search.studies:
        for trial in studied.trials(*STATES):
            if UNUSED in trial.user_attrs:
                continue
            values = trial.values or [None] * len(search.aggregate.signs)
            names = ["value"] if len(values) == 1 else [f"value_{position}" for position in range(len(values))]
            row: dict[str, Any] = {"study": studied.shared.study.study_name, "option": studied.option}
            row |= {"number": trial.number, "state": STATES[trial.state], **dict(zip(names, values, strict=True))}
            done = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)  # others may lack params, or be wrong
            row["group"] = group(studied.jobs(trial)[0]) if done else ""
            rows.append(row | {key: "null" if value is None else value for key, value in trial.params.items()})
    return pd.DataFrame(rows, dtype=object)  # so that whole numbers stay whole beside what has none


def best_table(search: Search) -> pd.DataFrame:
    """A row a finished trial of a search of one objective, the best first: `option`, `number`, `setting`, `value`."""
    complete = [(studied.option, trial) for studied in search.studies for trial in studied.trials(TrialState.COMPLETE)]
    rows = [(option, trial.number, setting(trial.params), trial.values[0]) for option, trial in complete]
    table = pd.DataFrame(rows, columns=["option", "number", "setting", "value"]).drop_duplicates(["option", "setting"])
    return table.sort_values("value", ascending=bool(search.aggregate.signs[0] > 0), kind="stable")


def confirmed_table(search: Search, confirmed: Sequence[Confirmation]) -> pd.DataFrame:
    """A row a run with a fresh seed: `study`, `option`, `number`, `rank` in its study, `setting`, `searched`, `seed`
    and `value`; of its trial `fresh`, the aggregate over these seeds, `low` and `high` of their mean, `optimism`."""
    rows = []
    ranks: dict[str, int] = {}
    for trial in confirmed:  # the best first
        ranks[trial.study] = ranks.get(trial.study, 0) + 1
        about = {
            "study": trial.study,
            "option": trial.option,
            "number": trial.number,
            "rank": ranks[trial.study],
        }
        about |= {
            "setting": setting(trial.params),
            "searched": trial.searched,
            "fresh": trial.value,
        }
        about |= {"low": trial.low, "high": trial.high, "optimism": trial.optimism}
        rows += [about | {"seed": seed, "value": value} for seed, value in zip(search.fresh, trial.values, strict=True)]
    return pd.DataFrame(rows)


def sentence(confirmed: pd.DataFrame, metric: str) -> str:
    """What fresh seeds say of the best of the trials in the `confirmed_table` of one study."""
    best, seeds = confirmed.iloc[0], confirmed["seed"].nunique()
    limits = f" [{best['low']:.4g}, {best['high']:.4g}]" if math.isfinite(best["low"]) else ""
    over = f"{metric} {best['fresh']:.4g}{limits} with {seeds} fresh seed{'s' * (seeds > 1)}"
    words = f"Confirmed: {best['setting']}: {over}, {best['searched']:.4g} in the search"
    alike = _alike(confirmed)
    if not alike:
        return words
    left = f" and {len(alike) - 3} more" if len(alike) > 3 else ""
    return f"{words}; with these seeds it cannot be told apart from {', '.join(alike[:3])}{left}"


def _alike(confirmed: pd.DataFrame) -> list[str]:
    """The settings whose differences from the best, seed by seed, may be none: by Student's t, after Bonferroni."""
    wide = confirmed.pivot(index="number", columns="seed", values="value")
    others = confirmed.drop_duplicates("number").iloc[1:]
    best = wide.loc[confirmed["number"].head(1)].to_numpy()[0]
    settings = []
    for row in others.itertuples():
        difference = wide.loc[[row.number]].to_numpy()[0] - best
        if np.isfinite(difference).all():
            limits = paired(difference, 1 - LEVEL / len(others))[1:] if len(difference) > 1 else (0, 0)
            settings += [str(row.setting)] if limits[0] <= 0 <= limits[1] else []
    return settings


def search_diagnostics(search: Search, confirmed: pd.DataFrame) -> list[str]:
    """What speaks against what a search of one objective found: few trials, or a winner at an end of its range."""
    sentences = []
    for studied in search.studies:
        name, done = studied.shared.study.study_name, studied.trials(TrialState.COMPLETE)
        where, tried = (
            f"{studied.option}: " if studied.option else "",
            len(done) + len(studied.trials(TrialState.PRUNED)),
        )
        if tried < FEW:
            sentences.append(
                f"{where}a study of {tried} trials has hardly begun: a larger hydra.sweeper.n_trials goes on with it"
            )
        elif len(done) < LEFT:
            sentences.append(
                f"{where}only {len(done)} of {tried} trials were not pruned: a larger hydra.sweeper.n_trials adds some"
            )
        winners = confirmed[(confirmed["study"] == name) & (confirmed["rank"] == 1)]["number"] if len(confirmed) else ()
        for trial in (trial_of_study for trial_of_study in done if trial_of_study.number in set(winners)):
            sentences += [f"{where}{text}" for text in at_the_end(trial)]
    return list(dict.fromkeys(sentences))


def importances_table(search: Search) -> pd.DataFrame:
    """How much each param of a study mattered for its value, by Optuna's default evaluator: `study`, `option`, `param`,
    `importance`; without the studies of one param, or few trials."""
    rows = []
    for studied in search.studies:
        rows += [
            {"study": studied.shared.study.study_name, "option": studied.option, "param": param, "importance": value}
            for param, value in _importances(studied).items()
        ]
    return pd.DataFrame(rows, columns=["study", "option", "param", "importance"])


def _importances(studied: OptionStudy) -> dict[str, float]:
    import warnings

    study, finished = studied.shared.study, studied.trials(TrialState.COMPLETE)
    if len(studied.space.distributions) < 2 or len(finished) < ENOUGH or len(study.directions) > 1:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return optuna.importance.get_param_importances(study)
        except (RuntimeError, ValueError):  # of trials that all have the same value, or none that is finite
            return {}
