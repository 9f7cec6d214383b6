"""Classes that were given as objects and that Python cannot import, such as those of a notebook, by a digest of their
source."""

import dis
import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import CodeType
from typing import Any

from seedsweep.errors import ConfigError

PLAIN = bool | int | float | str | None
PUBLIC = "seedsweep.given"  # where configurations find them
_objects: dict[str, Any] = {}


def dotted_path(key: str, value: Any) -> str:
    """The path by which a configuration names a class or a function.

    Args:
        key: of the configuration, for messages.
        value: the class or function.

    Returns:
        That of its module where Python can import it from there; else one below `seedsweep.given`, which leads to it
        in this process alone, and is another one when the source is another.

    Raises:
        ConfigError: its source cannot be read.
    """
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module not in (None, "__main__") and _attribute(sys.modules.get(str(module)), str(name)) is value:
        return _public_path(str(module), str(name), value)
    known_as = f"{value.__name__.strip('<>')}_{source_digest(key, value)}"
    _objects[known_as] = value
    return f"{PUBLIC}.{known_as}"


def source_digest(key: str, value: Any) -> str:
    """A digest of the source of a class or function, and of the classes of the same module that it inherits from.

    Args:
        key: of the configuration, for messages.
        value: the class or function.

    Returns:
        Eight hexadecimal digits.

    Raises:
        ConfigError: its source cannot be read.
    """
    try:
        sources = list(_sources(value))
    except (OSError, TypeError) as error:
        allowed = "its source cannot be read, by which runs are known; define it in a file or in a notebook"
        raise ConfigError(key, value, allowed) from error
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()[:8]


def _sources(value: Any) -> Iterator[str]:
    """The source of a function; of a class those of its functions, and its other attributes, for in a notebook Python
    cannot find the source of a class itself."""
    if not inspect.isclass(value):
        yield from _source(value)
        return
    for base in inspect.getmro(value):
        if base.__module__ != value.__module__:
            continue
        for name, attribute in vars(base).items():
            functions = [getattr(attribute, kind, None) for kind in ("__func__", "func", "__wrapped__", "fget", "fset")]
            for function in (attribute, *functions):
                if inspect.isfunction(function):
                    yield from _source(function)
            if not name.startswith("__"):
                yield from _value(name, attribute)


def _source(function: Any) -> Iterator[str]:
    """The source of a function, and the values that it takes from around it: defaults, globals, what it closes over."""
    yield inspect.getsource(function)
    for wrapped in (function, inspect.unwrap(function)):
        for name in sorted(_global_names(wrapped.__code__)):
            yield from _value(name, wrapped.__globals__.get(name))
        for name, cell in zip(wrapped.__code__.co_freevars, wrapped.__closure__ or (), strict=True):
            with suppress(ValueError):  # of a cell that is still empty
                yield from _value(name, cell.cell_contents)
        for number, default in enumerate(wrapped.__defaults__ or ()):
            yield from _value(str(number), default)
        for name, default in (wrapped.__kwdefaults__ or {}).items():
            yield from _value(name, default)


def _global_names(code: CodeType) -> set[str]:
    """The globals that a function looks up, also within the functions and comprehensions in it."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return names.union(*(_global_names(nested) for nested in code.co_consts if isinstance(nested, CodeType)))


def _value(name: str, value: Any) -> Iterator[str]:
    """A value that is plain, or holds plain ones; of a class its path."""
    if isinstance(value, PLAIN) or (isinstance(value, list | tuple | dict) and _holds_plain(value)):
        yield f"{name} = {value!r}"
    elif inspect.isclass(value):
        yield f"{name} = {value.__module__}.{value.__qualname__}"


def _holds_plain(value: Any) -> bool:
    items = [*value, *value.values()] if isinstance(value, dict) else value
    return all(
        isinstance(item, PLAIN) or (isinstance(item, list | tuple | dict) and _holds_plain(item)) for item in items
    )


def given(name: str) -> Any:
    """The object of that name.

    Args:
        name: the last component of its path.

    Returns:
        The class or function.

    Raises:
        AttributeError: nothing of that name was given in this process.
    """
    if name not in _objects:
        raise AttributeError(f"{name} was given as an object in another process; put its class in a file to import it")
    return _objects[name]


def objects() -> dict[str, Any]:
    """What was given in this process.

    Returns:
        The classes and functions by their names.
    """
    return dict(_objects)


def take_objects(others: Mapping[str, Any]) -> None:
    """Take what was given in another process, under the names that it has there.

    Args:
        others: as `objects` says them there; the names hold digests, so that the same one is the same object.
    """
    for name, value in others.items():
        _objects.setdefault(name, value)


def _public_path(module: str, name: str, value: Any) -> str:
    """The shortest path that leads to it, which moves less often: `torch.optim.Adam` for `torch.optim.adam.Adam`."""
    packages = module.split(".")
    for length in range(1, len(packages)):
        package = ".".join(packages[:length])
        if _attribute(sys.modules.get(package), name) is value:
            return f"{package}.{name}"
    return f"{module}.{name}"


def _attribute(owner: Any, name: str) -> Any:
    for component in name.split("."):
        owner = getattr(owner, component, None)
    return owner
