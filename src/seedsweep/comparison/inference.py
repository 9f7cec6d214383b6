"""Tests of differences between cells, their adjustment for many of them, and how many seeds would show a difference.

Smaller is better, and a diverged run is `inf`, as in `intervals`. See docs/statistics.md.
"""

import math
from bisect import bisect_left
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from seedsweep.comparison.intervals import BLOCK, Array, checked

ROUNDING = 1e-12  # relative to the magnitudes summed: what differs less is a tie
MOST_SEEDS = 10**6


def signed_ranks(differences: ArrayLike) -> Array:
    """Wilcoxon's signed ranks (1945): the rank of |d| times the sign of d, ties averaged.

    Args:
        differences: of one pair of cells (n,), or of many (n, m), each column by itself. inf ranks highest.

    Returns:
        Ranks of the same shape. 0, and nan where both runs have diverged, become 0 and are not ranked, as
        `scipy.stats.wilcoxon` has it.
    """
    from scipy.stats import rankdata

    values = np.where(np.isnan(differences), 0.0, differences)
    ranked = rankdata(np.abs(values), axis=0)
    return np.asarray((ranked - (values == 0).sum(axis=0)) * np.sign(values))


def sign_flip(differences: ArrayLike, generator: np.random.Generator, resamples: int = 10_000) -> Array:
    """Two-sided sign-flip tests (Fisher 1935) that paired differences have mean zero.

    Exact by all 2**n patterns of signs if these are at most `resamples`, else by random ones, with the +1 of Phipson &
    Smyth (2010). No p is below 2**(1 - n), nor below 1 / (resamples + 1): m tests that are to pass `holm` need well
    over m / level resamples.

    Args:
        differences: of one pair of cells (n,), or of many (n, m), one row a seed. A column that is not finite is tested
            by its `signed_ranks`.
        generator: of the random patterns.
        resamples: how many patterns of signs at most.

    Returns:
        p-values, of shape () or (m,).
    """
    values = np.asarray(differences, dtype=float)
    columns = values[:, None] if values.ndim == 1 else values
    if (ranked := ~np.isfinite(columns).all(axis=0)).any():
        columns = np.where(ranked, signed_ranks(columns), columns)
    n = len(columns)
    if exact := 2**n <= resamples:
        flips = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        flips = generator.integers(2, size=(resamples, n), dtype=np.int8)
    least = np.abs(columns.sum(axis=0)) - ROUNDING * np.abs(columns).sum(axis=0)
    hits = np.zeros(columns.shape[1])
    for block in np.array_split(flips, 1 + len(flips) * sum(columns.shape) // (16 * BLOCK)):
        hits += (np.abs((1.0 - 2.0 * block) @ columns) >= least).sum(axis=0)
    p = hits / len(flips) if exact else (hits + 1) / (resamples + 1)
    return np.asarray(p.reshape(values.shape[1:]))


def permutation(a: ArrayLike, b: ArrayLike, generator: np.random.Generator, resamples: int = 10_000) -> float:
    """The two-sided permutation test of mean(a) - mean(b); of mean ranks where a score is infinite.

    Exact by all splits of the n + m scores if these are at most `resamples`, else by random ones, as in `sign_flip`. It
    counts splits with a |difference| as large; `scipy.stats.permutation_test` doubles the smaller tail instead.

    Args:
        a: scores of one cell (n,); inf for a diverged run.
        b: scores of the other (m,).
        generator: of the random splits.
        resamples: how many splits at most.

    Returns:
        The p-value.

    Raises:
        ValueError: a score is nan or -inf.
    """
    first, second = checked(a), checked(b)
    pooled, n = np.concatenate([first, second]), first.size
    if not np.isfinite(pooled).all():
        from scipy.stats import rankdata

        pooled = rankdata(pooled)
    pooled = pooled - pooled.mean()
    if exact := math.comb(pooled.size, n) <= resamples:
        sums = pooled[list(combinations(range(pooled.size), n))].sum(axis=1)
    else:
        sums, rows = np.empty(resamples), 1 + BLOCK // pooled.size
        for start in range(0, resamples, rows):
            shuffled = np.tile(pooled, (min(rows, resamples - start), 1))
            sums[start : start + rows] = generator.permuted(shuffled, axis=1)[:, :n].sum(axis=1)
    hits = (np.abs(sums) >= abs(pooled[:n].sum()) - ROUNDING * np.abs(pooled).sum()).sum()
    return float(hits / len(sums) if exact else (hits + 1) / (resamples + 1))


def holm(p: ArrayLike) -> Array:
    """p-values adjusted by Holm's method (1979), so that all of them may be read together.

    The same as `statsmodels.stats.multitest.multipletests`, which collects garbage in each call: 0.3 s beside torch.

    Args:
        p: of any shape; nan is not counted. Of a symmetric matrix give one triangle and nan elsewhere, so that each
            pair counts once.

    Returns:
        Adjusted p-values of the same shape, nan where `p` is.
    """
    values = np.array(p, dtype=float)
    flat = values.ravel()
    order = np.argsort(flat)[: (~np.isnan(flat)).sum()]  # nan is last
    flat[order] = np.minimum(np.maximum.accumulate(flat[order] * np.arange(len(order), 0, -1)), 1)
    return flat.reshape(values.shape)


def seeds_needed(difference: float, sd: float, level: float = 0.05, power: float = 0.9) -> int | None:
    """How many seeds a two-sided paired t test needs to find a difference, by the noncentral t distribution.

    `statsmodels.stats.power` gives the same, but nan from 20 standard deviations on, and takes five times as long.

    Args:
        difference: of the means of two cells.
        sd: the standard deviation over seeds of the paired differences, in the units of `difference`.
        level: below which the p-value must be.
        power: the probability that it is.

    Returns:
        The least number; None if the difference is 0, a number is not finite, or a million seeds do not suffice.
    """
    from scipy.special import nctdtr, stdtrit

    if not (difference and math.isfinite(difference) and math.isfinite(sd)):
        return None
    effect = min(abs(difference) / sd, 1e6) if sd else 1e6

    def suffices(n: int) -> bool:
        critical, shift = stdtrit(n - 1, 1 - level / 2), effect * math.sqrt(n)
        upper, lower = np.nan_to_num(nctdtr(n - 1, shift, [critical, -critical]))  # nan where next to 0
        return bool(1 - upper + lower >= power)

    seeds = 2 + bisect_left(range(2, MOST_SEEDS + 1), True, key=suffices)
    return seeds if seeds <= MOST_SEEDS else None
