"""What was made of parts of configurations, which thousands of runs have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")
MANY = 10_000  # different parts, beyond which all are forgotten


def remembered(make: Callable[..., T]) -> Callable[..., T]:
    """The function that makes something of plain values only once for each; what raises is not remembered."""
    known: dict[str, T] = {}

    @wraps(make)
    def made(*parts: Any) -> T:
        key = repr(parts)
        if key not in known:
            if len(known) >= MANY:
                known.clear()
            known[key] = make(*parts)
        return known[key]

    return made
