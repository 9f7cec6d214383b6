"""What a search has come to, as tables: its trials, those that were trained again, and which params mattered."""

from collections.abc import Callable, Sequence
from typing import Any

import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from seedsweep.confirming import Confirmed
from seedsweep.planning import canonical
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


def trials_table(search: Search, group: Callable[[int], str] = str) -> pd.DataFrame:
    """A row a trial of every study: `study`, `option`, `number`, `state`, `value`, `group` and its params by key.

    `group` names the group of a job; the trials of earlier commands have none here. Of several objectives there is no
    `value`, but `value_0`, `value_1`, ….
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
            known = [search.launched.get(" ".join(job)) for job in (studied.jobs(trial) if trial.params else [])]
            row["group"] = next((group(number) for number in known if number is not None), "")
            rows.append(row | trial.params)
    return pd.DataFrame(rows)


def confirmed_table(search: Search, confirmed: Sequence[Confirmed]) -> pd.DataFrame:
    """A row a run with a fresh seed: `study`, `option`, `number`, `rank` in its study, `setting`, `searched`, `seed`
    and `value`."""
    rows = []
    ranks: dict[str, int] = {}
    for each in confirmed:  # the best first
        ranks[each.study] = ranks.get(each.study, 0) + 1
        about = {"study": each.study, "option": each.option, "number": each.number, "rank": ranks[each.study]}
        about |= {"setting": setting(each.params), "searched": each.searched}
        rows += [about | {"seed": seed, "value": value} for seed, value in zip(search.fresh, each.values, strict=True)]
    return pd.DataFrame(rows)


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


def setting(params: Any) -> str:
    """The params as they can be typed."""
    return " ".join(f"{key}={canonical(value)}" for key, value in params.items())
