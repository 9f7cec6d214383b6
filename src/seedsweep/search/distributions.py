"""The distribution that Optuna samples from for one of Hydra's overrides."""

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from hydra.core.override_parser.types import Glob, IntervalSweep, Override, QuotedString, RangeSweep, Sweep
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from seedsweep.errors import ConfigError

Space = dict[str, BaseDistribution]  # by key, in the order in which they were typed
Refuse = Callable[[str], ConfigError]  # the error for what is not allowed of the override at hand

MOST = 1_000_000  # values that are listed one by one; those of a range of integers are not
CAST_TAG = re.compile(r"\b(int|float)\s*\(.*\btag\s*\(")


def distribution_of(override: Override) -> BaseDistribution:
    """What is sampled from for an override that sweeps; raises `ConfigError` where Optuna could not sample that.

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
        return interval(value.start, value.end, log, refuse)
    if isinstance(value, RangeSweep):
        if not log and CAST_TAG.search(override.get_value_string()):
            raise refuse("loses its tag, since Hydra casts a range without it: write tag(log, int(range(…)))")
        return _range(value, log, refuse)
    if log:
        raise refuse("has no logarithm: tag(log, …) takes an interval, or a range of integers by 1")
    # in the order typed, even if shuffled: another order is another space to Optuna, and a study could not go on
    return choices_of([item.text if isinstance(item, QuotedString) else item for item in value.list], refuse)


def _options(override: Override, refuse: Refuse) -> BaseDistribution:
    try:
        options = list(override.sweep_iterator())
    except HydraException as error:  # the parser was given no config loader
        raise refuse(f"cannot be searched: {error}") from error
    if not options:
        raise refuse("matches no option: glob takes those of a config group")
    return choices_of(options, refuse)


def interval(low: Any, high: Any, log: bool, refuse: Refuse) -> BaseDistribution:
    """Numbers from low to high, integers if both are."""
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
    integral = all(isinstance(number, int) for number in numbers)
    if log and (value.shuffle or not integral or abs(step) != 1):
        raise refuse("has both log and a step, which Optuna cannot search: leave out log, or use interval(…)")
    if value.shuffle or not integral:
        refuse_many((stop - start) / step, refuse)
    swept: Sequence[Any] = range(start, stop, step) if integral else list(value.range())
    if not swept:
        raise refuse(f"is empty: there is no value from {start} to before {stop} by {step}")
    if value.shuffle:
        return choices_of(swept, refuse)
    if not integral:
        return by_steps(start, step, sorted(swept))
    low, high = sorted((swept[0], swept[-1]))
    if log and low <= 0:
        raise refuse(f"has no logarithm at {low}: with log, all values must be above 0")
    return IntDistribution(low, high, log=log, step=int(abs(step)))


def refuse_many(count: float, refuse: Refuse) -> None:
    """Raise where so many values would be listed that they fill the memory."""
    if count > MOST:
        raise refuse(f"has more than {MOST:,} values: write interval(…)")


def by_steps(start: float, step: float, values: Sequence[float]) -> BaseDistribution:
    """Floats by steps, with the ends that the decimals have: Hydra adds binary fractions, and Optuna divides decimals.

    To Optuna, Hydra's last value of range(1,0,-0.1), 0.09999999999999995, is not an integer number of steps from 1.
    """
    by = Decimal(repr(float(step)))
    first = Decimal(repr(float(start)))
    low, high = sorted((first, first + (len(values) - 1) * by))
    if any(Decimal(repr(float(end))) != end for end in (low, high)):  # 1/15 in all its digits: Optuna would lose an end
        return CategoricalDistribution(values)
    return FloatDistribution(float(low), float(high), step=float(abs(by)))


def choices_of(choices: Sequence[Any], refuse: Refuse) -> BaseDistribution:
    """Choices that a storage can keep, and Optuna tell apart."""
    by_value: dict[Any, Any] = {}  # 1, 1.0 and true are the same key
    for choice in choices:
        if isinstance(choice, Sweep):
            raise refuse("has a range or the like as a choice, which stands alone: write its values out, as in 0,1,2")
        if choice is not None and not isinstance(choice, bool | int | float | str):
            raise refuse(f"has {choice} as a choice, where Optuna takes strings, numbers, booleans and null")
        if choice in by_value:
            raise refuse(
                f"has the choices {by_value[choice]!r} and {choice!r}, which are one to Optuna: give each once"
            )
        by_value[choice] = choice
    if not choices:
        raise refuse("has no choices")
    return CategoricalDistribution(choices)
