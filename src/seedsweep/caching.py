"""What was made of parts of configurations, which thousands of runs have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")
MANY = 10_000  # different parts, beyond which all are forgotten


def remembered(make: Callable[..., T]) -> Callable[..., T]:
    """The function that makes something of plain values only once for each; what raises is not remembered.

    The values must not be changed afterwards: the same objects are known again without being looked into.
    """
    by_value: dict[str, T] = {}
    by_identity: dict[tuple[int, ...], tuple[Any, T]] = {}  # with the objects, so that no other can take their place

    @wraps(make)
    def made(*parts: Any) -> T:
        identity = tuple(map(id, parts))
        if identity in by_identity:
            return by_identity[identity][1]
        key = repr(parts)
        if key not in by_value:
            if len(by_value) >= MANY:
                by_value.clear()
            by_value[key] = make(*parts)
        if len(by_identity) >= MANY:
            by_identity.clear()
        by_identity[identity] = parts, by_value[key]
        return by_value[key]

    return made
