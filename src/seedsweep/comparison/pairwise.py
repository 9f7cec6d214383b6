"""Options over the same seeds, each pair of them: who beats whom, by how much, and how sure that is."""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison import inference, intervals
from seedsweep.comparison.groups import UNKNOWN, Criterion, columns, describe
from seedsweep.comparison.intervals import Array, Interval
from seedsweep.metrics import Metric

FINENESS = 1_000  # resamples for each pair, so that an adjusted p-value can fall below 0.001, …
RESAMPLES = 10_000, 200_000  # … but at least and at most so many
NEGLIGIBLE = 0.01  # of the spread over seeds: a difference that is smaller beats nobody, however sure it is
LEVEL = 0.05  # below which an adjusted p-value tells two options apart
PAIR = [
    *("better", "worse", "seeds", "paired", "difference", "low", "high"),
    *("probability", "probability_low", "probability_high"),
]
Sample = Array | tuple[Array, Array]  # what is tested of a pair: paired differences (n,), or the losses of each


@dataclass
class PairwiseComparison:
    """Some options of one problem, compared in pairs.

    Args:
        problem: the data set.
        name: what the options have in common, such as their setting.
        metric: by which they are compared.
        table: a row an option, the best first: `option`, the columns of `describe`, and `rank`, one more than the
            number of options that beat it, so that options which cannot be told apart may share one.
        pairs: a row a pair: `better`, `worse`, `seeds`, `paired`; by how much it is better, in units of the metric
            (`difference`, `low`, `high`); the `probability` that it is better on a seed (`probability_low`,
            `probability_high`); `p`, and `adjusted` by Holm's method over the pairs of this table; whether that tells
            them `apart`, and how many seeds would (`needed`).
        baseline: if it is not None, only pairs with this option are in `pairs`, and ranks say nothing of the others.
    """

    problem: str
    name: str
    metric: Metric
    table: pd.DataFrame
    pairs: pd.DataFrame
    baseline: str | None = None

    @property
    def leaders(self) -> list[str]:
        """The options that none has beaten."""
        ended = self.table["finished"] + self.table["diverged"] > 0
        return [str(option) for option in self.table.loc[ended & (self.table["rank"] == 1), "option"]]

    @property
    def seeds_to_decide(self) -> int | None:
        """How many seeds could tell any pair apart, if there are fewer: the least p-value of n is 2 of 2**n."""
        needed = math.ceil(1 + math.log2(max(len(self.pairs), 1) / LEVEL))
        paired = self.pairs[self.pairs["paired"]]
        return needed if len(paired) == len(self.pairs) and paired["seeds"].max() < needed else None


def compare_options(
    scored: pd.DataFrame, name: str, criterion: Criterion, described: pd.DataFrame | None = None
) -> PairwiseComparison:
    """The pairwise comparison of the options of scored runs.

    Args:
        scored: independent runs of one problem, at most one of an option and a seed.
        name: what the options have in common.
        criterion: by what they are compared.
        described: the columns of `describe` by option, where they are computed already.

    Returns:
        Tables of the options and their pairs.
    """
    if described is None:
        rows = {option: describe(runs, criterion) for option, runs in scored.groupby("option", sort=False)}
        described = pd.DataFrame.from_dict(rows, orient="index")
    pairs = _pairs(_by_seed(scored, criterion.metric), criterion)
    spreads = described["sd"].reindex([*pairs["better"], *pairs["worse"]]).to_numpy(dtype=float)
    negligible = pairs["difference"].abs() < NEGLIGIBLE * spreads.reshape(2, -1).max(axis=0)
    pairs["apart"] = (pairs["adjusted"] < LEVEL) & ~negligible
    table = _ranked(described.rename_axis("option"), pairs, criterion.metric)
    return PairwiseComparison(str(scored["problem"].iloc[0]), name, criterion.metric, table, pairs, criterion.baseline)


