"""What Optuna draws from for one of Hydra's overrides, or for an entry of hydra-optuna-sweeper's `search_space`."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from hydra.core.override_parser.types import Glob, IntervalSweep, Override, QuotedString, RangeSweep
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from seedsweep.errors import ConfigError

Refuse = Callable[[str], ConfigError]  # the error for what is not allowed of the override at hand

MOST = 1_000_000  # values that are listed one by one; those of a range of whole numbers are not
LEGACY = "hydra.sweeper.search_space"
LEGACY_KEYS = ("type", "low", "high", "log", "step", "choices")
CAST_TAG = re.compile(r"\b(int|float)\s*\(.*\btag\s*\(")


def distribution_of(override: Override) -> BaseDistribution:
    """What is drawn from for an override that sweeps; ConfigError where Optuna could not draw what Hydra means.

    A range has the values that Hydra sweeps, where hydra-optuna-sweeper adds the end; an interval has both ends.
    """
    refuse = partial(ConfigError, override.get_key_element(), override.get_value_string())
    value: Any = override.value()
    if override.is_delete():
        raise refuse("deletes, and a search cannot delete")
    if isinstance(value, Glob):
        return _options(override, refuse)
    if value.tags - {"log"}:
        raise refuse(f"has the tag {', '.join(sorted(value.tags - {'log'}))}: only log is known")
    log = "log" in value.tags
    if isinstance(value, IntervalSweep):
        return _interval(value.start, value.end, log, refuse)
    if isinstance(value, RangeSweep):
        if not log and CAST_TAG.search(override.get_value_string()):
            raise refuse("loses its tag, since Hydra casts a range without it: write tag(log, int(range(…)))")
        return _range(value, log, refuse)
    if log:
        raise refuse("has no logarithm: tag(log, …) takes an interval, or a range of whole numbers by 1")
    # in the order given, even if shuffled: another order is another space to Optuna, and a study could not go on
    return _choices([item.text if isinstance(item, QuotedString) else item for item in value.list], refuse)


def _options(override: Override, refuse: Refuse) -> BaseDistribution:
    try:
        options = list(override.sweep_iterator())
    except HydraException as error:  # the parser was given no config loader
        raise refuse(f"cannot be searched: {error}") from error
    if not options:
        raise refuse("matches no option: glob takes those of a config group")
    return _choices(options, refuse)


def _interval(low: Any, high: Any, log: bool, refuse: Refuse) -> BaseDistribution:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise refuse("must have finite ends")
    if low > high:
        raise refuse(f"is empty: it begins at {low}, above its end {high}")
    if log and low <= 0:
        raise refuse(f"has no logarithm at {low}: with log, both ends must be above 0")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _range(value: RangeSweep, log: bool, refuse: Refuse) -> BaseDistribution:
    numbers: tuple[Any, ...] = (value.start, value.stop, value.step)
    start, stop, step = numbers
    if not all(map(math.isfinite, numbers)) or step == 0:
        raise refuse("must have finite ends, and a finite step other than 0")
    whole = all(isinstance(number, int) for number in numbers)
    if log and (value.shuffle or not whole or abs(step) != 1):
        raise refuse("has both log and a step, which Optuna cannot search: leave out log, or use interval(…)")
    if value.shuffle or not whole:
        _refuse_many((stop - start) / step, refuse)
    swept: Sequence[Any] = range(start, stop, step) if whole else list(value.range())
    if not swept:
        raise refuse(f"is empty: there is no value from {start} to before {stop} by {step}")
    if value.shuffle:
        return _choices(swept, refuse)
    if not whole:
        return _by_steps(start, step, sorted(swept))
    low, high = sorted((swept[0], swept[-1]))
    if log and low <= 0:
        raise refuse(f"has no logarithm at {low}: with log, all values must be above 0")
    return IntDistribution(low, high, log=log, step=int(abs(step)))


def _refuse_many(count: float, refuse: Refuse) -> None:
    if count > MOST:
        raise refuse(f"has more than {MOST:,} values: write interval(…)")


def _by_steps(start: float, step: float, values: Sequence[float]) -> BaseDistribution:
    """Floats by steps, with the ends that the decimals have: Hydra adds binary fractions, and Optuna divides decimals.

    Hydra's last value of range(1,0,-0.1), 0.09999999999999995, would be no whole number of steps from 1 for Optuna.
    """
    by = Decimal(repr(float(step)))
    first = Decimal(repr(float(start)))
    low, high = sorted((first, first + (len(values) - 1) * by))
    if any(Decimal(repr(float(end))) != end for end in (low, high)):  # 1/15 in all its digits: Optuna would lose an end
        return CategoricalDistribution(values)
    return FloatDistribution(float(low), float(high), step=float(abs(by)))


def _choices(choices: Sequence[Any], refuse: Refuse) -> BaseDistribution:
    seen: dict[Any, Any] = {}
    for choice in choices:
        if choice is not None and not isinstance(choice, bool | int | float | str):
            raise refuse(f"has {choice} as a choice, where Optuna takes texts, numbers, booleans and null")
        if choice in seen:
            raise refuse(f"has the choices {seen[choice]!r} and {choice!r}, which are one to Optuna: give each once")
        seen[choice] = choice
    if not choices:
        raise refuse("has no choices")
    return CategoricalDistribution(choices)


def legacy_distribution(key: str, entry: Any) -> BaseDistribution:
    """What is drawn from for an entry of `search_space`, whose ranges have both ends; ConfigError for a wrong one."""
    refuse = partial(ConfigError, f"{LEGACY}.{key}", entry)
    if not isinstance(entry, Mapping) or set(entry) - set(LEGACY_KEYS):
        raise refuse(f"must be a mapping with some of {', '.join(LEGACY_KEYS)}")
    kind = entry.get("type")
    if kind == "categorical":
        return _choices(list(entry.get("choices") or ()), refuse)
    if kind not in ("int", "float"):
        raise refuse("its type must be one of int, float, categorical")
    low, high, step, log = entry.get("low"), entry.get("high"), entry.get("step"), bool(entry.get("log"))
    numbers: list[Any] = [low, high] if step is None else [low, high, step]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise refuse("must have numbers as its low and high, and as its step, if it has one")
    if kind == "int" and any(number != int(number) for number in numbers):
        raise refuse("has fractions, and its type is int")
    cast: Any = int if kind == "int" else float
    interval = _interval(cast(low), cast(high), log, refuse)
    if step is None or (kind == "int" and step == 1):
        return interval
    if log:
        raise refuse("has both log and a step, which Optuna cannot search")
    if step <= 0:
        raise refuse("must have a step above 0")
    return _up_to(cast(low), cast(high), cast(step), refuse)


def _up_to(low: Any, high: Any, step: Any, refuse: Refuse) -> BaseDistribution:
    """From low by steps, as far as they go below high or on it: Optuna would end there, too, with a warning."""
    if isinstance(step, int):
        return IntDistribution(low, high - (high - low) % step, step=step)
    _refuse_many((high - low) / step, refuse)
    first, by = Decimal(repr(low)), Decimal(repr(step))
    count = int((Decimal(repr(high)) - first) // by) + 1
    return _by_steps(low, step, [float(first + position * by) for position in range(count)])
