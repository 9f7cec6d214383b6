"""From a group of a configuration to the object that its `_target_` makes."""

import inspect
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate

from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean

EXTRAS = {"pytorch_optimizer": "optimizers"}  # packages of ready-made options, and the extra that has them
TRAINER = "pytorch_lightning.Trainer"  # takes the keys of the group trainer that are not used elsewhere
UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")  # as Python says it


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
        raise _missing(group, values["_target_"]) or refusal(
            group, values, values["_target_"], str(error.__cause__ or error)
        ) from error
    check_kind(group, values["_target_"], made, kind)
    return made


def check_installed(group: str, target: str) -> None:
    """Check that the package of a class is installed, where it is one of an extra.

    Args:
        group: name of the group that asks for it.
        target: dotted name of the class.

    Raises:
        ConfigError: it is not, and how to install it.
    """
    if missing := _missing(group, target):
        raise missing


def _missing(group: str, target: Any) -> ConfigError | None:
    """The error of a target in a package that is an extra and is not installed."""
    package = str(target).partition(".")[0]
    if package not in EXTRAS or find_spec(package):
        return None
    return ConfigError(group, target, f"is in the package {package}: pip install 'seedsweep[{EXTRAS[package]}]'")


def refusal(group: str, values: Mapping[str, Any], target: str, message: str, shown: Any = None) -> ConfigError:
    """The error to raise for what a class or function has raised when it was given the values of a group.

    Args:
        group: name of the group.
        values: its keys and values, plain.
        target: dotted name of the class or function.
        message: of what was raised.
        shown: value of the group in the error, by default the target.

    Returns:
        An error that names the key and the nearest argument if the key is no argument, else the group and the message.
    """
    unexpected = UNEXPECTED.search(message)
    if unexpected is None or unexpected[1] not in values:
        return ConfigError(group, shown or target, message)
    name = unexpected[1]
    allowed = f"{target} has no argument {name}{did_you_mean(name, argument_names(target))}"
    allowed += (
        f"; leave it out: '~{group}.{name}', or choose model=module" if (group, name) == ("model", "init") else ""
    )
    return ConfigError(f"{group}.{name}", values[name], allowed)


def argument_names(target: str) -> list[str]:
    """The arguments of a class or function that are given by name.

    Args:
        target: its dotted name.

    Returns:
        Their names; none where they are unknown.
    """
    try:
        parameters = inspect.signature(get_object(target)).parameters.values()
    except Exception:  # of whatever is imported for it, or it has no signature
        return []
    return [item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]


def check_numbers(group: str, values: Mapping[str, Any]) -> None:
    """Check that what is a number by default, or true or false, or several numbers as betas are, is given as such.

    Args:
        group: name of the group of an optimizer or a schedule.
        values: its keys and values, plain.

    Raises:
        ConfigError: a value is another.
    """
    try:
        parameters = inspect.signature(get_object(values["_target_"])).parameters
    except Exception:  # as above
        return
    for name, value in values.items():
        if name in parameters and (allowed := _other_than(parameters[name], value)):
            raise ConfigError(f"{group}.{name}", value, allowed)


def _other_than(parameter: inspect.Parameter, value: Any) -> str:
    """What the value of an argument should be, as its default or its type is; empty where it is such, or unknown."""
    default = parameter.default
    if isinstance(default, tuple) and default and all(map(_is_number, default)):
        is_such = isinstance(value, list) and len(value) == len(default) and all(map(_is_number, value))
        return "" if is_such else f"must be {len(default)} numbers, such as [{', '.join(map(str, default))}]"
    if not isinstance(value, str | list | dict):  # numbers stand for truth, and null for a default of their own
        return ""
    if isinstance(default, bool):
        return "must be true or false"
    if _is_number(default):
        return f"must be a number, such as {default}"
    return "must be a number" if parameter.annotation in (int, float, "int", "float") else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def accepted(made_by: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some arguments that a class or function takes by name.

    Args:
        made_by: the class or function, or its dotted name.
        arguments: values by their names.

    Returns:
        Those that it takes, or that a class passes on to one that takes them; all where it takes whatever there is.
    """
    names, passes_on = set[str](), False
    for function in _initializers(get_object(made_by) if isinstance(made_by, str) else made_by):
        parameters = inspect.signature(function).parameters.values()
        names |= {parameter.name for parameter in parameters}
        passes_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        if not passes_on:
            break
    return {name: value for name, value in arguments.items() if passes_on or name in names}


def _initializers(made_by: Any) -> list[Any]:
    """The `__init__` of a class and of those that it may pass its arguments on to; a function is its own.

    Those of modules of torch and Lightning are left out: they take any arguments, and want none.
    """
    if not inspect.isclass(made_by):
        return [made_by]
    takes_any = re.compile(r"(torch|pytorch_lightning)(?!\.optim\.)\b")
    own = [base for base in made_by.__mro__ if not takes_any.match(base.__module__)]
    return [vars(base)["__init__"] for base in own if "__init__" in vars(base) and base is not object]


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
