"""What a search brought, as its figures and tables show it: its trials, and what fresh seeds leave of the best."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison.intervals import mean
from seedsweep.report.tables import NONE

NO_PARAMS = ("study", "option", "number", "state", "value", "group", "trial", "setting")  # columns of the trials
TRIAL = ["option", "study", "trial", "rank", "setting", "searched"]  # of one that was trained again


@dataclass(frozen=True)
class SearchPanel:
    """The results of a search; made by `search_panel`.

    `study` is the number of a study among those of its option, from 1. `trials` has the `setting` of each; `confirmed`
    has a row a trial: `n` fresh seeds, the `mean` of what they gave, its limits `low` and `high` (nan where a run did
    not come to its end; `label` says how many did not), and the `optimism`; `runs` has a row a fresh seed.
    """

    trials: pd.DataFrame
    confirmed: pd.DataFrame
    runs: pd.DataFrame
    importances: pd.DataFrame
    metric: str
    maximize: bool

    @property
    def options(self) -> list[str]:
        """In the order of the search, so that a colour means the same in every figure."""
        return list(dict.fromkeys(self.trials["option"]))

    @property
    def by(self) -> str:
        return "option"

    @property
    def params(self) -> list[str]:
        return [str(name) for name in self.trials if name not in NO_PARAMS]

    @property
    def studies(self) -> int:
        """How many an option has."""
        return int(self.trials["study"].max())

    @property
    def where(self) -> list[str]:
        """The columns that tell the studies apart."""
        return ["option"] * (len(self.options) > 1) + ["study"] * (self.studies > 1)

    @property
    def about(self) -> list[str]:
        """The columns that tell the trials apart."""
        return [*self.where, "trial", "setting"]


def search_panel(
    trials: pd.DataFrame, confirmed: pd.DataFrame, importances: pd.DataFrame, metric: str, maximize: bool
) -> SearchPanel:
    """What `write_search_report` is given, ready to be shown; raises `ValueError` where there is no trial."""
    if trials.empty:
        raise ValueError("a search without a trial has no report")
    trials = trials.reset_index(drop=True)
    settings = _settings(trials[[name for name in trials if name not in NO_PARAMS]])
    numbers = _study_numbers(trials)
    runs = _numbered(confirmed, numbers)
    summary = _summarized(runs, -1 if maximize else 1)
    trials = _numbered(trials, numbers).assign(setting=settings, value=trials["value"].astype(float))
    return SearchPanel(trials, summary, runs, _numbered(importances, numbers), metric, maximize)


def _study_numbers(trials: pd.DataFrame) -> dict[tuple[str, str], int]:
    """The number of each study, given with its option, among those of that option."""
    numbers: dict[tuple[str, str], int] = {}
    for option, study in zip(trials["option"], trials["study"], strict=True):
        numbers.setdefault((option, study), 1 + sum(numbered == option for numbered, _ in numbers))
    return numbers


def _numbered(table: pd.DataFrame, numbers: dict[tuple[str, str], int]) -> pd.DataFrame:
    if table.empty:
        return pd.DataFrame()
    studies = [numbers[pair] for pair in zip(table["option"], table["study"], strict=True)]
    options = table["option"].replace("", NONE)  # an empty string is none in the data of a chart
    return table.assign(option=options, study=studies).rename(columns={"number": "trial"})


def _settings(params: pd.DataFrame) -> list[str]:
    """Such as `lr=0.01 momentum=0.9` for each row; the whole key where two end alike."""
    ends = [str(key).rpartition(".")[2] for key in params]
    names = [end if ends.count(end) == 1 else str(key) for key, end in zip(params, ends, strict=True)]
    columns = [[_value(value) for value in params[key]] for key in params]
    return [
        " ".join(f"{name}={value}" for name, value in zip(names, row, strict=True) if value)
        for row in (zip(*columns, strict=True) if columns else [()] * len(params))
    ]


def _value(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:.4g}" if isinstance(value, float) else str(value)


def _summarized(runs: pd.DataFrame, sign: int) -> pd.DataFrame:
    """A row a trial of the runs with fresh seeds."""
    rows = []
    for key, trial_runs in runs.groupby(TRIAL, sort=False, dropna=False) if len(runs) else ():
        finite = trial_runs.loc[np.isfinite(trial_runs["value"]), "value"]
        failed = int(trial_runs["value"].isna().sum())
        lost = {"diverged": len(trial_runs) - len(finite) - failed, "failed": failed}
        middle, low, high = mean(finite) if len(finite) else (math.nan,) * 3
        low, high = (low, high) if len(finite) == len(trial_runs) else (math.nan, math.nan)
        row: dict[str, Any] = dict(zip(TRIAL, key, strict=True))
        row |= {"n": len(trial_runs), "mean": middle, "low": low, "high": high}
        row |= {"optimism": sign * (middle - row["searched"])}
        rows.append(row | {"label": ", ".join(f"{count} {outcome}" for outcome, count in lost.items() if count)})
    return pd.DataFrame(rows)
