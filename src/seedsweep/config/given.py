"""Classes that were given as objects and that Python cannot import, such as those of a notebook, by a digest."""

import sys
from collections.abc import Mapping
from typing import Any

from seedsweep.config.code_digest import code_digest

PUBLIC = "seedsweep.given"  # where configurations find them
_objects: dict[str, Any] = {}


def dotted_path(value: Any) -> str:
    """The path by which a configuration names a class or a function.

    Args:
        value: the class or function.

    Returns:
        That of its module where Python can import it from there; else one below `seedsweep.given`, which leads to it
        in this process alone, and is another one when it does something else.
    """
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module not in (None, "__main__") and _attribute(sys.modules.get(str(module)), str(name)) is value:
        return _public_path(str(module), str(name), value)
    known_as = f"{value.__name__.strip('<>')}_{code_digest(value)[:8]}"
    _objects[known_as] = value
    return f"{PUBLIC}.{known_as}"


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
