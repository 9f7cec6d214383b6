"""What Hydra refuses to compose, said as an error of ours: which key or option was probably meant."""

import re
from collections.abc import Sequence
from traceback import walk_tb
from typing import NamedTuple

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from seedsweep.config.existing_keys import HYDRAS_GROUPS, existing_keys
from seedsweep.config.instantiation import UNEXPECTED
from seedsweep.config.overrides import parse_override
from seedsweep.config.unknown_keys import unknown_key
from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean
from seedsweep.validation import choice_error

SWEPT = re.compile(r"Sweeping over Hydra's configuration is not supported : '(\+*hydra\.sweeper\.params\..*)'")


def explained(error: Exception, typed: Sequence[str] = ()) -> ConfigError | None:
    """An error of Hydra's composition as one of ours.

    Args:
        error: as Hydra raised it.
        typed: the overrides, where they are known.

    Returns:
        An error that names the key, its value and what is meant or allowed; None where Hydra's own message says it.
    """
    if isinstance(error, OverrideParseException):
        key, _, value = str(error.override).partition("=")
        return ConfigError(key, value, "must be KEY=VALUE, as in optimizer.lr=0.1; quote other signs: 'KEY=\"VALUE\"'")
    if isinstance(error, InstantiationException):
        return _wrong_node(str(error), typed)
    if not isinstance(error, ConfigCompositionException):
        return _no_option(composition_of(error)) if isinstance(error, ValueError) else None
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
