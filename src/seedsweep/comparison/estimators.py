"""Estimates of a sweep besides means: time to a target, performance profiles, tunability, shares of the variance.

Pure functions of arrays, as in `intervals`: smaller is better, and a diverged run is `inf`.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from seedsweep.comparison.inference import ROUNDING
from seedsweep.comparison.intervals import Array, checked


class Survival(NamedTuple):
    """The fraction of runs that has reached a target by each time.

    Args:
        time: when a run reached it or was censored (t,), ascending, in the unit of the times.
        reached: the fraction by then (t,).
        low: pointwise limit of the fraction (t,).
        high: pointwise limit of the fraction (t,).
        median: the time by which half have; inf if never.
    """

    time: Array
    reached: Array
    low: Array
    high: Array
    median: float


def time_to_target(times: ArrayLike, reached: ArrayLike, confidence: float = 0.95) -> Survival:
    """The estimate of Kaplan & Meier (1958) of the fraction of runs that has reached a target by each time.

    Until a run is censored, the limits are those of a plain fraction (Clopper & Pearson 1934); from then on log-log
    limits by Greenwood's variance. Two exceptions after a run was censored: while none has reached the target they are
    those of a plain fraction of the runs still at risk, and once all have they go from the limit before up to 1.

    Args:
        times: when each run reached the target, or ended without (n,), in steps; inf for a diverged run, which never
            will.
        reached: whether it did (n,); the others are right-censored.
        confidence: of the limits, between 0 and 1.

    Returns:
        The fraction at each finite time.

    Raises:
        ValueError: a time is nan or -inf.
    """
    sample, event = checked(times), np.asarray(reached, dtype=bool)
    time, position, leaving = np.unique(sample, return_inverse=True, return_counts=True)
    events, risk = np.bincount(position[event], minlength=time.size), leaving[::-1].cumsum()[::-1]
    surviving = np.cumprod(1 - events / risk)
    error = np.sqrt(np.cumsum(events / (risk * np.maximum(risk - events, 1))))
    plain = np.cumsum(leaving - events) - (leaving - events) == 0  # nobody was censored before
    low, high = _clopper_pearson(np.cumsum(events), np.where(plain, sample.size, risk), confidence)
    inner = ~plain & (surviving > 0) & (surviving < 1)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * error[inner] / np.log(surviving[inner])
    low[inner], high[inner] = 1 - surviving[inner] ** np.exp(half), 1 - surviving[inner] ** np.exp(-half)
    ended = ~plain & (surviving == 0)
    low[ended], high[ended] = low[~ended].max(initial=0.0), 1.0
    reached_by_half, keep = time[surviving <= 0.5 + ROUNDING], np.isfinite(time)
    return Survival(time[keep], 1 - surviving[keep], low[keep], high[keep], float(reached_by_half.min(initial=np.inf)))


def _clopper_pearson(hits: Array, trials: Array, confidence: float) -> tuple[Array, Array]:
    """The exact limits of binomial fractions, each (t,)."""
    from scipy.special import betaincinv

    tail, misses = (1 - confidence) / 2, np.maximum(trials - hits, 0)
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), misses + 1, tail), 0.0)
    return low, np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1), 1 - tail), 1.0)


def performance_profile(costs: ArrayLike, ratios: ArrayLike) -> Array:
    """The share of problems that each solver solves within a ratio of the least cost of any (Dolan & Moré 2002).

    Args:
        costs: of each problem and solver (problems, solvers), 0 or more; inf where it was not solved.
        ratios: to the least cost (r,), 1 or more.

    Returns:
        Shares (solvers, r), between 0 and 1.

    Raises:
        ValueError: a cost is negative or nan.
    """
    values = np.asarray(costs, dtype=float)
    if not (values >= 0).all():
        raise ValueError(f"costs are 0 or more, inf where not solved, and not {values.min()}")
    within = values[:, :, None] <= values.min(axis=1)[:, None, None] * np.asarray(ratios, dtype=float)
    return np.asarray((within & np.isfinite(values)[:, :, None]).mean(axis=0))


def expected_best(
    scores: ArrayLike, budget: int, generator: np.random.Generator, resamples: int = 10_000
) -> tuple[Array, Array, Array]:
    """The best score of random searches over the settings (Dodge et al. 2019; Sivaprasad et al. 2020).

    A search tries settings in random order, none twice, and sees one run of each, of a random seed.

    Args:
        scores: of each setting and seed (settings, seeds); nan where a run is missing.
        budget: the largest number of settings tried.
        generator: of the searches.
        resamples: how many searches.

    Returns:
        Mean over the searches, and the limits low and high of the central 95 % of them, after 1 to `budget` settings,
        each (budget,). The limits say how searches differ, not how well their mean is known. The median stands for the
        mean where a search has seen diverged runs only. After the last setting nothing changes.

    Raises:
        ValueError: no setting has a run.
    """
    best = _searches(scores, budget, generator, resamples)
    low, middle, high = np.quantile(best, [0.025, 0.5, 0.975], axis=0, method="inverted_cdf")
    return np.where(np.isfinite(best).all(axis=0), best.mean(axis=0), middle), low, high


def best_at_budget(
    scores: Sequence[ArrayLike], budget: int, generator: np.random.Generator, resamples: int = 10_000
) -> Array:
    """How probably each option is the best when all have tried equally many settings.

    Args:
        scores: of each option its scores (settings, seeds), searched as by `expected_best`.
        budget: the largest number of settings tried.
        generator: of the searches.
        resamples: how many searches.

    Returns:
        Probabilities (options, budget) after 1 to `budget` settings; ties are split.

    Raises:
        ValueError: an option has no run.
    """
    best = np.stack([_searches(table, budget, generator, resamples) for table in scores])
    first = best == best.min(axis=0)
    return np.asarray((first / first.sum(axis=0)).mean(axis=1))


def variance_shares(values: ArrayLike) -> dict[str, float]:
    """Shares of the variance due to initialization, data order, and their interaction with the residual.

    Estimates by the analysis of variance of two crossed random effects (Searle, Casella & McCulloch 1992, chapter 4),
    negative ones cut at 0.

    Args:
        values: finite scores (inits, orders), at least 2 of each.

    Returns:
        `init`, `order` and `interaction`, which sum to 1, or are 0 where nothing varies.

    Raises:
        ValueError: the values are of another shape, or not finite.
    """
    table = np.asarray(values, dtype=float)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise ValueError(f"variance shares need two or more inits and orders, all finite, not {table}")
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    rest = np.sum((table - rows[:, None] - columns + table.mean()) ** 2) / ((rows.size - 1) * (columns.size - 1))
    variances = np.array([rows.var(ddof=1) - rest / columns.size, columns.var(ddof=1) - rest / rows.size, rest])
    variances = np.maximum(variances, 0) * (np.ptp(table) > 0)
    return dict(zip(("init", "order", "interaction"), (variances / (variances.sum() or 1)).tolist(), strict=True))


def _searches(scores: ArrayLike, budget: int, generator: np.random.Generator, resamples: int) -> Array:
    """The best scores (resamples, budget) of random searches; see `expected_best`."""
    table = np.sort(np.asarray(scores, dtype=float), axis=1)  # missing runs last
    table = table[~np.isnan(table).all(axis=1)]
    if not table.size:
        raise ValueError("no setting has a run")
    tried = generator.permuted(np.tile(np.arange(len(table)), (resamples, 1)), axis=1)[:, :budget]
    runs = (~np.isnan(table)).sum(axis=1)[tried]
    best = np.minimum.accumulate(table[tried, (generator.random(tried.shape) * runs).astype(int)], axis=1)
    return np.asarray(best[:, np.minimum(np.arange(budget), tried.shape[1] - 1)])
