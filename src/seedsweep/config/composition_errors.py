"""What Hydra refuses to compose, said as an error of ours: which key or option was probably meant."""

import re
from collections.abc import Sequence
from traceback import walk_tb

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Sweep
from hydra.errors import (
    ConfigCompositionException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import (
    InterpolationResolutionError,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
    ValidationError,
)

from seedsweep.config.completeness import unresolved
from seedsweep.config.existing_keys import HYDRAS_GROUPS
from seedsweep.config.failed_composition import missing_option, no_option, wrong_key
from seedsweep.config.instantiation import UNEXPECTED
from seedsweep.config.overrides import ParsedOverride, parse_override
from seedsweep.config.unparsed import unparsed
from seedsweep.errors import ConfigError

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
        return no_option(error) if isinstance(error, ValueError) else None
    if several := SEVERAL.fullmatch(str(error)):
        return _several(parse_override(several[1] or several[2]))
    if swept := SWEPT.fullmatch(str(error)):
        return _swept(parse_override(swept[1]))
    return missing_option(error) if isinstance(error, MissingConfigException) else wrong_key(error)


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


def _swept(override: ParsedOverride) -> ConfigError:
    """The error of several values for a parameter that is to be swept by them."""
    quoted = f"""'{override.text.partition("=")[0]}="{override.value}"'"""
    return ConfigError(override.typed_key, override.value, f"quote what is to be swept by it: {quoted}")


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
