"""What the scores of one group say by themselves: its runs by outcome, and the statistics of their scores."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison import intervals
from seedsweep.comparison.interquartile import Name, interquartile_means
from seedsweep.comparison.intervals import Interval
from seedsweep.metrics import Metric
from seedsweep.outcomes import OUTCOMES

UNKNOWN = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Criterion:
    """By what the options are compared; the fields are those of `Question`."""

    metric: Metric
    confidence: float = 0.95
    baseline: str | None = None
    seed: int = 0
    margin: float = 0.01

    def pair_level(self, options: int) -> float:
        """The two-sided p-value that the leader needs against each of the others.

        Args:
            options: how many could be the best; with a baseline, how many are compared.

        Returns:
            2 α / K of K options, any of which could be named falsely; with a baseline Holm's strictest level.
        """
        if self.baseline is not None:
            return (1 - self.confidence) / max(options - 1, 1)
        return 2 * (1 - self.confidence) / max(options, 2)


def describe_groups(scored: pd.DataFrame, replicates: pd.DataFrame, criterion: Criterion) -> pd.DataFrame:
    """A row a group: `problem`, `setting`, `option`, `group`, the counts of its runs, the statistics of its replicates.

    Args:
        scored: all runs, as `score_runs` gives them.
        replicates: the independent ones of them.
        criterion: of the statistics.

    Returns:
        Beside these names the columns of `describe`.
    """
    names = ["problem", "setting", "option", "group"]
    rows = describe(dict(iter(replicates.groupby(names, sort=False))), criterion)
    for name, runs in scored.groupby(names, sort=False):
        rows[name] |= _counts(runs)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(names).reset_index()


def describe(groups: Mapping[Name, pd.DataFrame], criterion: Criterion) -> dict[Name, dict[str, Any]]:
    """The counts of the runs by outcome, and the statistics of their scores.

    Args:
        groups: independent runs of each group, with `outcome` and `score`.
        criterion: of the statistics.

    Returns:
        By the names of the groups, `planned` and the number of each outcome; `mean`, `median` and `iqm` (interquartile
        mean) with limits `…_low` and `…_high`, `sd` and the `worst`, in units of the metric. Mean and sd are over the
        runs that finished, the others over all that ended, where a diverged run is the worst.
    """
    metric, confidence = criterion.metric, criterion.confidence
    ended = {name: metric.as_loss(runs["score"].dropna()).to_numpy(dtype=float) for name, runs in groups.items()}
    ended = {name: values for name, values in ended.items() if len(values)}
    middles = interquartile_means(ended, criterion.seed, confidence)
    described: dict[Name, dict[str, Any]] = {}
    for name, runs in groups.items():
        values = ended.get(name, np.empty(0))
        finished = values[np.isfinite(values)]
        estimates = {
            "mean": intervals.mean(finished, confidence) if len(finished) else UNKNOWN,
            "median": intervals.median(values, confidence) if len(values) else UNKNOWN,
            "iqm": middles.get(name, UNKNOWN),
        }
        numbers: dict[str, Any] = _counts(runs)
        for estimate, interval in estimates.items():
            numbers |= columns(estimate, _in_units(interval, metric))
        numbers["sd"] = finished.std(ddof=1) if len(finished) > 1 else np.nan
        numbers["worst"] = metric.as_loss(float(values.max())) if len(values) else np.nan
        described[name] = numbers
    return described


def columns(name: str, interval: Interval) -> dict[str, Any]:
    """An interval as columns of a table: `name`, `name_low` and `name_high`."""
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _counts(scored: pd.DataFrame) -> dict[str, int]:
    """How many runs were planned, and how many had each outcome."""
    counts = Counter(scored["outcome"])
    return {"planned": len(scored)} | {outcome: counts[outcome] for outcome in OUTCOMES}


def _in_units(interval: Interval, metric: Metric) -> Interval:
    """An interval of losses, in the units of the metric."""
    if not metric.is_maximized:
        return interval
    return Interval(-interval.estimate, -interval.high, -interval.low)
