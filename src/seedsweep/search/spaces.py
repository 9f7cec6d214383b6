"""What a search looks through: Hydra's overrides in, Optuna's distributions out, and a trial's values as overrides."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, RangeSweep, Sweep
from optuna.distributions import BaseDistribution, FloatDistribution

from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError
from seedsweep.search.distributions import Space, distribution_of
from seedsweep.search.legacy import LEGACY, legacy_distribution
from seedsweep.search.values import as_swept, written


@dataclass(frozen=True)
class SearchSpace:
    """What is searched, by key with its `+` or `++`, in `distributions`; what is `fixed` is the same in every trial.

    The values of `fixed` are strings as they were typed, None for a deletion (`~key`). `order` has the keys of both as
    they were typed, since Hydra applies them so; `floats` has the values of each range of floats, ascending.
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
    """The space of the overrides of a command line and, for keys that these leave out, of the configured `params`.

    `legacy` is the `search_space` of hydra-optuna-sweeper, which counts where there are no `params`. `parser` reads
    `params`; it and that of the overrides must know the config loader for `glob`. Numbers are what Hydra makes of
    them: `interval(1,100)` has floats, `int(interval(1,100))` integers with both ends, a `range` the values that
    Hydra sweeps, where hydra-optuna-sweeper adds the end. Raises `ConfigError` for what Optuna could not search.
    """
    if legacy:
        ignored = ", and ignored beside hydra.sweeper.params" if params else ""
        message = f"{LEGACY} is deprecated{ignored}: write hydra.sweeper.params with interval(…), range(…) or choice(…)"
        warnings.warn(message, FutureWarning, stacklevel=2)
    entries: dict[str, Override | BaseDistribution] = {}
    if legacy and not params:
        entries.update({key: legacy_distribution(key, entry) for key, entry in legacy.items()})
    lines = [f"{key}={_configured(key, value)}" for key, value in (params or {}).items()]
    for group in ((parser or OverridesParser.create()).parse_overrides(lines), overrides):
        _refuse_repeated(group)
        replaced = {parse_override(override.get_key_element()).key for override in group}
        entries = {key: entry for key, entry in entries.items() if parse_override(key).key not in replaced}
        entries.update({override.get_key_element(): override for override in group})
    return _space(entries)


def as_overrides(params: Mapping[str, Any], space: SearchSpace) -> list[str]:
    """The overrides of a trial with these params: Hydra reads the very same values, of the same types.

    A value from a range of floats becomes the float that Hydra sweeps, from which Optuna's may differ in the last bit.
    Params that were suggested beside the space come last. Raises `ConfigError` where one of them is fixed.
    """
    fixed = {parse_override(key).key: value for key, value in space.fixed.items() if not key.startswith("~")}
    for key in params:
        if (plain := parse_override(key).key) in fixed:
            raise ConfigError(key, fixed[plain], "is fixed by an override, and suggested for a trial, too")
    overrides = []
    for key in space.order:
        if key in params:
            overrides.append(f"{key}={written(as_swept(params[key], space.floats.get(key, ())))}")
        elif key in space.fixed:
            value = space.fixed[key]
            overrides.append(key if value is None else f"{key}={value}")
    return overrides + [f"{key}={written(value)}" for key, value in params.items() if key not in space.order]


def job_id(overrides: Sequence[str]) -> str:
    """One string for the overrides of a job, in whichever order they are."""
    return " ".join(sorted(overrides))


def _configured(key: str, value: Any) -> str:
    """A value among the configured params as it would be typed; YAML may have read it as a number."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return written(value)
    allowed = "must be a string such as interval(0,1) or adam,sgd; the keys of a group are written group.key"
    raise ConfigError(f"hydra.sweeper.params.{key}", value, allowed)


def _refuse_repeated(overrides: Iterable[Override]) -> None:
    lines: dict[str, str] = {}
    for override in overrides:
        if not override.is_delete():  # of an option, before another is added in its place
            key = parse_override(override.get_key_element()).key
            if key in lines:
                raise ConfigError(key, override.get_value_string(), f"is given twice, also as {lines[key]}")
            lines[key] = str(override.input_line)


def _space(entries: Mapping[str, Override | BaseDistribution]) -> SearchSpace:
    space = SearchSpace(distributions={}, fixed={}, order=tuple(entries), floats={})
    for key, entry in entries.items():
        if isinstance(entry, BaseDistribution):
            space.distributions[key] = entry
            continue
        value, typed = entry.value(), entry.get_value_string() if "=" in str(entry.input_line) else None
        if entry.is_sweep_override():
            space.distributions[key] = distribution_of(entry)
            if isinstance(value, RangeSweep) and isinstance(space.distributions[key], FloatDistribution):
                space.floats[key] = tuple(sorted(value.range()))
        elif _hides_sweep(value):
            allowed = "has a search within a list or a mapping: give what is searched its own key"
            raise ConfigError(key, typed, allowed)
        else:
            space.fixed[key] = typed
    return space


def _hides_sweep(value: Any) -> bool:
    inside = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return isinstance(value, Sweep | Glob) or any(map(_hides_sweep, inside))
