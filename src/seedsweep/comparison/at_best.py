"""Which of two options is better with each at its best cell, where the same seeds choose the cell and compare it.

One option beats another if its leading cell is better than every cell of the other. Over the cells of the other that is
an intersection-union test (Berger 1982), which needs no correction: the largest p-value counts. That the leading cell
was chosen is paid for by the largest statistic over all cells that could have led, under sign flips that all of them
share. The cells of the two options need not be the same. See docs/statistics.md.
"""

import math
from typing import NamedTuple

import numpy as np

from seedsweep.comparison import inference, intervals
from seedsweep.comparison.inference import ROUNDING, is_surely_worse
from seedsweep.comparison.intervals import Array
from seedsweep.comparison.pairs import advantage

NEAR_THE_FLOOR = 10  # random patterns of signs, or fewer, that are as extreme as the observed one


class Cells(NamedTuple):
    """The losses of one option's cells over the seeds: inf for a diverged run, nan for one that has no end.

    Args:
        choosing: by which the best cell is chosen (cells, seeds).
        claims: by which it is compared (cells, seeds); may be the same.
        flawed: of which cells the worse runs were pruned (cells,); they lead only where every cell is such.
    """

    choosing: Array
    claims: Array
    flawed: np.ndarray

    def leading(self) -> int:
        """The index of the cell with the lowest mean; those with diverged runs come after those without."""
        ended = (~np.isnan(self.choosing)).sum(axis=1)
        finite = np.isfinite(self.choosing)
        mean = np.where(finite, self.choosing, 0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
        diverged = (ended - finite.sum(axis=1)) / np.maximum(ended, 1)
        return int(np.lexsort((mean, diverged, self.flawed, 2 * ended < ended.max(), ended == 0))[0])

    def could_lead(self) -> list[int]:
        """The indices of the cells that are not surely worse than the leading one, by paired t tests; it is the first.

        With a diverged run the ranks of the differences are tested. Cells that have less than half as many seeds as
        others, or whose worse runs were pruned, are not among them.
        """
        leader = self.leading()
        ended = (~np.isnan(self.choosing)).sum(axis=1)
        eligible = (2 * ended >= ended.max()) & (ended > 0) & (self.flawed <= self.flawed[leader])
        with np.errstate(invalid="ignore"):
            differences = self.choosing - self.choosing[leader]
        missing = np.isnan(self.choosing) | np.isnan(self.choosing[leader])
        others = [int(cell) for cell in np.flatnonzero(eligible) if cell != leader]
        worse = (is_surely_worse(differences[cell][~missing[cell]], len(ended) - 1) for cell in others)
        return [leader] + [cell for cell, is_worse in zip(others, worse, strict=True) if not is_worse]


class BestComparison(NamedTuple):
    """How much better the first of two options is, each at its best cell.

    Args:
        p: that its leading cell is better than every cell of the other, two-sided; 1 where a cell has too few seeds.
        closest: the index of the other's cell that is the closest to it in the mean.
        hardest: the index of the other's cell with the largest p-value.
        gap: of the means of the leading cell and the hardest one.
        difference: of the means of the leading cell and the closest one.
        low: lower limit of the difference between the best cell of each, whichever they are.
        high: upper limit of the same.
    """

    p: float
    closest: int
    hardest: int
    gap: float
    difference: float
    low: float
    high: float


def compare_bests(
    better: Cells, worse: Cells, confidence: float, seed: int, resamples: int = 10_000, most_resamples: int = 10_000
) -> BestComparison:
    """Test whether one option is better than another with each at its best, and estimate by how much.

    The limits are Student's, with the level divided by the number of cells that could have led: they hold whichever
    cell was chosen. The lower limit is the lowest over the cells of the other option, the upper limit the highest over
    the cells of the first that could have led, so that they enclose the difference of the true bests. Where test and
    limits disagree on whether 0 is excluded, which skewed differences can do, the test decides: a limit moves to 0.

    Args:
        better: the cells of the option with the better leading cell.
        worse: the cells of the other.
        confidence: of the limits.
        seed: of the random signs.
        resamples: how many patterns of signs at most.
        most_resamples: as many instead, if the p-value is at most 1 - confidence, or next to the least there can be.

    Returns:
        The p-value, the closest cell and the interval.
    """
    candidates, others = better.could_lead(), np.flatnonzero((~np.isnan(worse.claims)).any(axis=1))
    p = _p_by_cell(better.claims[candidates], worse.claims[others], seed, resamples)
    if most_resamples > resamples and np.max(p) <= max((1 - confidence) / 2, NEAR_THE_FLOOR / resamples):
        p = _p_by_cell(better.claims[candidates], worse.claims[others], seed, most_resamples)
    closest, difference, low, high = _interval(better, worse, candidates, confidence)
    gaps = np.array([_mean(_sample(better.claims[candidates[0]], worse.claims[cell])) for cell in others])
    hardest = int(np.lexsort((gaps, -p))[0])
    two_sided = min(1.0, 2 * float(np.max(p)))
    low = max(low, 0.0) if two_sided <= 1 - confidence else min(low, 0.0)
    return BestComparison(two_sided, closest, int(others[hardest]), float(gaps[hardest]), difference, low, high)


def _p_by_cell(candidates: Array, others: Array, seed: int, resamples: int) -> Array:
    """One-sided p-values (cells,) that the first candidate of (c, seeds) is better than each of (cells, seeds)."""
    p = np.ones(len(others))
    paired = []
    for cell, losses in enumerate(others):
        first, second, is_paired = inference.comparable(candidates[0], losses)
        if is_paired:
            paired.append(cell)
        elif min(len(first), len(second)) > 1:
            both = inference.permutation(first, second, np.random.default_rng(seed), resamples)
            side = both / 2 if advantage(first, second, paired=False) > 0 else 1 - both / 2
            p[cell] = min(1.0, len(candidates) * side)  # Bonferroni's, over the cells that could have led
    if not paired:
        return p
    with np.errstate(invalid="ignore"):  # inf - inf, where both have diverged
        differences = others[paired][None] - candidates[:, None]
    missing = np.isnan(others[paired])[None] | np.isnan(candidates)[:, None]
    differences = np.nan_to_num(_ranked(differences, missing))
    shape, n = differences.shape[:2], differences.shape[2]
    columns = differences.reshape(-1, n).T
    columns = columns[np.argsort(np.sort(columns, axis=1).sum(axis=1))]  # which seed is which makes no difference
    length = np.sqrt((columns**2).sum(axis=0))
    columns = columns / np.where(length > 0, length, 1)  # then the sum is a monotone function of Student's t
    observed = columns.sum(axis=0).reshape(shape)[0]
    hits = np.zeros(len(paired))
    for signs in inference.sign_patterns(n, np.random.default_rng(seed), resamples, columns.shape[1]):
        hits += ((signs @ columns).reshape(-1, *shape).max(axis=1) >= observed - ROUNDING).sum(axis=0)
    p[paired] = inference.p_from_hits(hits, n, resamples)
    return p


def _ranked(differences: Array, missing: np.ndarray) -> Array:
    """The differences (…, seeds), or their signed ranks where one is infinite; nan where one is missing."""
    infinite = np.isinf(np.where(missing, 0, differences)) | (np.isnan(differences) & ~missing)
    if infinite.any():
        ranks = np.moveaxis(inference.signed_ranks(np.moveaxis(np.where(missing, 0, differences), -1, 0)), 0, -1)
        differences = np.where(infinite.any(axis=-1, keepdims=True), ranks, differences)
    return np.where(missing, np.nan, differences)


def _sample(better: Array, worse: Array) -> Array | tuple[Array, Array]:
    """The finite differences of two cells (seeds,), or their finite losses where these are not paired."""
    a, b, paired = inference.comparable(better, worse)
    if paired:
        finite = np.isfinite(a) & np.isfinite(b)
        return b[finite] - a[finite]
    return a[np.isfinite(a)], b[np.isfinite(b)]


def _mean(sample: Array | tuple[Array, Array]) -> float:
    """By how much the first of two cells is better in the mean; nan where one has no finite loss."""
    if isinstance(sample, tuple):
        return float(sample[1].mean() - sample[0].mean()) if all(map(len, sample)) else math.nan
    return float(sample.mean()) if len(sample) else math.nan


def _limits(sample: Array | tuple[Array, Array], confidence: float) -> tuple[float, float]:
    """Student's or Welch's limits; nan where there are too few values."""
    if isinstance(sample, tuple):
        return intervals.unpaired(sample[1], sample[0], confidence)[1:] if all(map(len, sample)) else (math.nan,) * 2
    return intervals.paired(sample, confidence)[1:] if len(sample) else (math.nan, math.nan)


def _interval(better: Cells, worse: Cells, candidates: list[int], confidence: float) -> tuple[int, float, float, float]:
    """The closest cell, the difference to it, and the limits of the difference between the best cells."""
    rivals = worse.could_lead()
    clean = [cell for cell, losses in enumerate(worse.claims) if np.isfinite(losses[~np.isnan(losses)]).all()]
    cells = [cell for cell in clean if not np.isnan(worse.claims[cell]).all()] or rivals[:1]
    samples = [_sample(better.claims[candidates[0]], worse.claims[cell]) for cell in cells]
    means = np.array([_mean(sample) for sample in samples])
    if np.isnan(means).all():
        return rivals[0], math.nan, math.nan, math.nan
    least = int(np.nanargmin(means))
    tail = 1 - confidence
    lows = [_limits(sample, 1 - tail / len(candidates))[0] for sample in samples]
    led = [_sample(better.claims[cell], worse.claims[rivals[0]]) for cell in candidates]
    highs = [_limits(sample, 1 - tail / len(rivals))[1] for sample in led]
    low = math.nan if np.isnan(lows).all() else float(np.nanmin(lows))
    high = math.nan if np.isnan(highs).all() else float(np.nanmax(highs))
    return cells[least], float(means[least]), low, high
