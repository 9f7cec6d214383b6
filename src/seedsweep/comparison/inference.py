"""What the runs of a sweep allow to be said: intervals, tests, and how many seeds would say more.

Smaller is better throughout (callers negate the rest); a diverged run is `inf`, the worst; `nan` is refused unless a
function says what it means there. Limits are two-sided, and `nan` where one value has none. See docs/statistics.md.
"""

import math
from bisect import bisect_left
from itertools import combinations
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
PART = 2**16  # numbers at once while resampling: they stay in the cache
EQUAL = 1e-12  # relative to the magnitudes summed: what differs less is a tie but for rounding


class Interval(NamedTuple):
    """An estimate and its confidence limits, in the unit of the values."""

    estimate: float
    low: float
    high: float


def mean(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """The mean with Student's t interval, exact for normal data at every n.

    Args:
        values: finite numbers (n,).
        confidence: of the interval, between 0 and 1.

    Returns:
        Estimate and limits, in the units of the values; the limits are nan for one value.

    Raises:
        ValueError: a value is not finite: with a diverged run there is no mean.
    """
    sample = checked(values, finite=True)
    return _student(sample.mean(), _squared_error(sample), sample.size - 1, confidence)


def paired(differences: ArrayLike, confidence: float = 0.95) -> Interval:
    """The mean of paired differences with Student's t interval.

    Args:
        differences: finite numbers (n,), one a seed.
        confidence: of the interval, between 0 and 1.

    Returns:
        Estimate and limits, in the units of the differences.

    Raises:
        ValueError: a difference is not finite.
    """
    return mean(differences, confidence)


def unpaired(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Interval:
    """mean(a) - mean(b) of finite (n,) and (m,) with Welch's interval (1947), which takes no variances for equal."""
    first, second = checked(a, finite=True), checked(b, finite=True)
    errors = np.array([_squared_error(first), _squared_error(second)])
    less = np.array([first.size, second.size]) - 1
    freedom = errors.sum() ** 2 / (errors**2 / less).sum() if (errors > 0).any() and less.all() else less.min()
    return _student(first.mean() - second.mean(), errors.sum(), freedom, confidence)


def median(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """The median of values (n,) with an interval between order statistics, for any continuous distribution.

    Interpolated (Hettmansperger & Sheather 1986) to cover about `confidence`, not more; not so beside a diverged run.
    Where n is too small the limits are the extremes, which cover 1 - 2**(1 - n): 0.9375 at n = 5.
    """
    from scipy.special import bdtr

    sample = np.sort(checked(values))
    if (n := sample.size) == 1:
        return Interval(float(sample[0]), math.nan, math.nan)
    covered = 1 - 2 * bdtr(np.arange(n // 2 + 1.0), n, 0.5)  # between the first from each end, the second, …
    depth = max(int((covered >= confidence).sum()), 1)
    share = max((covered[depth - 1] - confidence) / (covered[depth - 1] - covered[depth]), 0.0)
    share *= (n - depth) / (depth + (n - 2 * depth) * share)
    limits, inner = sample[[depth - 1, n - depth]], sample[[depth, n - depth - 1]]
    both = np.isfinite(limits) & np.isfinite(inner)
    limits[both] += share * (inner[both] - limits[both])
    return Interval(float(np.median(sample)), *limits.tolist())


def interquartile_mean(
    values: ArrayLike, generator: np.random.Generator, confidence: float = 0.95, resamples: int = 10_000
) -> Interval:
    """The mean of the middle half of values (n,) with a bootstrap interval; `inf` if over a quarter have diverged.

    Values at the quartiles count in part (`scipy.stats.trim_mean` and rliable take whole ones). The interval is BCa
    (Efron 1987) where the jackknife is finite and varies, else percentiles; it covers less than promised at small n.
    """
    sample = np.sort(checked(values))
    n, estimate = sample.size, float(_middle_means(sample, np.ones((1, sample.size)))[0])
    if n == 1:
        return Interval(estimate, math.nan, math.nan)
    resampled = []
    for index in np.array_split(generator.integers(n, size=(resamples, n), dtype=np.int32), 1 + resamples * n // PART):
        cells = index + n * np.arange(len(index))[:, None]
        resampled.append(_middle_means(sample, np.bincount(cells.ravel(), minlength=index.size).reshape(index.shape)))
    bootstrap, jackknife = np.concatenate(resampled), _middle_means(sample, 1 - np.eye(n))
    limits = np.quantile(bootstrap, _levels(estimate, bootstrap, jackknife, confidence), method="inverted_cdf")
    return Interval(estimate, *limits.tolist())


def signed_ranks(differences: ArrayLike) -> Array:
    """Wilcoxon's signed ranks of differences (n,) or of each column of (n, m): of |d|, times the sign, ties averaged.

    `inf` ranks highest; 0, and `nan` where both have diverged, become 0 and are not ranked, as `scipy.stats.wilcoxon`.
    """
    from scipy.stats import rankdata

    values = np.where(np.isnan(differences), 0.0, differences)
    ranked = rankdata(np.abs(values), axis=0)
    return np.asarray((ranked - (values == 0).sum(axis=0)) * np.sign(values))


def sign_flip(differences: ArrayLike, generator: np.random.Generator, resamples: int = 10_000) -> Array:
    """p-values () or (m,) of two-sided sign-flip tests that paired differences (n,) or (n, m) have mean zero.

    A column that is not finite is tested by its `signed_ranks`. Exact by all 2**n patterns if these are at most
    `resamples`, else by random ones, with the +1 of Phipson & Smyth (2010). No p is below 2**(1 - n), nor below
    1 / (resamples + 1): m tests that are to pass `holm` need well over m / level resamples.
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
    least = np.abs(columns.sum(axis=0)) - EQUAL * np.abs(columns).sum(axis=0)
    hits = np.zeros(columns.shape[1])
    for signs in np.array_split(flips, 1 + len(flips) * sum(columns.shape) // (16 * PART)):
        hits += (np.abs((1.0 - 2.0 * signs) @ columns) >= least).sum(axis=0)
    p = hits / len(flips) if exact else (hits + 1) / (resamples + 1)
    return np.asarray(p.reshape(values.shape[1:]))


def permutation(a: ArrayLike, b: ArrayLike, generator: np.random.Generator, resamples: int = 10_000) -> float:
    """The p-value of the two-sided permutation test of mean(a) - mean(b), of (n,) and (m,); exact where few patterns.

    Of mean ranks where a value is infinite. By |difference|; `scipy.stats.permutation_test` doubles the smaller tail.
    """
    first, second = checked(a), checked(b)
    both, n = np.concatenate([first, second]), first.size
    if not np.isfinite(both).all():
        from scipy.stats import rankdata

        both = rankdata(both)
    both = both - both.mean()
    if exact := math.comb(both.size, n) <= resamples:
        sums = both[list(combinations(range(both.size), n))].sum(axis=1)
    else:
        sums, rows = np.empty(resamples), 1 + PART // both.size
        for start in range(0, resamples, rows):
            shuffled = np.tile(both, (min(rows, resamples - start), 1))
            sums[start : start + rows] = generator.permuted(shuffled, axis=1)[:, :n].sum(axis=1)
    hits = (np.abs(sums) >= abs(both[:n].sum()) - EQUAL * np.abs(both).sum()).sum()
    return float(hits / len(sums) if exact else (hits + 1) / (resamples + 1))


def probability(a: ArrayLike, b: ArrayLike, paired: bool, confidence: float = 0.95) -> Interval:
    """How probably a run of `a` (n,) has a smaller value than one of `b` (m,); ties, also of diverged runs, count half.

    Paired by position, with Wilson's score interval, or over all pairs (the Mann–Whitney effect), with Method 5 of
    Newcombe (2006).
    """
    first, second = checked(a), checked(b)
    if paired and first.size != second.size:
        raise ValueError(f"pairs need as many values of each, not {first.size} and {second.size}")
    against = second if paired else second[:, None]
    estimate = float(np.mean((first < against) + (first == against) / 2))
    z, n = NormalDist().inv_cdf((1 + confidence) / 2), first.size
    if not paired:
        return Interval(estimate, *(_newcombe(estimate, end, n, second.size, z) for end in (0.0, 1.0)))
    half = z * math.sqrt(estimate * (1 - estimate) / n + (z / n) ** 2 / 4)
    low, high = ((estimate + z**2 / (2 * n) + side) / (1 + z**2 / n) for side in (-half, half))
    return Interval(estimate, max(low, 0.0), min(high, 1.0))


def holm(p: ArrayLike) -> Array:
    """p-values of any shape, adjusted (Holm 1979) so that all may be read together; `nan` stays and does not count.

    Of a symmetric matrix give one triangle and `nan` elsewhere, so that each comparison counts once.
    """
    from statsmodels.stats.multitest import multipletests

    adjusted = np.array(p, dtype=float)
    tested = ~np.isnan(adjusted)
    if tested.any():
        adjusted[tested] = multipletests(adjusted[tested], method="holm")[1]
    return adjusted


def seeds_needed(difference: float, sd: float, level: float = 0.05, power: float = 0.9) -> int | None:
    """How many pairs a two-sided paired t test needs to find a mean `difference`, by the noncentral t distribution.

    `sd` is of the differences. None if the difference is 0, a number is not finite, or a million do not suffice.
    """
    from scipy.special import nctdtr, stdtrit

    if not (difference and math.isfinite(difference) and math.isfinite(sd)):
        return None
    effect = min(abs(difference) / sd, 1e6) if sd else 1e6

    def suffices(n: int) -> bool:
        critical, shift = stdtrit(n - 1, 1 - level / 2), effect * math.sqrt(n)
        upper, lower = np.nan_to_num(nctdtr(n - 1, shift, [critical, -critical]))  # nan where next to 0
        return bool(1 - upper + lower >= power)

    seeds = 2 + bisect_left(range(2, 10**6 + 1), True, key=suffices)
    return seeds if seeds <= 10**6 else None


def checked(values: ArrayLike, finite: bool = False) -> Array:
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or not sample.size or not (np.isfinite(sample) if finite else sample > -np.inf).all():
        raise ValueError(f"the values must be {'finite numbers' if finite else 'numbers or inf'}, not {sample}")
    return sample


def _squared_error(sample: Array) -> float:
    return float(sample.var(ddof=1)) / sample.size if sample.size > 1 else math.nan


def _student(estimate: float, squared_error: float, freedom: float, confidence: float) -> Interval:
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(squared_error) if freedom > 0 else math.nan
    return Interval(float(estimate), float(estimate) - half, float(estimate) + half)


def _middle_means(values: Array, counts: NDArray[Any]) -> Array:
    """The means (r,) of the middle halves of samples that hold the sorted `values` (n,) `counts` (r, n) times."""
    finite, size = int(np.isfinite(values).sum()), counts[0].sum()
    ends = np.clip(np.cumsum(counts, axis=1, dtype=float)[:, :finite], size / 4, 3 * size / 4)
    means = np.diff(ends, axis=1, prepend=size / 4) @ values[:finite] / (size / 2)
    return np.where(ends.max(axis=1, initial=0) < 3 * size / 4, np.inf, means)


def _levels(estimate: float, bootstrap: Array, jackknife: Array, confidence: float) -> Array:
    """The quantiles of the bootstrap that are the limits: BCa's, or the plain tails where it has none."""
    from scipy.special import ndtr, ndtri

    tails = np.array([1 - confidence, 1 + confidence]) / 2
    below = np.mean((bootstrap < estimate) + (bootstrap == estimate) / 2)
    if not (np.isfinite(jackknife).all() and np.ptp(jackknife) and 0 < below < 1):
        return tails
    spread = jackknife.mean() - jackknife
    skew = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    shifted = ndtri(below) + ndtri(tails)
    return np.asarray(ndtr(ndtri(below) + shifted / (1 - skew * shifted)))


def _newcombe(estimate: float, end: float, n: int, m: int, z: float) -> float:
    """The limit of a Mann–Whitney effect that lies towards `end`, 0 or 1, by bisection."""
    outer, inner = end, estimate
    for _ in range(60):
        middle = (outer + inner) / 2
        spread = 1 + ((n + m) / 2 - 1) * ((1 - middle) / (2 - middle) + middle / (1 + middle))
        outside = abs(estimate - middle) > z * math.sqrt(middle * (1 - middle) * spread / (n * m))
        outer, inner = (middle, inner) if outside else (outer, middle)
    return outer
