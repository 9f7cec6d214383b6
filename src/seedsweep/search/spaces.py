"""What a search looks through: Hydra's overrides in, Optuna's distributions out, and a trial's values as overrides."""

import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, Quote, QuotedString, RangeSweep, Sweep
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError
from seedsweep.search.distributions import LEGACY, distribution_of, legacy_distribution

Space = dict[str, BaseDistribution]  # by key, in the order in which they were given

BARE = re.compile(r"(?!(null|true|false|inf|nan)$)[a-z_][a-z0-9_/.-]*", re.IGNORECASE | re.ASCII)  # needs no quotes


@dataclass(frozen=True)
class SearchSpace:
    """What is asked for, by key with its `+` or `++`: `distributions` are searched, `fixed` is the same in every trial.

    The values of `fixed` are texts as they were given, None for a deletion (`~key`). `order` has the keys of both as
    they were given, since Hydra applies them so; `floats` has the values of each range of floats, ascending.
    """

    distributions: Space
    fixed: dict[str, str | None]
    order: tuple[str, ...]
    floats: dict[str, tuple[float, ...]]


def read_space(
    overrides: Sequence[Override],
    params: Mapping[str, Any] | None = None,
    legacy: Mapping[str, Any] | None = None,
    parser: OverridesParser | None = None,
) -> SearchSpace:
    """What the overrides of a command line ask for, and before them, where they leave it, the configured `params`.

    `legacy` is the `search_space` of hydra-optuna-sweeper, which counts where there are no `params`. `parser` reads
    `params`; it and that of the overrides must know the config loader for `glob`. Numbers are what Hydra makes of
    them: `interval(1,100)` has floats, `int(interval(1,100))` whole numbers with both ends, a `range` the values that
    Hydra sweeps, where hydra-optuna-sweeper adds the end. ConfigError where Optuna could not search what is asked.
    """
    if legacy:
        ignored = ", and ignored beside hydra.sweeper.params" if params else ""
        message = f"{LEGACY} is deprecated{ignored}: write hydra.sweeper.params with interval(…), range(…) or choice(…)"
        warnings.warn(message, FutureWarning, stacklevel=2)
    asked: dict[str, Override | BaseDistribution] = {}
    if legacy and not params:
        asked.update({key: legacy_distribution(key, entry) for key, entry in legacy.items()})
    lines = [f"{key}={_configured(key, value)}" for key, value in (params or {}).items()]
    for given in ((parser or OverridesParser.create()).parse_overrides(lines), overrides):
        _refuse_repeated(given)
        bare = {parse_override(override.get_key_element()).key for override in given}
        asked = {key: what for key, what in asked.items() if parse_override(key).key not in bare}
        asked.update({override.get_key_element(): override for override in given})
    return _searched(asked)


def grid(space: Space) -> dict[str, list[Any]]:
    """All values of each key, for `optuna.samplers.GridSampler`; ConfigError for an interval of floats."""
    return {key: _listed(key, distribution) for key, distribution in space.items()}


def middle(space: Space) -> dict[str, Any]:
    """A value of each key that is neither the least nor the largest, where there is such."""
    return {key: _middle(distribution) for key, distribution in space.items()}


def as_overrides(params: Mapping[str, Any], searched: SearchSpace) -> list[str]:
    """The overrides of a trial with these params: Hydra reads the very same values, of the same types.

    A value from a range of floats becomes the float that Hydra sweeps, from which Optuna's may differ in the last bit.
    Params that were suggested beside the space come last; ConfigError where one of them is fixed.
    """
    fixed = {parse_override(key).key: text for key, text in searched.fixed.items() if not key.startswith("~")}
    for key in params:
        if parse_override(key).key in fixed:
            raise ConfigError(
                key, fixed[parse_override(key).key], "is fixed by an override, and suggested for a trial, too"
            )
    overrides = []
    for key in searched.order:
        if key in params:
            overrides.append(f"{key}={_written(_as_swept(params[key], searched.floats.get(key, ())))}")
        elif key in searched.fixed:
            text = searched.fixed[key]
            overrides.append(key if text is None else f"{key}={text}")
    return overrides + [f"{key}={_written(value)}" for key, value in params.items() if key not in searched.order]


