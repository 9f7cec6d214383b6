"""Tests of differences between cells, and the adjustment of their p-values for many of them.

Smaller is better, and a diverged run is `inf`, as in `intervals`. See docs/statistics.md.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from seedsweep.comparison.interquartile import BLOCK
from seedsweep.comparison.intervals import Array, checked

SURELY_WORSE = 0.005  # the p-value of what could not have led, shared among all that are held against the leader
ROUNDING = 1e-12  # relative to the magnitudes summed: what differs less is a tie


def comparable(first: Array, second: Array) -> tuple[Array, Array, bool]:
    """The losses of two cells that are compared: those of the same seeds, or all where too few seeds are the same.

    Args:
        first: losses by seed (n,); nan where a run has no end.
        second: the other's, of the same seeds (n,).

    Returns:
        The losses of each without nan, and whether they are paired: whether the cells share two seeds, and at least
        half of those that one of them has.
    """
    ended = ~np.isnan(first), ~np.isnan(second)
    shared = ended[0] & ended[1]
    if shared.sum() >= 2 and 2 * shared.sum() >= max(ended[0].sum(), ended[1].sum()):
        return first[shared], second[shared], True
    return first[ended[0]], second[ended[1]], False


def signed_ranks(differences: ArrayLike) -> Array:
    """Wilcoxon's signed ranks (1945): the rank of |d| times the sign of d, ties averaged.

    Args:
        differences: of one pair of cells (n,), or of many (n, m), each column by itself. inf ranks highest.

    Returns:
        Ranks of the same shape. 0, and nan where both runs have diverged, become 0 and are not ranked, as
        `scipy.stats.wilcoxon` has it.
    """
    values = np.where(np.isnan(differences), 0.0, differences)
    columns = pd.DataFrame(np.abs(values).reshape(len(values), math.prod(values.shape[1:])))
    ranked = columns.rank().to_numpy().reshape(values.shape)  # scipy.stats takes 0.4 s to import
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
    columns = np.sort(columns, axis=0)  # which seed is which makes no difference
    least = np.abs(columns.sum(axis=0)) - ROUNDING * np.abs(columns).sum(axis=0)
    hits = np.zeros(columns.shape[1])
    for signs in sign_patterns(len(columns), generator, resamples, columns.shape[1]):
        hits += (np.abs(signs @ columns) >= least).sum(axis=0)
    return np.asarray(p_from_hits(hits, len(columns), resamples).reshape(values.shape[1:]))


def sign_patterns(n: int, generator: np.random.Generator, resamples: int, columns: int) -> Iterator[Array]:
    """Patterns of n signs, 1 or -1: all 2**n, beginning with all 1, if these are at most `resamples`, else random ones.

    Args:
        n: how many signs are in a pattern.
        generator: of the random patterns.
        resamples: how many patterns at most.
        columns: how many numbers will be computed of a pattern.

    Yields:
        Blocks of patterns (b, n), so small that what is computed of them stays in the processor's cache.
    """
    if 2**n <= resamples:
        flips = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        blocks: Iterable[NDArray[Any]] = np.array_split(flips, 1 + len(flips) * (n + columns) // (16 * BLOCK))
    else:
        blocks = _random_flips(n, generator, resamples, 16 * BLOCK // (n + columns))
    for block in blocks:
        signs = block.astype(float)
        signs *= -2
        signs += 1
        yield signs


def _random_flips(n: int, generator: np.random.Generator, resamples: int, rows: int) -> Iterator[NDArray[Any]]:
    """Random patterns (b, n) of 0 and 1, about so many rows at once, since all may take gigabytes.

    A multiple of four rows at once gives the numbers of a single call, which takes four from each draw.
    """
    rows = max(4, rows - rows % 4)
    for start in range(0, resamples, rows):
        yield generator.integers(2, size=(min(rows, resamples - start), n), dtype=np.int8)


def p_from_hits(hits: Array, n: int, resamples: int) -> Array:
    """The p-values that so many `hits` among the `sign_patterns` of n signs are, the +1 added to those of random ones.

    Args:
        hits: numbers of patterns, of any shape.
        n: how many signs are in a pattern.
        resamples: how many patterns at most.

    Returns:
        p-values of the same shape.
    """
    return hits / 2**n if 2**n <= resamples else (hits + 1) / (resamples + 1)


def is_surely_worse(differences: Array, others: int) -> bool:
    """Whether something is so much worse than the leader that it could not have led: by a paired t test.

    Args:
        differences: by how much it is worse on each seed (n,); with a diverged run their signed ranks are tested.
        others: how many are held against the leader so.

    Returns:
        True if the one-sided p-value is at most 0.005, shared among the others.
    """
    from scipy.special import stdtr

    sample = differences if np.isfinite(differences).all() else signed_ranks(differences)
    if (n := len(sample)) < 2 or sample.mean() <= 0:
        return False
    error = sample.std(ddof=1) / math.sqrt(n)
    return bool(error == 0 or stdtr(n - 1, -sample.mean() / error) <= SURELY_WORSE / max(others, 1))


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
    first, second = np.sort(checked(a)), np.sort(checked(b))  # which seed is which makes no difference
    pooled, n = np.concatenate([first, second]), first.size
    if not np.isfinite(pooled).all():
        pooled = pd.Series(pooled).rank().to_numpy()
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
