"""What Hydra refuses to compose, said as an error of ours: which key or option was probably meant."""

import re
from collections.abc import Sequence
from traceback import walk_tb
from typing import NamedTuple

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Sweep
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from hydra.types import RunMode
from omegaconf.errors import (
    InterpolationResolutionError,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
    ValidationError,
)

from seedsweep.config.completeness import unresolved
from seedsweep.config.existing_keys import HYDRAS_GROUPS, existing_keys
from seedsweep.config.instantiation import UNEXPECTED
from seedsweep.config.overrides import ParsedOverride, parse_override
from seedsweep.config.unknown_keys import unknown_key
from seedsweep.config.unparsed import unparsed
from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean
from seedsweep.validation import choice_error

SEVERAL = re.compile(r"Ambiguous value for argument '(.*)'\n(?s:.*)|Sweep parameters '(.*)' requires --multirun")
SWEPT = re.compile(r"Sweeping over Hydra's configuration is not supported : '(\+*hydra\.sweeper\.params\..*)'")

PARAMS = "hydra.sweeper.params."


def explained(error: Exception, typed: Sequence[str] = ()) -> ConfigError | None:
    """An error of Hydra's composition as one of ours.

    Args:
        error: as Hydra raised it.
        typed: the overrides, where they are known.

    Returns:
        An error that names the key, its value and what is meant or allowed; None where Hydra's own message says it.
    """
    if isinstance(error, OverrideParseException):
        return unparsed(str(error.override))
    if isinstance(error, InstantiationException):
        return _wrong_node(str(error), typed)
    if isinstance(error, InterpolationResolutionError | UnsupportedInterpolationType):
        return _unresolved(error, typed)
    if isinstance(error, ValidationError) and "Sweep" in str(error):
        return _nested(typed)
    if isinstance(error, AssertionError):
        return _below_null(error)
    if not isinstance(error, ConfigCompositionException):
        return _no_option(composition_of(error)) if isinstance(error, ValueError) else None
    if several := SEVERAL.fullmatch(str(error)):
        return _several(parse_override(several[1] or several[2]))
    if swept := SWEPT.fullmatch(str(error)):
        override = parse_override(swept[1])
        quoted = f"""'{swept[1].partition("=")[0]}="{override.value}"'"""
        return ConfigError(override.typed_key, override.value, f"quote what is to be swept by it: {quoted}")
    composition = composition_of(error)
    if isinstance(error, MissingConfigException):
        name = error.missing_cfg_file or ""
        if error.options:
            group, _, option = name.rpartition("/")
            if option == "all":
                return ConfigError(group, option, f"is a sweep of all options: with -m; or {', '.join(error.options)}")
            return choice_error(group, option, error.options)
        is_primary = composition and name == composition.config_name
        return _unknown_config(name, composition.loader) if composition and is_primary else None
    try:
        return _wrong_key(*composition[:3]) if composition else None
    except (HydraException, OmegaConfBaseException, ValueError):  # more is wrong than a key
        return None


def _wrong_node(message: str, typed: Sequence[str]) -> ConfigError | None:
    """The error of a key that a sweeper or a launcher does not take, or of a value in its place."""
    node = re.search(r"full_key: (hydra\.\w+)", message)
    unexpected = UNEXPECTED.search(message)
    for override in map(parse_override, typed):
        if override.key in HYDRAS_GROUPS:
            group = override.key.replace(".", "/")
            return ConfigError(
                override.key, override.value, f"is a group: choose its option by {group}={override.value}"
            )
        if node and unexpected and override.key == f"{node[1]}.{unexpected[1]}":
            return ConfigError(override.typed_key, override.value, f"nothing uses a key {override.key}: leave it out")
    return None


def _several(override: ParsedOverride) -> ConfigError:
    """The error of several values where there is a single run."""
    listed = "" if "(" in (override.value or "") else f"; a list is written [{override.value}]"
    return ConfigError(override.typed_key, override.value, f"is a sweep of several values: with -m{listed}")


def _nested(typed: Sequence[str]) -> ConfigError | None:
    """The error of a range among values, which Hydra reads and cannot sweep."""
    for override in OverridesParser.create().parse_overrides([text for text in typed if "(" in text]):
        choices = override.value()
        if isinstance(choices, ChoiceSweep) and any(isinstance(choice, Sweep) for choice in choices.list):
            allowed = "a range or the like stands alone: write its values out, as in 0,1,2"
            return ConfigError(override.get_key_element(), override.get_value_string(), allowed)
    return None


def _below_null(error: AssertionError) -> ConfigError | None:
    """The error of a key that is added below one that is null, at which OmegaConf fails."""
    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_code is ConfigLoaderImpl._apply_overrides_to_config.__code__:
            override = parse_override(frame.f_locals["override"].input_line)
            allowed = f"{override.key.rpartition('.')[0]} is null, and takes no keys"
            if override.key.startswith(PARAMS):
                allowed += f": sweep it by {override.key.removeprefix(PARAMS)}={override.value}"
            return ConfigError(override.typed_key, override.value, allowed)
    return None


def _unresolved(error: OmegaConfBaseException, typed: Sequence[str]) -> ConfigError:
    """The error of a value that refers to a variable or by a resolver that there is not."""
    key = str(error.full_key)
    values = (override.value for override in map(parse_override, typed) if override.key == key)
    return unresolved(key, next(values, "${…}"), error)


def _no_option(composition: "Composition | None") -> ConfigError | None:
    """The error of a number in the place of an option, which Hydra takes for none."""
    for override in map(parse_override, composition.overrides if composition else []):
        options = composition.loader.get_group_options(override.key) if composition else []
        if options and override.value not in options:
            return choice_error(override.key, override.value, options)
    return None


class Composition(NamedTuple):
    """What Hydra composed."""

    loader: ConfigLoader
    config_name: str | None
    overrides: list[str]
    run_mode: RunMode


def composition_of(error: Exception) -> Composition | None:
    """The composition that failed, which its error does not name.

    Args:
        error: as Hydra raised it.

    Returns:
        It; None where the error is of something else.
    """
    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_code is ConfigLoaderImpl.load_configuration.__code__:
            composing = frame.f_locals
            names = ("self", "config_name", "overrides", "run_mode")
            return Composition(*(composing[name] for name in names))
    return None


def _unknown_config(name: str, loader: ConfigLoader) -> ConfigError:
    names = [config for config in loader.get_group_options("") if not config.startswith("_")]
    allowed = f"must be one of {', '.join(names)}, or be in a folder given with -cd{did_you_mean(name, names)}"
    return ConfigError("--config-name", name, allowed)


def _wrong_key(loader: ConfigLoader, config_name: str | None, overrides: Sequence[str]) -> ConfigError | None:
    """The error of the first override whose key does not exist, or exists and was to be added."""
    existing = existing_keys(loader, config_name, overrides)
    for typed in map(parse_override, overrides):
        if "+" not in typed.prefix and typed.key not in existing[0] and "@" not in typed.key:
            return unknown_key(typed, existing)
    for typed in map(parse_override, overrides):
        if typed.prefix == "+" and typed.key in existing[0]:
            allowed = f"there is a key {typed.key} already; leave out the +, or write ++ if only some options have it"
            return ConfigError(typed.typed_key, typed.value, allowed)
    return None
