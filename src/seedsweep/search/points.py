"""Points of a space: all of a grid, or one in the middle."""

import math
from decimal import Decimal
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from seedsweep.errors import ConfigError
from seedsweep.search.differences import describe
from seedsweep.search.distributions import Space


def grid(space: Space) -> dict[str, list[Any]]:
    """All values of each key, for `optuna.samplers.GridSampler`; ConfigError for an interval of floats."""
    return {key: _listed(key, distribution) for key, distribution in space.items()}


def middle(space: Space) -> dict[str, Any]:
    """A value of each key that is neither the least nor the largest, where there is such."""
    return {key: _middle(distribution) for key, distribution in space.items()}


def _middle(distribution: BaseDistribution) -> Any:
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        return getattr(distribution, "choices", (None,))[0]
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is not None:
        return low + int((high - low) / step / 2) * step
    return math.sqrt(low * high) if distribution.log else (low + high) / 2


def _listed(key: str, distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    low, high, step = (getattr(distribution, name) for name in ("low", "high", "step"))
    if step is None and low < high:
        allowed = "cannot be searched by a grid, which needs values: write range(…) or choice(…)"
        raise ConfigError(key, describe(distribution), allowed)
    by = Decimal(repr(step or 1.0))
    return [float(Decimal(repr(low)) + position * by) for position in range(round((high - low) / float(by)) + 1)]