def _ranked(described: pd.DataFrame, pairs: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The options with their ranks, the best first; those without an end are last."""
    beaten = pairs.loc[pairs["apart"], "worse"].value_counts()
    ended = described["finished"] + described["diverged"] > 0
    rank = (1 + beaten.reindex(described.index, fill_value=0)).where(ended, len(described) + 1)
    loss = metric.as_loss(described["mean"]).where(described["diverged"] + described["pruned"] == 0, np.inf)
    described.insert(0, "rank", rank)
    table = described.assign(loss=loss).sort_values(["rank", "loss"], kind="stable")
    return table.drop(columns="loss").reset_index()


def _by_seed(scored: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Losses by seed (rows) and option (columns); nan where a run has no end."""
    return scored.assign(loss=metric.as_loss(scored["score"])).pivot(index="seed", columns="option", values="loss")


def _pairs(losses: pd.DataFrame, criterion: Criterion) -> pd.DataFrame:
    """The rows of `PairwiseComparison.pairs`, without `apart`."""
    chosen = [pair for pair in combinations(losses.columns, 2) if criterion.baseline in (None, *pair)]
    rows = [_pair(losses[first], losses[second], criterion.confidence) for first, second in chosen]
    samples: list[Sample] = [row.pop("sample") for row in rows]
    for row, sample, p in zip(rows, samples, _p_values(samples, criterion.seed), strict=True):
        row |= {"p": p, "needed": _needed(row["difference"], sample, LEVEL / len(rows))}
    pairs = pd.DataFrame(rows, columns=[*PAIR, "p", "needed"])
    return pairs.assign(adjusted=inference.holm(pairs["p"].to_numpy(dtype=float)))


def _pair(first: pd.Series, second: pd.Series, confidence: float) -> dict[str, Any]:
    """By how much one of two options (seeds,) is better, and the `sample` that is tested."""
    both_ended = (first.notna() & second.notna()).to_numpy()
    paired = both_ended.sum() >= 2 and 2 * both_ended.sum() >= max(first.count(), second.count())
    a, b = (losses.to_numpy()[both_ended] if paired else losses.dropna().to_numpy() for losses in (first, second))
    better, worse = first.name, second.name
    if _advantage(a, b, paired) < 0:
        a, b, better, worse = b, a, worse, better
    with np.errstate(invalid="ignore"):  # inf - inf, where both have diverged
        sample: Sample = b - a if paired else (b, a)
    row = {"better": better, "worse": worse, "seeds": min(len(a), len(b)), "paired": paired, "sample": sample}
    row["difference"], row["low"], row["high"] = _difference(a, b, paired, confidence)
    chance = intervals.probability(a, b, paired, confidence) if len(a) and len(b) else UNKNOWN
    return row | columns("probability", chance)


def _needed(difference: float, sample: Sample, level: float) -> float:
    """How many seeds would show such a difference at that level, which the least p-value, 2 of 2**n, must reach."""
    finite = np.empty(0) if isinstance(sample, tuple) else sample[np.isfinite(sample)]
    seeds = inference.seeds_needed(difference, finite.std(ddof=1), level) if len(finite) > 1 else None
    return np.nan if seeds is None else max(seeds, math.ceil(1 - math.log2(level)))


def _advantage(a: Array, b: Array, paired: bool) -> float:
    """By how much the losses `a` are smaller; where a run diverged, in ranks."""
    if not len(a) or not len(b):
        return 0.0
    if np.isfinite(a).all() and np.isfinite(b).all():
        return float(b.mean() - a.mean())
    if paired:  # the same ranks that are tested
        with np.errstate(invalid="ignore"):
            return float(inference.signed_ranks(b - a).sum())
    return intervals.probability(a, b, paired).estimate - 0.5


def _difference(a: Array, b: Array, paired: bool, confidence: float) -> Interval:
    """The mean of b - a over the runs that finished."""
    if paired:
        finite = np.isfinite(a) & np.isfinite(b)
        return intervals.paired(b[finite] - a[finite], confidence) if finite.any() else UNKNOWN
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    return intervals.unpaired(b, a, confidence) if len(a) > 1 and len(b) > 1 else UNKNOWN


def _p_values(samples: list[Sample], seed: int) -> Array:
    """Of differences by the sign-flip test, those of equally many seeds at once; of two samples by permutation."""
    p = np.full(len(samples), np.nan)
    resamples = int(np.clip(FINENESS * len(samples), *RESAMPLES))
    by_length: dict[int, list[int]] = {}  # the indices of the paired samples with so many seeds
    for index, sample in enumerate(samples):
        if not isinstance(sample, tuple):
            by_length.setdefault(len(sample), []).append(index)
        elif all(len(losses) > 1 for losses in sample):
            p[index] = inference.permutation(*sample, np.random.default_rng(seed))
    for length, indices in by_length.items():
        if length > 1:
            differences = np.stack([samples[index] for index in indices], axis=1)
            p[indices] = inference.sign_flip(differences, np.random.default_rng(seed), resamples)
    return p