def job_id(overrides: Sequence[str]) -> str:
    """One text for the overrides of a job, in whichever order they are."""
    return " ".join(sorted(overrides))


def difference(old: Space, new: Space) -> list[str]:
    """A line for each key that is searched otherwise than it was; none where the spaces are equal.

    The order of choices counts, as it does for Optuna: a study cannot go on with another.
    """
    lines = []
    for key in dict.fromkeys([*old, *new]):
        if key not in old:
            lines.append(f"{key}: added, is {describe(new[key])}")
        elif key not in new:
            lines.append(f"{key}: removed, was {describe(old[key])}")
        elif old[key] != new[key]:
            lines.append(f"{key}: was {describe(old[key])}, is {describe(new[key])}")
    return lines


def describe(distribution: BaseDistribution) -> str:
    """A distribution in words: `0.0001 to 10.0 (log)`, `0 to 9 by 3`, `adam or sgd`; only floats have a point."""
    if isinstance(distribution, CategoricalDistribution):
        return " or ".join(map(_written, distribution.choices))
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        return str(distribution)
    whole = isinstance(distribution, IntDistribution)
    step = "" if distribution.step is None or (whole and distribution.step == 1) else f" by {distribution.step}"
    return f"{distribution.low} to {distribution.high}{step}{' (log)' if distribution.log else ''}"


def _configured(key: str, value: Any) -> str:
    """The text of a value among the configured params, which YAML may have read as a number."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return _written(value)
    allowed = "must be a text such as interval(0,1) or adam,sgd; the keys of a group are written group.key"
    raise ConfigError(f"hydra.sweeper.params.{key}", value, allowed)


def _refuse_repeated(overrides: Iterable[Override]) -> None:
    seen: dict[str, str] = {}
    for override in overrides:
        if not override.is_delete():  # of an option, before another is added in its place
            key = parse_override(override.get_key_element()).key
            if key in seen:
                raise ConfigError(key, override.get_value_string(), f"is given twice, also as {seen[key]}")
            seen[key] = str(override.input_line)


def _searched(asked: Mapping[str, Override | BaseDistribution]) -> SearchSpace:
    searched = SearchSpace(distributions={}, fixed={}, order=tuple(asked), floats={})
    for key, what in asked.items():
        if isinstance(what, BaseDistribution):
            searched.distributions[key] = what
            continue
        value, text = what.value(), what.get_value_string() if "=" in str(what.input_line) else None
        if what.is_sweep_override():
            searched.distributions[key] = distribution_of(what)
            if isinstance(value, RangeSweep) and isinstance(searched.distributions[key], FloatDistribution):
                searched.floats[key] = tuple(sorted(value.range()))
        elif _hides_sweep(value):
            raise ConfigError(key, text, "has a search within a list or a mapping: give what is searched its own key")
        else:
            searched.fixed[key] = text
    return searched


def _hides_sweep(value: Any) -> bool:
    inside = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return isinstance(value, Sweep | Glob) or any(map(_hides_sweep, inside))


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


def _as_swept(value: Any, swept: Sequence[float]) -> Any:
    """The value that Hydra sweeps, where this is it but for rounding; others, as one that was enqueued, as they are."""
    if not swept:
        return value
    nearest = min(swept, key=lambda one: abs(one - value))
    return nearest if math.isclose(nearest, value, rel_tol=1e-12, abs_tol=1e-12 * (swept[-1] - swept[0])) else value


def _written(value: Any) -> str:
    """A value as Hydra reads it: with its type, and without what its grammar would see in a text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value))  # of numpy's, the number alone
    text = str(value)
    return text if BARE.fullmatch(text) else str(QuotedString(text, Quote.single).with_quotes())
