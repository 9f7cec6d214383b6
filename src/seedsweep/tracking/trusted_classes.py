"""The class that a store names, without running the code of a module that nobody has asked for."""

import sys
from collections.abc import Collection
from typing import Any

from seedsweep.errors import ConfigError

KNOWN = ("seedsweep", "torch.nn")  # packages whose classes may be made from what a store says


def trusted_class(name: str, trust: Collection[str]) -> Any:
    """What a dotted name means: a module is imported only if it is known or trusted.

    Args:
        name: of a class, as the store has it.
        trust: names of modules and packages that may be imported besides.

    Returns:
        What is known by that name, or was imported by this process already.

    Raises:
        ConfigError: it would have to be imported, and is not trusted; or there is none.
    """
    if any(f"{name}.".startswith(f"{package}.") for package in (*KNOWN, *trust)):
        from hydra.utils import get_object

        try:
            return get_object(name)
        except Exception as error:  # of whatever is imported
            reason = " ".join(str(error.__cause__ or error).split())
            raise ConfigError("trust", name, f"cannot be imported: {reason}") from error
    imported = _imported(name)
    if imported is None:
        module = name.rpartition(".")[0]
        allowed = f"is named in the store, and its code is run by nobody's leave: import {module} first,"
        raise ConfigError("trust", list(trust), f"{name} {allowed} or give trust=['{module}'] if it is yours")
    return imported


def _imported(name: str) -> Any:
    """What a name means in the modules that are imported already; None where it means nothing."""
    names = name.split(".")
    for length in range(len(names) - 1, 0, -1):
        value: Any = sys.modules.get(".".join(names[:length]))
        if value is not None:
            for attribute in names[length:]:
                value = getattr(value, "__dict__", {}).get(attribute)  # a module's own __getattr__ may import others
            return value
    return None
