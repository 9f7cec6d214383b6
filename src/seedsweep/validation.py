"""Checks of single values, each raising `ConfigError` with what is allowed."""

import math
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean


def check_integer(key: str, value: Any, low: int, high: int | None = None, note: str = "") -> None:
    """Check that a value is an integer within limits.

    Args:
        key: the dotted key of the value.
        value: what was given.
        low: the smallest that is allowed.
        high: the largest that is allowed, None for no limit.
        note: what the limit or the number is, appended to the message.

    Raises:
        ConfigError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        limits = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ConfigError(key, value, f"must be an integer {limits}{f', {note}' if note else ''}")


def check_positive(key: str, value: Any) -> None:
    """Check that a value is a finite number greater than 0.

    Args:
        key: the dotted key of the value.
        value: what was given.

    Raises:
        ConfigError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ConfigError(key, value, "must be a finite number greater than 0, such as 0.01")


def check_not_negative(key: str, value: Any) -> None:
    """Check that a value is a finite number of at least 0.

    Args:
        key: the dotted key of the value.
        value: what was given.

    Raises:
        ConfigError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ConfigError(key, value, "must be a finite number of at least 0, such as 0.001")


def check_boolean(key: str, value: Any) -> None:
    """Check that a value is true or false.

    Args:
        key: the dotted key of the value.
        value: what was given.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(value, bool):
        raise ConfigError(key, value, "must be true or false")


def check_file(key: str, file: Path, typed: Any) -> None:
    """Check that a file can be read to its end: pipes wait for a writer, and devices have none.

    Args:
        key: the dotted key of its path.
        file: where it is.
        typed: the path as it was given.

    Raises:
        ConfigError: there is none, or it is something else.
    """
    try:
        status = file.stat()
    except (OSError, ValueError) as error:
        raise ConfigError(key, typed, "no such file") from error
    if stat.S_ISDIR(status.st_mode):
        raise ConfigError(key, typed, "is a folder: name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(key, typed, "is a pipe, a device or the like: write what it gives into a file")
    if status.st_size == 0:  # also of what the kernel makes up while it is read
        raise ConfigError(key, typed, "is empty")


def check_choice(key: str, value: Any, allowed: Collection[Any]) -> None:
    """Check that a value is one of several.

    Args:
        key: the dotted key of the value.
        value: what was given.
        allowed: those that it may be.

    Raises:
        ConfigError: it is not.
    """
    if value not in allowed:
        raise choice_error(key, value, allowed)


def choice_error(key: str, value: Any, allowed: Collection[Any]) -> ConfigError:
    """The error of a value that is not one of several.

    Args:
        key: the dotted key of the value.
        value: what was given.
        allowed: those that it may be.

    Returns:
        An error that lists them, and names the nearest.
    """
    names = [str(choice) for choice in allowed]
    return ConfigError(key, value, f"must be one of {', '.join(names)}{did_you_mean(str(value), names)}")


def check_keys(values: Mapping[str, Any], allowed: Collection[str], group: str = "") -> None:
    """Check that there are no other keys than those that are allowed.

    Args:
        values: by key.
        allowed: the keys that there may be.
        group: the dotted key under which they stand, empty for the top.

    Raises:
        ConfigError: there is another one; names the nearest that is allowed, or all.
    """
    for key, value in values.items():
        if key not in allowed:
            meant = did_you_mean(key, allowed) or f"; there are {', '.join(allowed)}"
            raise ConfigError(f"{group}.{key}" if group else key, value, f"there is no key {key}{meant}")
