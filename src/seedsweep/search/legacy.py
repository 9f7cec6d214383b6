"""The distribution for an entry of hydra-optuna-sweeper's deprecated `search_space`."""

import math
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from optuna.distributions import BaseDistribution, IntDistribution

from seedsweep.errors import ConfigError
from seedsweep.search.distributions import Refuse, by_steps, choices_of, interval, refuse_many

LEGACY = "hydra.sweeper.search_space"
LEGACY_KEYS = ("type", "low", "high", "log", "step", "choices")


def legacy_distribution(key: str, entry: Any) -> BaseDistribution:
    """What is sampled from for an entry, whose ranges have both ends; raises `ConfigError` for a wrong one."""
    refuse = partial(ConfigError, f"{LEGACY}.{key}", entry)
    if not isinstance(entry, Mapping) or set(entry) - set(LEGACY_KEYS):
        raise refuse(f"must be a mapping with some of {', '.join(LEGACY_KEYS)}")
    kind = entry.get("type")
    if kind == "categorical":
        return choices_of(list(entry.get("choices") or ()), refuse)
    if kind not in ("int", "float"):
        raise refuse("its type must be one of int, float, categorical")
    low, high, step, log = entry.get("low"), entry.get("high"), entry.get("step"), bool(entry.get("log"))
    numbers: list[Any] = [low, high] if step is None else [low, high, step]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise refuse("must have numbers as its low and high, and as its step, if it has one")
    if kind == "int" and any(number != int(number) for number in numbers):
        raise refuse("has fractions, and its type is int")
    cast: Any = int if kind == "int" else float
    ends = interval(cast(low), cast(high), log, refuse)
    if step is None or (kind == "int" and step == 1):
        return ends
    if log:
        raise refuse("has both log and a step, which Optuna cannot search")
    if step <= 0:
        raise refuse("must have a step above 0")
    return _up_to(cast(low), cast(high), cast(step), refuse)


def _up_to(low: Any, high: Any, step: Any, refuse: Refuse) -> BaseDistribution:
    """From low by steps, as far as they go below high or on it: Optuna would end there, too, with a warning."""
    if isinstance(step, int):
        return IntDistribution(low, high - (high - low) % step, step=step)
    refuse_many((high - low) / step, refuse)
    first, by = Decimal(repr(low)), Decimal(repr(step))
    count = int((Decimal(repr(high)) - first) // by) + 1
    return by_steps(low, step, [float(first + position * by) for position in range(count)])
