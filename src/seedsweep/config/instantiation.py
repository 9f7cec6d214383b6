"""From a group of a configuration to the object that its `_target_` makes."""

from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from seedsweep.errors import ConfigError


def make(group: str, values: Mapping[str, Any], kind: type, **extra: Any) -> Any:
    """The object that a group's `_target_` makes of its other keys.

    Args:
        group: name of the group, for messages.
        values: its keys and values, plain.
        kind: class that the object must have.
        extra: arguments that are not in the configuration.

    Returns:
        An object of that kind.

    Raises:
        ConfigError: it cannot be made, or is of another kind.
    """
    try:
        made = instantiate(values, _convert_="all", **extra)
    except InstantiationException as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise ConfigError(group, values["_target_"], str(error.__cause__ or error)) from error
    check_kind(group, values["_target_"], made, kind)
    return made


def check_kind(group: str, target: Any, made: Any, kind: type) -> None:
    """Check that what a group's `_target_` has made is of a class.

    Args:
        group: name of the group.
        target: its `_target_`.
        made: the object.
        kind: class that it must have.

    Raises:
        ConfigError: it has another.
    """
    if not isinstance(made, kind):
        raise ConfigError(f"{group}._target_", target, f"must make a {kind.__module__}.{kind.__qualname__}")
