"""The pairs of options at one setting: their differences, tested seed by seed."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison import inference, intervals
from seedsweep.comparison.groups import UNKNOWN, Criterion, columns, describe
from seedsweep.comparison.intervals import Array, Interval
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.ranking import conclude
from seedsweep.metrics import Metric

FINENESS = 1_000  # resamples for each pair, so that an adjusted p-value can fall below 0.001, …
RESAMPLES = 10_000, 200_000  # … but at least and at most so many
Sample = Array | tuple[Array, Array]  # what is tested of a pair: paired differences (n,), or the losses of each


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
        statistics = describe(dict(iter(scored.groupby("option"))), criterion)
        described = pd.DataFrame.from_dict(statistics, orient="index")
    rows = _pairs(_by_seed(scored, criterion.metric), criterion)
    return conclude(str(scored["problem"].iloc[0]), name, criterion, described, rows)


def resamples(pairs: int, confidence: float) -> int:
    """How many resamples a test takes that is one of so many.

    Args:
        pairs: how many pairs are tested.
        confidence: of the comparison.

    Returns:
        1,000 for each pair at a confidence of 0.95, more above; at least 10,000 and at most 200,000.
    """
    return int(np.clip(FINENESS * pairs * 0.05 / (1 - confidence), *RESAMPLES))


def advantage(a: Array, b: Array, paired: bool) -> float:
    """By how much one of two options is better.

    Args:
        a: losses of one option (n,); inf for a diverged run.
        b: losses of the other (m,).
        paired: whether those at the same index are of the same seed.

    Returns:
        The mean difference b - a, or where a run diverged the sum of the ranks that are tested; 0 without losses.
    """
    if not len(a) or not len(b):
        return 0.0
    if np.isfinite(a).all() and np.isfinite(b).all():
        return float(b.mean() - a.mean())
    if paired:
        with np.errstate(invalid="ignore"):
            return float(inference.signed_ranks(b - a).sum())
    return intervals.probability(a, b, paired).estimate - 0.5


def _by_seed(scored: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Losses by seed (rows) and option (columns); nan where a run has no end."""
    return scored.assign(loss=metric.as_loss(scored["score"])).pivot(index="seed", columns="option", values="loss")


def _pairs(losses: pd.DataFrame, criterion: Criterion) -> list[dict[str, Any]]:
    """The rows of `PairwiseComparison.pairs`, as far as they are of one pair each."""
    chosen = [pair for pair in combinations(losses.columns, 2) if criterion.baseline in (None, *pair)]
    rows = [_pair(losses[first], losses[second], criterion.confidence) for first, second in chosen]
    samples: list[Sample] = [row.pop("sample") for row in rows]
    for row, p in zip(rows, _p_values(samples, criterion), strict=True):
        row["p"] = p
        row["low"], row["high"] = aligned(row["low"], row["high"], p <= 1 - criterion.confidence)
    return rows


def aligned(low: float, high: float, is_sure: bool) -> tuple[float, float]:
    """The limits of a difference, moved to 0 where they and the test do not agree on whether it is excluded.

    Args:
        low: lower limit.
        high: upper limit.
        is_sure: whether the test excludes 0.

    Returns:
        Lower and upper limit.
    """
    if math.isnan(low) or (low <= 0 <= high) != is_sure:
        return low, high
    if is_sure:
        return (0.0, high) if low + high > 0 else (low, 0.0)
    return min(low, 0.0), max(high, 0.0)


def _pair(first: pd.Series, second: pd.Series, confidence: float) -> dict[str, Any]:
    """By how much one of two options (seeds,) is better, and the `sample` that is tested."""
    a, b, paired = inference.comparable(first.to_numpy(), second.to_numpy())
    if advantage(a, b, paired) < 0:
        a, b, first, second = b, a, second, first
    with np.errstate(invalid="ignore"):  # inf - inf, where both have diverged
        sample: Sample = b - a if paired else (b, a)
    row: dict[str, Any] = {"better": first.name, "worse": second.name, "seeds": min(len(a), len(b)), "paired": paired}
    row |= {"sample": sample, "by_seed": differences_by_seed(first, second)}
    row["difference"], row["low"], row["high"] = _difference(a, b, paired, confidence)
    chance = intervals.probability(a, b, paired, confidence) if len(a) and len(b) else UNKNOWN
    return row | columns("probability", chance)


def differences_by_seed(better: pd.Series, worse: pd.Series) -> pd.Series:
    """By how much one of two cells is better on each seed that both have.

    Args:
        better: losses of one cell, by seed; inf for a diverged run, nan for one without an end.
        worse: losses of the other, of the same seeds.

    Returns:
        The differences by seed, nan where both have diverged; none where the cells are not paired.
    """
    if not inference.comparable(better.to_numpy(), worse.to_numpy())[2]:
        return pd.Series(dtype=float)
    shared = better.notna() & worse.notna()
    with np.errstate(invalid="ignore"):  # inf - inf, where both have diverged
        return worse[shared] - better[shared]


def _difference(a: Array, b: Array, paired: bool, confidence: float) -> Interval:
    """The mean of b - a over the runs that finished."""
    if paired:
        finite = np.isfinite(a) & np.isfinite(b)
        return intervals.paired(b[finite] - a[finite], confidence) if finite.any() else UNKNOWN
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    return intervals.unpaired(b, a, confidence) if len(a) > 1 and len(b) > 1 else UNKNOWN


def _p_values(samples: list[Sample], criterion: Criterion) -> Array:
    """Of differences by the sign-flip test, those of equally many seeds at once; of two samples by permutation."""
    p, number, seed = np.full(len(samples), np.nan), resamples(len(samples), criterion.confidence), criterion.seed
    by_length: dict[int, list[int]] = {}  # the indices of the paired samples with so many seeds
    for index, sample in enumerate(samples):
        if not isinstance(sample, tuple):
            by_length.setdefault(len(sample), []).append(index)
        elif all(len(losses) > 1 for losses in sample):
            p[index] = inference.permutation(*sample, np.random.default_rng(seed), number)
    for length, indices in by_length.items():
        if length > 1:
            differences = np.stack([samples[index] for index in indices], axis=1)
            p[indices] = inference.sign_flip(differences, np.random.default_rng(seed), number)
    return p
