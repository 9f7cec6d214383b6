"""What the figures and the tables of a search show: its trials, and what fresh seeds leave of the best."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison.intervals import mean
from seedsweep.report.figures.encodings import Value
from seedsweep.report.tables import NONE, number

KNOWN = ("study", "option", "number", "state", "value", "group", "trial", "setting")  # columns that are no params
TRIAL = ["option", "study", "trial", "rank", "setting", "searched"]  # of one that was trained again
POINT, FAR, ENDED = range(3)  # how a trial is drawn: where its value is, above the plot, as pruned or failed


@dataclass(frozen=True)
class PlottedSearch:
    """What a search found, as its figures and tables show it; made by `prepare`.

    A study is known by its number among those of its option, from 1. `trials` has the `setting` of each; `confirmed`
    has a row a trial: `n` fresh seeds, the `mean` of what they gave, its limits `low` and `high` (nan where a run did
    not come to its end; `label` says how many did not), and the `optimism`.
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
    def params(self) -> list[str]:
        return [str(name) for name in self.trials if name not in KNOWN]

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


def prepare(
    trials: pd.DataFrame, confirmed: pd.DataFrame, importances: pd.DataFrame, metric: str, maximize: bool
) -> PlottedSearch:
    """What `write_search_report` is given, ready to be shown; raises `ValueError` where there is no trial."""
    if trials.empty:
        raise ValueError("a search without a trial has no report")
    trials = trials.reset_index(drop=True)
    numbers: dict[tuple[str, str], int] = {}
    for option, study in zip(trials["option"], trials["study"], strict=True):
        numbers.setdefault((option, study), 1 + sum(numbered_option == option for numbered_option, _ in numbers))

    def numbered_option(table: pd.DataFrame) -> pd.DataFrame:
        if table.empty:
            return pd.DataFrame()
        studies = [numbers[pair] for pair in zip(table["option"], table["study"], strict=True)]
        named = table["option"].replace("", NONE)  # an empty text is none in the data of a chart
        return table.assign(option=named, study=studies).rename(columns={"number": "trial"})

    settings = _settings(trials[[name for name in trials if name not in KNOWN]])
    runs = numbered_option(confirmed)
    summary = _summarized(runs, -1 if maximize else 1)
    shown = numbered_option(trials).assign(setting=settings, value=trials["value"].astype(float))
    return PlottedSearch(shown, summary, runs, numbered_option(importances), metric, maximize)


def _settings(params: pd.DataFrame) -> list[str]:
    """Such as `lr=0.01 momentum=0.9` for each row; the whole key where two end alike."""
    ends = [str(key).rpartition(".")[2] for key in params]
    names = [end if ends.count(end) == 1 else str(key) for key, end in zip(params, ends, strict=True)]
    shown = [[_shown(value) for value in params[key]] for key in params]
    return [
        " ".join(f"{name}={cell}" for name, cell in zip(names, row, strict=True) if cell)
        for row in (zip(*shown, strict=True) if shown else [()] * len(params))
    ]


def _shown(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:.4g}" if isinstance(value, float) else str(value)


def _summarized(runs: pd.DataFrame, sign: int) -> pd.DataFrame:
    """A row a trial of the runs with fresh seeds."""
    rows = []
    for key, of_trial in runs.groupby(TRIAL, sort=False, dropna=False) if len(runs) else ():
        finite = of_trial.loc[np.isfinite(of_trial["value"]), "value"]
        failed = int(of_trial["value"].isna().sum())
        lost = {"diverged": len(of_trial) - len(finite) - failed, "failed": failed}
        middle, low, high = mean(finite) if len(finite) else (math.nan,) * 3
        low, high = (low, high) if len(finite) == len(of_trial) else (math.nan, math.nan)
        row: dict[str, Any] = dict(zip(TRIAL, key, strict=True))
        row |= {
            "n": len(of_trial),
            "mean": middle,
            "low": low,
            "high": high,
            "optimism": sign * (middle - row["searched"]),
        }
        rows.append(row | {"label": ", ".join(f"{count} {word}" for word, count in lost.items() if count)})
    return pd.DataFrame(rows)


def points(plotted: PlottedSearch) -> tuple[pd.DataFrame, Value]:
    """The trials that have ended, with how each is drawn as `mark`, and the axis of their values."""
    trials = plotted.trials[plotted.trials["state"] != "running"]
    done, score = trials["state"] == "finished", trials["value"].astype(float)
    finite = pd.Series(np.isfinite(score), trials.index)
    near = finite & _near(score, done & finite, plotted.maximize)
    value = Value(score[done & near], "y")
    mark = np.where(~done, ENDED, np.where(near, POINT, FAR))
    states = zip(trials["state"], score, strict=True)
    label = [number(score) if state == "finished" else _lost(state, score) for state, score in states]
    table = trials[["option", "study", "trial", "setting"]]
    return table.assign(value=score.where(near), mark=mark, label=label), value


def _lost(state: str, value: float) -> str:
    return f"{state} at {number(value)}" if math.isfinite(value) else state


def _near(score: pd.Series, has_score: pd.Series, maximize: bool) -> pd.Series:
    """Which values leave the others room: none is worse than the best by more than thrice what most of them are.

    Most are four fifths of the `known` ones; where all of these are positive, it is their logarithms that count.
    """
    log = bool((score[has_score] > 0).all())
    worse = (np.log(score.where(score > 0)) if log else score) * (-1 if maximize else 1)
    best, most = worse[has_score].min(), worse[has_score].quantile(0.8, interpolation="lower")
    far = (worse > best + 3 * (most - best)) & (most > best)
    return pd.Series(worse.notna() & ~far)
