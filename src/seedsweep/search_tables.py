"""What a search has come to, as tables: its trials, those that were trained again, and which params mattered."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from seedsweep.confirming import Confirmed
from seedsweep.planning import setting
from seedsweep.search import Search, Studied
from seedsweep.studies import UNUSED

STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}
ABOUT = ("study", "option", "number", "state", "value", "group")  # of a trial; its other columns are params
ENOUGH = 4  # finished trials, below which importances say nothing


def trials_table(search: Search, group: Callable[[Sequence[str]], str]) -> pd.DataFrame:
    """A row a trial of every study: `study`, `option`, `number`, `state`, `value`, `group` and its params by key.

    `group` names the group of a job. Of several objectives there is no `value`, but `value_0`, `value_1`, ….
    """
    rows = []
    for studied in search.studies:
        for trial in studied.trials(*STATES):
            if UNUSED in trial.user_attrs:
                continue
            values = trial.values or [None] * len(search.judge.signs)
            names = ["value"] if len(values) == 1 else [f"value_{place}" for place in range(len(values))]
            row: dict[str, Any] = {"study": studied.study.study.study_name, "option": studied.option}
            row |= {"number": trial.number, "state": STATES[trial.state], **dict(zip(names, values, strict=True))}
            known = trial.params and trial.state != TrialState.FAIL  # which may be of a job that cannot be composed
            row["group"] = group(studied.jobs(trial)[0]) if known else ""
            rows.append(row | trial.params)
    return pd.DataFrame(rows)


def best_table(search: Search) -> pd.DataFrame:
    """A row a finished trial of a search of one objective, the best first: `option`, `number`, `setting`, `value`."""
    found = [(studied.option, each) for studied in search.studies for each in studied.trials(TrialState.COMPLETE)]
    rows = [(option, each.number, setting(each.params), each.values[0]) for option, each in found]
    table = pd.DataFrame(rows, columns=["option", "number", "setting", "value"])
    return table.sort_values("value", ascending=bool(search.judge.signs[0] > 0), kind="stable")


def confirmed_table(search: Search, confirmed: Sequence[Confirmed]) -> pd.DataFrame:
    """A row a run with a fresh seed: `study`, `option`, `number`, `rank` in its study, `setting`, `searched`, `seed`
    and `value`; of its trial `fresh`, the aggregate over these seeds, `low` and `high` of their mean, `optimism`."""
    rows = []
    ranks: dict[str, int] = {}
    for each in confirmed:  # the best first
        ranks[each.study] = ranks.get(each.study, 0) + 1
        about = {"study": each.study, "option": each.option, "number": each.number, "rank": ranks[each.study]}
        about |= {"setting": setting(each.params), "searched": each.searched, "fresh": each.value}
        about |= {"low": each.low, "high": each.high, "optimism": each.optimism}
        rows += [about | {"seed": seed, "value": value} for seed, value in zip(search.fresh, each.values, strict=True)]
    return pd.DataFrame(rows)


def sentence(confirmed: pd.DataFrame) -> str:
    """What fresh seeds say of the best of the trials in the `confirmed_table` of one study."""
    best = confirmed.iloc[0]
    seeds = confirmed["seed"].nunique()
    limits = f" [{best['low']:.4g}, {best['high']:.4g}]" if math.isfinite(best["low"]) else ""
    over = f"{best['fresh']:.4g}{limits} with {seeds} fresh seed{'s' * (seeds > 1)}"
    return f"Confirmed: {best['setting']}: {over}, {best['searched']:.4g} in the search."


def importances_table(search: Search) -> pd.DataFrame:
    """How much each param of a study mattered for its value, by Optuna's default evaluator: `study`, `option`, `param`,
    `importance`; without the studies of one param, or few trials."""
    rows = []
    for studied in search.studies:
        rows += [
            {"study": studied.study.study.study_name, "option": studied.option, "param": param, "importance": value}
            for param, value in _importances(studied).items()
        ]
    return pd.DataFrame(rows, columns=["study", "option", "param", "importance"])


def _importances(studied: Studied) -> dict[str, float]:
    import warnings

    study, finished = studied.study.study, studied.trials(TrialState.COMPLETE)
    if len(studied.searched.space) < 2 or len(finished) < ENOUGH or len(study.directions) > 1:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return optuna.importance.get_param_importances(study)
        except (RuntimeError, ValueError):  # of trials that all have the same value, or none that is finite
            return {}
