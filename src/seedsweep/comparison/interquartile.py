"""The mean of the middle half of the scores that the seeds of a cell have given, with a bootstrap interval.

Smaller is better, and a diverged run is `inf`, as in `intervals`.
"""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from seedsweep.comparison.intervals import Array, Interval, checked

BLOCK = 2**16  # numbers at once while resampling: they stay in the processor's cache
RESAMPLES = 10_000  # of a bootstrap
Name = TypeVar("Name", bound=Hashable)


def interquartile_mean(
    values: ArrayLike, generator: np.random.Generator, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Interval:
    """The mean of the middle half of the values, with a bootstrap interval.

    Values at the quartiles count by the fraction of them that lies within (`scipy.stats.trim_mean` and rliable count
    them whole). The interval is BCa (Efron 1987) where the jackknife is finite and varies, else that of percentiles; at
    small n it covers less than `confidence`.

    Args:
        values: scores (n,), one a seed; inf for a diverged run.
        generator: of the resamples.
        confidence: of the interval, between 0 and 1.
        resamples: of the bootstrap.

    Returns:
        Mean and limits, in the units of the values; the mean is inf if more than a quarter have diverged.

    Raises:
        ValueError: a value is nan or -inf.
    """
    return _of_one_size([np.sort(checked(values))], generator, confidence, resamples)[0]


def interquartile_means(samples: Mapping[Name, ArrayLike], seed: int, confidence: float) -> dict[Name, Interval]:
    """`interquartile_mean` of several samples, each as by itself with a generator of this seed.

    Samples of one size then have the same resamples, which are drawn, and counted, once for all of them.

    Args:
        samples: scores of each, of any number but none.
        seed: of the resamples.
        confidence: of the intervals.

    Returns:
        The intervals, by the names of the samples.
    """
    values = {name: np.sort(checked(sample)) for name, sample in samples.items()}
    of_size: dict[int, list[Name]] = {}
    for name, sample in values.items():
        of_size.setdefault(sample.size, []).append(name)
    means: dict[Name, Interval] = {}
    for names in of_size.values():
        chosen = [values[name] for name in names]
        means |= zip(names, _of_one_size(chosen, np.random.default_rng(seed), confidence, RESAMPLES), strict=True)
    return means


def _of_one_size(
    samples: Sequence[Array], generator: np.random.Generator, confidence: float, resamples: int
) -> list[Interval]:
    """The intervals of samples, sorted, of one size."""
    n = samples[0].size
    ends = _ends(np.ones((1, n)))
    weights = np.diff(ends, axis=1, prepend=n / 4)
    estimates = [float(_means(sample, ends, weights)[0]) for sample in samples]
    if n == 1:
        return [Interval(estimate, math.nan, math.nan) for estimate in estimates]
    bootstrap, start = np.empty((len(samples), resamples)), 0
    for ends in _resampled(n, generator, resamples):
        weights = np.diff(ends, axis=1, prepend=n / 4)
        for means, sample in zip(bootstrap, samples, strict=True):
            means[start : start + len(ends)] = _means(sample, ends, weights)
        start += len(ends)
    intervals = []
    for sample, estimate, means in zip(samples, estimates, bootstrap, strict=True):
        levels = _levels(estimate, means, _without_each(sample), confidence)
        intervals.append(Interval(estimate, *np.quantile(means, levels, method="inverted_cdf").tolist()))
    return intervals


def _resampled(n: int, generator: np.random.Generator, resamples: int) -> Iterator[Array]:
    """What `_ends` gives of the resamples, some at a time: all at once may take gigabytes."""
    rows = 1 + BLOCK // n
    for start in range(0, resamples, rows):
        index = generator.integers(n, size=(min(rows, resamples - start), n), dtype=np.int32)
        bins = index + n * np.arange(len(index))[:, None]
        yield _ends(np.bincount(bins.ravel(), minlength=index.size).reshape(index.shape))


def _ends(counts: np.ndarray) -> Array:
    """Where in the middle half each of n sorted values ends (r, n), in samples that hold them `counts` (r, n) times."""
    n = counts.shape[1]
    ends: Array = np.clip(np.cumsum(counts, axis=1, dtype=float), n / 4, 3 * n / 4)
    return ends


def _means(sample: Array, ends: Array, weights: Array) -> Array:
    """The means (r,) of the middle halves of samples of these values, sorted (n,), by their ends and weights (r, n)."""
    n, finite = sample.size, int(np.isfinite(sample).sum())
    if finite == 0:
        return np.full(len(ends), np.inf)
    means = weights[:, :finite] @ sample[:finite] / (n / 2)
    return np.where(ends[:, finite - 1] < 3 * n / 4, np.inf, means)


def _without_each(sample: Array) -> Array:
    """The mean of the middle half without each of the values (n,), sorted: their distances from the first value."""
    n, finite = sample.size - 1, int(np.isfinite(sample).sum())
    distance = np.where(np.isfinite(sample), sample - sample[0], 0.0) if finite else np.zeros(n + 1)
    weight = np.diff(np.clip(np.arange(n + 1.0), n / 4, 3 * n / 4))  # of the first of the values that are left, …
    before = np.cumsum(np.append(0.0, weight * distance[:-1]))
    after = np.cumsum(np.append(0.0, (weight * distance[1:])[::-1]))[::-1]
    is_left = finite - (np.arange(n + 1) < finite)  # so many finite values
    return np.where(is_left < 3 * n / 4, np.inf, (before + after) / (n / 2))


def _levels(estimate: float, bootstrap: Array, jackknife: Array, confidence: float) -> Array:
    """The quantiles of the bootstrap that are the limits: BCa's, or the plain tails where it has none."""
    from scipy.special import ndtr, ndtri

    tails = np.array([1 - confidence, 1 + confidence]) / 2
    below = np.mean((bootstrap < estimate) + (bootstrap == estimate) / 2)
    if not (np.isfinite(jackknife).all() and np.ptp(jackknife) and 0 < below < 1):
        return tails
    spread = jackknife.mean() - jackknife
    spread = np.ldexp(spread, -np.frexp(np.abs(spread).max())[1])  # its cube is a number then, and no bit another
    skew = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    shifted = ndtri(below) + ndtri(tails)
    return np.asarray(ndtr(ndtri(below) + shifted / (1 - skew * shifted)))
