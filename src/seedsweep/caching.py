"""A cache of what is made of nodes of configurations, which thousands of runs have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")
SIZE = 10_000  # results of a function, beyond which all are dropped
_forgetting: list[Callable[[], None]] = []  # of each cache


def cached(function: Callable[..., T]) -> Callable[..., T]:
    """Call a function only once for equal arguments.

    Args:
        function: takes positional arguments that are plain values or nested dictionaries and lists of them. They must
            never be changed after a call: the same objects are recognised without being looked into.

    Returns:
        The function with a cache of its results. A call that raises is not cached.
    """
    by_value: dict[str, T] = {}
    by_identity: dict[tuple[int, ...], tuple[Any, T]] = {}  # with the objects, so that no others can get their ids

    _forgetting.extend((by_value.clear, by_identity.clear))

    @wraps(function)
    def call(*arguments: Any) -> T:
        identity = tuple(map(id, arguments))
        if identity in by_identity:
            return by_identity[identity][1]
        value = repr(arguments)
        if value not in by_value:
            if len(by_value) >= SIZE:
                by_value.clear()
            by_value[value] = function(*arguments)
        if len(by_identity) >= SIZE:
            by_identity.clear()
        by_identity[identity] = arguments, by_value[value]
        return by_value[value]

    return call


def forget() -> None:
    """Empty all caches, since what configurations stand for, such as the rows of a file, has changed."""
    for clear in _forgetting:
        clear()
