"""Competitors over the same seeds: who beats whom, by how much, and how sure that is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison import inference as statistics
from seedsweep.comparison.inference import Interval
from seedsweep.metrics import Metric
from seedsweep.outcomes import OUTCOMES

FINENESS = 1_000  # resamples for each pair, so that an adjusted p-value can fall below 0.001, …
RESAMPLES = 10_000, 200_000  # … but at least and at most so many
NEGLIGIBLE = 0.01  # of the spread over seeds: a difference that is smaller beats nobody, however sure it is
LEVEL = 0.05  # below which an adjusted p-value tells two options apart
UNKNOWN = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Criterion:
    """How a pairwise comparison is judged; see `compare.Question`."""

    metric: Metric
    confidence: float = 0.95
    baseline: str | None = None
    seed: int = 0


@dataclass
class PairwiseComparison:
    """What was found of some options; `name` says what they have in common, in the data set `problem`.

    `table` has a row an option, the best first: `option`, the numbers of `describe`, and `rank`, one more than
    the number of those that beat it, so that those who cannot be told apart may share one. `pairs` has a row a pair:
    `better`, `worse`, `seeds`, `paired`, how much better in units of the metric (`difference`, `low`, `high`), the
    `probability` that it is better on a seed (`probability_low`, `probability_high`), `p`, that `adjusted` by Holm's
    method over the pairs in this table, whether that tells them `apart`, and how many seeds would show such a
    one (`needed`). With a `baseline` only the pairs with that are there, and ranks tell who is beaten by it, no more.
    """

    problem: str
    name: str
    metric: Metric
    table: pd.DataFrame
    pairs: pd.DataFrame
    baseline: str | None = None


def compare_options(
    scored: pd.DataFrame, name: str, judged: Criterion, numbers: pd.DataFrame | None = None
) -> PairwiseComparison:
    """The pairwise comparison of the options of these scored runs, at most one run of an option and a seed.

    `numbers` are what `describe` says of each option, where that is known already.
    """
    if numbers is None:
        by_option = scored.groupby("option", sort=False)
        numbers = pd.DataFrame.from_dict({option: describe(runs, judged) for option, runs in by_option}, orient="index")
    pairs = _pairs(_by_seed(scored, judged.metric), judged)
    spread = numbers["sd"].reindex([*pairs["better"], *pairs["worse"]]).to_numpy(dtype=float).reshape(2, -1).max(axis=0)
    pairs["apart"] = (pairs["adjusted"] < LEVEL) & ~(pairs["difference"].abs() < NEGLIGIBLE * spread)
    beaten = pairs.loc[pairs["apart"], "worse"].value_counts()
    table = numbers.rename_axis("option")
    ended = table["finished"] + table["diverged"] > 0
    table.insert(0, "rank", (1 + beaten.reindex(table.index, fill_value=0)).where(ended, len(table) + 1))
    order = judged.metric.as_loss(table["mean"]).where(table["diverged"] + table["pruned"] == 0, np.inf)
    table = table.assign(order=order).sort_values(["rank", "order"], kind="stable").drop(columns="order")
    return PairwiseComparison(
        str(scored["problem"].iloc[0]), name, judged.metric, table.reset_index(), pairs, judged.baseline
    )


def describe(scored: pd.DataFrame, judged: Criterion) -> dict[str, Any]:
    """The numbers of the runs by outcome, and the statistics of their scores.

    The mean, its interval and the standard deviation are over the runs that finished; the others are over all that
    ended, where a diverged run is the worst.
    """
    ended = judged.metric.as_loss(scored["score"].dropna()).to_numpy(dtype=float)
    finished = ended[np.isfinite(ended)]
    draw = np.random.default_rng(judged.seed)
    intervals = {
        "mean": statistics.mean(finished, judged.confidence) if len(finished) else UNKNOWN,
        "median": statistics.median(ended, judged.confidence) if len(ended) else UNKNOWN,
        "iqm": statistics.interquartile_mean(ended, draw, judged.confidence) if len(ended) else UNKNOWN,
    }
    numbers: dict[str, Any] = counted(scored)
    for name, interval in intervals.items():
        numbers |= _named(name, _in_units(interval, judged.metric))
    numbers["sd"] = finished.std(ddof=1) if len(finished) > 1 else np.nan
    numbers["worst"] = _in_units(Interval(*[ended.max()] * 3), judged.metric).estimate if len(ended) else np.nan
    return numbers


def counted(scored: pd.DataFrame) -> dict[str, int]:
    """How many runs were planned, and how many had each outcome."""
    return {"planned": len(scored)} | {outcome: int((scored["outcome"] == outcome).sum()) for outcome in OUTCOMES}


def _by_seed(scored: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Losses by seed (rows) and option; not a number where there is no end."""
    return scored.assign(loss=metric.as_loss(scored["score"])).pivot(index="seed", columns="option", values="loss")


