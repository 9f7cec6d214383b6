"""Overrides that Hydra cannot read, with how they are typed."""

import shlex

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError

FORM = "must be KEY=VALUE, as in optimizer.lr=0.1"
STRUCTURES = ("[", "{", "(")  # in values that are no text to be quoted as a whole


def unparsed(text: str) -> ConfigError:
    """The error of an override that Hydra cannot read.

    Args:
        text: as Hydra got it from the shell.

    Returns:
        An error that says how to type it.
    """
    override = parse_override(text)
    key, value = override.typed_key, override.value or ""
    if override.value is None:
        return ConfigError(key, value, f"{FORM}, without spaces: none beside =, none between values")
    if "," in (value[:1], value[-1:]) or ",," in value:
        values = ",".join(filter(None, map(str.strip, value.split(",")))) or "VALUE"
        values += ",…" * (value.endswith(",") and "," not in values)
        return ConfigError(key, value, f"{FORM}; between values stands one comma, and no space: {key}={values}")
    if value.startswith("~/"):
        return ConfigError(
            key, value, f"{FORM}; here the shell puts no folder in the place of ~: {key}=$HOME{value[1:]}"
        )
    return ConfigError(key, value, f"{FORM}; quote other signs: {_quoted(key, value)}")


def _quoted(key: str, value: str) -> str:
    """The override with its value quoted, for Hydra and for the shell."""
    escaped = value.replace('"', '\\"')
    text = f'{key}="{escaped}"'
    if not value or any(sign in value for sign in STRUCTURES):
        return "'KEY=\"VALUE\"'"
    try:
        OverridesParser.create().parse_override(text)
    except OverrideParseException:
        return "'KEY=\"VALUE\"'"
    return shlex.quote(text)
