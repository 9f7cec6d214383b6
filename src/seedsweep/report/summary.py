"""The groups of a sweep in strings, as `summary.csv` and the console have them."""

import math

import pandas as pd

from seedsweep.metrics import Metric
from seedsweep.outcomes import OUTCOMES, STOPPED_EPOCH

SHOWN = ("val/loss", "val/accuracy", "test/accuracy")  # metrics, besides the one that is asked for
MOST = 4  # metrics of the test rows


def count_outcomes(runs: pd.DataFrame) -> dict[str, int]:
    """How many runs had each outcome.

    Args:
        runs: a row a run, with its `outcome`.

    Returns:
        Numbers by outcome, in the order of `OUTCOMES`.
    """
    return {outcome: int((runs["outcome"] == outcome).sum()) for outcome in OUTCOMES}


def counted(runs: pd.DataFrame, form: str = "d", lost: str = "diverged") -> str:
    """The outcomes of runs in words.

    Args:
        runs: a row a run, with its `outcome`.
        form: of the numbers, in Python's format language.
        lost: what those did that count as diverged, see `Metric.lost`.

    Returns:
        Such as `12 finished, 3 diverged`.
    """
    words = {"diverged": lost}
    counts = count_outcomes(runs).items()
    return ", ".join(f"{count:{form}} {words.get(outcome, outcome)}" for outcome, count in counts if count)


def counted_runs(runs: pd.DataFrame) -> str:
    """The number of runs and their outcomes in words.

    Args:
        runs: a row a run, with its `outcome`.

    Returns:
        Such as `15 runs: 12 finished, 3 diverged`.
    """
    stopped = int(runs[STOPPED_EPOCH].notna().sum()) if STOPPED_EPOCH in runs else 0
    note = f" ({stopped:,} stopped early)" if stopped else ""
    return f"{len(runs):,} run{'s' * (len(runs) != 1)}: {counted(runs, ',')}{note}"


def summarize(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The groups of a sweep in strings.

    Args:
        runs: a row a run: `group`, `outcome`, and the last values of the metrics.
        metric: by which the best group is the first.

    Returns:
        A row a group: runs finished of planned, mean ± sd over those of each metric, and a column for each of the
        remaining outcomes that there were.
    """
    of_test = [name for name in map(str, runs) if name.startswith("test/") and name != "test/loss"]
    shown = [name for name in dict.fromkeys((metric, *SHOWN, *of_test[:MOST], STOPPED_EPOCH)) if name in runs]
    lost = [outcome for outcome, count in count_outcomes(runs).items() if count and outcome != "finished"]
    rows = []
    for label, group in sorted(runs.groupby("group", sort=False), key=lambda item: _rank(item[1], metric)):
        finished = group[group["outcome"] == "finished"]
        row = {"group": label, "finished": f"{len(finished)} of {len(group)}"}
        row |= {outcome: str(int((group["outcome"] == outcome).sum())) for outcome in lost}
        rows.append(
            row | {name: _mean_sd(finished[name], 3 if Metric(name).direction == "maximize" else 4) for name in shown}
        )
    return pd.DataFrame(rows)


def _rank(group: pd.DataFrame, metric: str) -> tuple[int, float]:
    """Complete groups first: a mean over those that happened to finish must not win."""
    finished = group[group["outcome"] == "finished"]
    mean = finished[metric].mean() if metric in group and len(finished) else float("inf")
    measured = Metric(metric)
    return len(group) - len(finished), mean if measured.direction is None else measured.as_loss(mean)


def _mean_sd(values: pd.Series, digits: int) -> str:
    values = values.dropna()
    if values.empty:
        return "–"
    largest = values.abs().max()
    if not math.isfinite(largest):  # of what a run never came to
        return "inf" if (values > 0).any() else "-inf"
    decimals = max(1, digits - int(math.log10(largest))) if largest >= 1 else digits
    form = f".{decimals}f" if largest == 0 or 1e-3 <= largest < 1000 else ".4g"
    return f"{values.mean():{form}}" + (f" ± {values.std():{form}}" if len(values) > 1 else "")