def _pairs(wide: pd.DataFrame, judged: Criterion) -> pd.DataFrame:
    names = list(wide.columns)
    chosen = [pair for pair in combinations(names, 2) if judged.baseline in (None, *pair)]
    rows = [_pair(wide[one], wide[other], judged) for one, other in chosen]
    tested = [row.pop("values") for row in rows]
    for row, values, p in zip(rows, tested, _p_values(tested, judged.seed), strict=True):
        row |= {"p": p, "needed": _needed(row["difference"], values, LEVEL / len(rows))}
    pairs = pd.DataFrame(rows, columns=[*PAIR, "p", "needed"])
    return pairs.assign(adjusted=statistics.holm(pairs["p"].to_numpy(dtype=float)))


PAIR = [
    *("better", "worse", "seeds", "paired", "difference", "low", "high"),
    *("probability", "probability_low", "probability_high"),
]


def _pair(one: pd.Series, other: pd.Series, judged: Criterion) -> dict[str, Any]:
    """What two options differ in; `values` are what is tested: differences, or two samples if they are no pairs."""
    both = (one.notna() & other.notna()).to_numpy()
    paired = both.sum() >= 2 and 2 * both.sum() >= max(one.count(), other.count())
    a, b = (scores.to_numpy()[both] if paired else scores.dropna().to_numpy() for scores in (one, other))
    row: dict[str, Any] = {"better": one.name, "worse": other.name, "seeds": min(len(a), len(b)), "paired": paired}
    if _advantage(a, b, paired) < 0:
        a, b = b, a
        row |= {"better": other.name, "worse": one.name}
    with np.errstate(invalid="ignore"):
        values: Any = b - a if paired else (b, a)
    row["values"] = values
    row |= _named("difference", _difference(a, b, paired, judged.confidence))
    row["low"], row["high"] = row.pop("difference_low"), row.pop("difference_high")
    row |= _named(
        "probability", statistics.probability(a, b, paired, judged.confidence) if len(a) and len(b) else UNKNOWN
    )
    return row


def _needed(difference: float, values: Any, level: float) -> float:
    """How many seeds would show such a difference at that level, which the least p-value, 2 of 2**n, must reach."""
    finite = np.empty(0) if isinstance(values, tuple) else values[np.isfinite(values)]
    seeds = statistics.seeds_needed(difference, finite.std(ddof=1), level) if len(finite) > 1 else None
    return np.nan if seeds is None else max(seeds, math.ceil(1 - math.log2(level)))


def _advantage(a: np.ndarray, b: np.ndarray, paired: bool) -> float:
    """By how much `a` is smaller; where something diverged, in ranks."""
    if not len(a) or not len(b):
        return 0.0
    if np.isfinite(a).all() and np.isfinite(b).all():
        return float(b.mean() - a.mean())
    if paired:  # the same ranks that are tested
        with np.errstate(invalid="ignore"):
            return float(statistics.signed_ranks(b - a).sum())
    return statistics.probability(a, b, paired).estimate - 0.5


def _difference(a: np.ndarray, b: np.ndarray, paired: bool, confidence: float) -> Interval:
    """Of the runs that finished."""
    if paired:
        finite = np.isfinite(a) & np.isfinite(b)
        return statistics.paired(b[finite] - a[finite], confidence) if finite.any() else UNKNOWN
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    return statistics.unpaired(b, a, confidence) if len(a) > 1 and len(b) > 1 else UNKNOWN


def _p_values(tested: list[Any], seed: int) -> np.ndarray:
    """Of differences by the sign-flip test, those of equally many seeds at once; of two samples by permutation."""
    p = np.full(len(tested), np.nan)
    resamples = int(np.clip(FINENESS * len(tested), *RESAMPLES))
    by_length: dict[int, list[int]] = {}
    for position, values in enumerate(tested):
        if not isinstance(values, tuple):
            by_length.setdefault(len(values), []).append(position)
        elif all(len(sample) > 1 for sample in values):
            one, other = values
            p[position] = statistics.permutation(one, other, np.random.default_rng(seed))
    for length, positions in by_length.items():
        if length > 1:
            columns = np.stack([tested[position] for position in positions], axis=1)
            p[positions] = statistics.sign_flip(columns, np.random.default_rng(seed), resamples)
    return p


def _in_units(interval: Interval, metric: Metric) -> Interval:
    """An interval of losses, in the units of the metric."""
    if not metric.is_maximized:
        return interval
    return Interval(-interval.estimate, -interval.high, -interval.low)


def _named(name: str, interval: Interval) -> Mapping[str, float]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
