"""Estimates with their confidence limits, of the scores that the seeds of one or two cells have given.

Smaller is better throughout (callers negate the rest), and a diverged run is `inf`, the worst; `nan` is refused. Limits
are two-sided, and `nan` where one value has none. docs/statistics.md says why these intervals and how far they hold.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class Interval(NamedTuple):
    """An estimate and its confidence limits, in the units of the values."""

    estimate: float
    low: float
    high: float


def mean(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """The mean with Student's t interval, exact for normal data at every n.

    Args:
        values: finite scores (n,), one a seed.
        confidence: of the interval, between 0 and 1.

    Returns:
        Mean and limits, in the units of the values; the limits are nan for one value.

    Raises:
        ValueError: a value is not finite: with a diverged run there is no mean.
    """
    sample = checked(values, finite=True)
    return _student(sample.mean(), _squared_error(sample), sample.size - 1, confidence)


def paired(differences: ArrayLike, confidence: float = 0.95) -> Interval:
    """The mean of paired differences with Student's t interval.

    Args:
        differences: of the scores of two cells (n,), finite, one a seed.
        confidence: of the interval, between 0 and 1.

    Returns:
        Mean and limits, in the units of the differences.

    Raises:
        ValueError: a difference is not finite.
    """
    return mean(differences, confidence)


def unpaired(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Interval:
    """mean(a) - mean(b) with Welch's interval (Biometrika 1947), which does not assume equal variances.

    Args:
        a: finite scores of one cell (n,).
        b: finite scores of the other (m,), of seeds that need not be the same.
        confidence: of the interval, between 0 and 1.

    Returns:
        Difference and limits, in the units of the scores; the limits are nan where a cell has one value.

    Raises:
        ValueError: a score is not finite.
    """
    first, second = checked(a, finite=True), checked(b, finite=True)
    errors = np.array([_squared_error(first), _squared_error(second)])
    freedoms = np.array([first.size, second.size]) - 1
    has_variance = (errors > 0).any() and freedoms.all()
    freedom = errors.sum() ** 2 / (errors**2 / freedoms).sum() if has_variance else freedoms.min()
    return _student(first.mean() - second.mean(), errors.sum(), freedom, confidence)


def median(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """The median with an interval between order statistics, for any continuous distribution.

    The limits are interpolated to cover about `confidence` and not more (Hettmansperger & Sheather 1986), except beside
    a diverged run. Where n is too small they are the extremes, which cover 1 - 2**(1 - n): 0.9375 at n = 5.

    Args:
        values: scores (n,), one a seed; inf for a diverged run.
        confidence: of the interval, between 0 and 1.

    Returns:
        Median and limits, in the units of the values.

    Raises:
        ValueError: a value is nan or -inf.
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
    both_finite = np.isfinite(limits) & np.isfinite(inner)
    limits[both_finite] += share * (inner[both_finite] - limits[both_finite])
    return Interval(float(np.median(sample)), *limits.tolist())


def probability(a: ArrayLike, b: ArrayLike, paired: bool, confidence: float = 0.95) -> Interval:
    """How probably a run of `a` has a smaller score than one of `b`; ties, also of diverged runs, count half.

    Args:
        a: scores of one cell (n,); inf for a diverged run.
        b: scores of the other (m,).
        paired: True compares scores at the same index, with Wilson's score interval (1927); False compares all n x m
            pairs (the Mann–Whitney effect), with Method 5 of Newcombe (Statistics in Medicine 2006).
        confidence: of the interval, between 0 and 1.

    Returns:
        Probability and limits, between 0 and 1.

    Raises:
        ValueError: a score is nan or -inf, or `paired` with n != m.
    """
    first, second = checked(a), checked(b)
    if paired and first.size != second.size:
        raise ValueError(f"pairs need as many values of each, not {first.size} and {second.size}")
    estimate = float(np.mean((first < second) + (first == second) / 2)) if paired else _smaller(first, second)
    z, n = NormalDist().inv_cdf((1 + confidence) / 2), first.size
    if not paired:
        return Interval(estimate, *(_newcombe(estimate, end, n, second.size, z) for end in (0.0, 1.0)))
    half = z * math.sqrt(estimate * (1 - estimate) / n + (z / n) ** 2 / 4)
    low, high = ((estimate + z**2 / (2 * n) + side) / (1 + z**2 / n) for side in (-half, half))
    return Interval(estimate, max(low, 0.0), min(high, 1.0))


def _smaller(first: Array, second: Array) -> float:
    """The share of all n x m pairs in which the first is smaller, ties counting half, without a table of the pairs."""
    ascending = np.sort(first)
    below, up_to = (np.searchsorted(ascending, second, side).sum() for side in ("left", "right"))
    return float((below + up_to) / 2 / (first.size * second.size))


def checked(values: ArrayLike, finite: bool = False) -> Array:
    """The values as an array (n,) of at least one number; `ValueError` for nan, -inf and, if `finite`, for inf."""
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or not sample.size or not (np.isfinite(sample) if finite else sample > -np.inf).all():
        raise ValueError(f"the values must be {'finite numbers' if finite else 'numbers or inf'}, not {sample}")
    return sample


def _squared_error(sample: Array) -> float:
    """The squared standard error of the mean; nan of one value."""
    return float(sample.var(ddof=1)) / sample.size if sample.size > 1 else math.nan


def _student(estimate: float, squared_error: float, freedom: float, confidence: float) -> Interval:
    """Student's t interval with these degrees of freedom."""
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(squared_error) if freedom > 0 else math.nan
    return Interval(float(estimate), float(estimate) - half, float(estimate) + half)


def _newcombe(estimate: float, end: float, n: int, m: int, z: float) -> float:
    """The limit of a Mann–Whitney effect that lies towards `end`, 0 or 1, by bisection.

    The variance is that of Hanley & McNeil (1982), with (n + m) / 2 in its sum for both numbers.
    """
    outer, inner = end, estimate
    for _ in range(60):
        middle = (outer + inner) / 2
        spread = 1 + ((n + m) / 2 - 1) * ((1 - middle) / (2 - middle) + middle / (1 + middle))
        outside = abs(estimate - middle) > z * math.sqrt(middle * (1 - middle) * spread / (n * m))
        outer, inner = (middle, inner) if outside else (outer, middle)
    return outer
