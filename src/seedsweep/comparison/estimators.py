"""What else can be estimated of a sweep: time to a target, performance profiles, tunability, where variance comes from.

Pure functions of arrays, as in `statistics`: smaller is better, and a diverged run is `inf`.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from seedsweep.comparison.inference import ROUNDING
from seedsweep.comparison.intervals import Array, checked


class Survival(NamedTuple):
    """The fraction `reached` by each `time`, ascending, with pointwise limits (t,), and the time when half have."""

    time: Array
    reached: Array
    low: Array
    high: Array
    median: float


def time_to_target(times: ArrayLike, reached: ArrayLike, confidence: float = 0.95) -> Survival:
    """The fraction that has reached a target by each finite time, of times (n,), right-censored where not `reached`.

    Kaplan & Meier (1958). Limits are those of a plain fraction (Clopper & Pearson 1934) until a run is censored, then
    log-log by Greenwood's variance; there, of the runs still watched while none has; once all have, from the limit
    before to 1. A diverged run never will: its time is `inf`. `median` is `inf` if never half have.
    """
    sample, event = checked(times), np.asarray(reached, dtype=bool)
    time, position, leaving = np.unique(sample, return_inverse=True, return_counts=True)
    events, risk = np.bincount(position[event], minlength=time.size), leaving[::-1].cumsum()[::-1]
    left = np.cumprod(1 - events / risk)
    error = np.sqrt(np.cumsum(events / (risk * np.maximum(risk - events, 1))))
    plain = np.cumsum(leaving - events) - (leaving - events) == 0  # nobody was censored before
    low, high = _clopper_pearson(np.cumsum(events), np.where(plain, sample.size, risk), confidence)
    inner = ~plain & (left > 0) & (left < 1)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * error[inner] / np.log(left[inner])
    low[inner], high[inner] = 1 - left[inner] ** np.exp(half), 1 - left[inner] ** np.exp(-half)
    ended = ~plain & (left == 0)
    low[ended], high[ended] = low[~ended].max(initial=0.0), 1.0
    reached_by_half, keep = time[left <= 0.5 + ROUNDING], np.isfinite(time)
    return Survival(time[keep], 1 - left[keep], low[keep], high[keep], float(reached_by_half.min(initial=np.inf)))


def _clopper_pearson(hits: Array, trials: Array, confidence: float) -> tuple[Array, Array]:
    """The exact limits of binomial fractions, each (t,)."""
    from scipy.special import betaincinv

    tail, misses = (1 - confidence) / 2, np.maximum(trials - hits, 0)
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), misses + 1, tail), 0.0)
    return low, np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1), 1 - tail), 1.0)


def performance_profile(costs: ArrayLike, ratios: ArrayLike) -> Array:
    """The share of problems (solvers, r) that each solver solves within `ratios` (r,) of the least cost of any.

    `costs` (problems, solvers) are not negative, and `inf` where not solved. Dolan & Moré (2002).
    """
    values = np.asarray(costs, dtype=float)
    if not (values >= 0).all():
        raise ValueError(f"costs are 0 or more, inf where not solved, and not {values.min()}")
    within = values[:, :, None] <= values.min(axis=1)[:, None, None] * np.asarray(ratios, dtype=float)
    return np.asarray((within & np.isfinite(values)[:, :, None]).mean(axis=0))


def expected_best(
    scores: ArrayLike, budget: int, generator: np.random.Generator, resamples: int = 10_000
) -> tuple[Array, Array, Array]:
    """The best of `scores` (settings, seeds) after 1 to `budget` distinct settings, drawn at random: mean, low, high.

    Each setting is judged by one run, of a random seed; `nan` is a missing run; after the last setting nothing changes.
    The mean over the searches is their median where one has found only `inf`. From low to high are the central 95 % of
    the searches: how they differ, not how well their mean is known. Dodge et al. (2019), Sivaprasad et al. (2020).
    """
    best = _searches(scores, budget, generator, resamples)
    low, middle, high = np.quantile(best, [0.025, 0.5, 0.975], axis=0, method="inverted_cdf")
    return np.where(np.isfinite(best).all(axis=0), best.mean(axis=0), middle), low, high


def best_at_budget(
    scores: Sequence[ArrayLike], budget: int, generator: np.random.Generator, resamples: int = 10_000
) -> Array:
    """How probably each optimizer is the best (optimizers, budget) when each has tried 1 to `budget` settings.

    `scores` has a (settings, seeds) of each, searched as by `expected_best`; ties are split.
    """
    best = np.stack([_searches(one, budget, generator, resamples) for one in scores])
    first = best == best.min(axis=0)
    return np.asarray((first / first.sum(axis=0)).mean(axis=1))


def variance_shares(values: ArrayLike) -> dict[str, float]:
    """Shares of the variance of finite `values` (inits, orders): "init", "order", "interaction" (with the residual).

    ANOVA estimates of crossed random effects, negative ones cut at 0; they sum to 1, or are 0 where nothing varies.
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
