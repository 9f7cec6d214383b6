"""What Hydra was composing when it failed, and which of its options and keys there are not."""

from collections.abc import Sequence
from traceback import walk_tb
from typing import NamedTuple

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from seedsweep.config.existing_keys import existing_keys
from seedsweep.config.overrides import parse_override
from seedsweep.config.unknown_keys import unknown_key
from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean
from seedsweep.validation import choice_error


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


def no_option(error: Exception) -> ConfigError | None:
    """The error of a number in the place of an option, which Hydra takes for none; None where it is another's."""
    composition = composition_of(error)
    for override in map(parse_override, composition.overrides if composition else []):
        options = composition.loader.get_group_options(override.key) if composition else []
        if options and override.value not in options:
            return choice_error(override.key, override.value, options)
    return None


def missing_option(error: MissingConfigException) -> ConfigError | None:
    """The error of an option, or of a primary config, that there is not; None where Hydra's message says it."""
    name, composition = error.missing_cfg_file or "", composition_of(error)
    if error.options:
        group, _, option = name.rpartition("/")
        if option == "all":
            return ConfigError(group, option, f"is a sweep of all options: with -m; or {', '.join(error.options)}")
        return choice_error(group, option, error.options)
    is_primary = composition and name == composition.config_name
    return _unknown_config(name, composition.loader) if composition and is_primary else None


def wrong_key(error: Exception) -> ConfigError | None:
    """The error of the first override whose key does not exist, or exists and was to be added; None for another."""
    composition = composition_of(error)
    try:
        return _wrong_key(*composition[:3]) if composition else None
    except (HydraException, OmegaConfBaseException, ValueError):  # more is wrong than a key
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
