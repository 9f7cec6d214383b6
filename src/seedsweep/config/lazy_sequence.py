"""Sequences whose items are made whenever they are looked at, so that very many of them need no memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T", covariant=True)


class LazySequence(Sequence[T]):
    """A sequence of a length and of what makes the item of an index; a slice of it is another one.

    Args:
        length: the number of items, or the indices that a slice has of another sequence.
        make: what makes the item of an index from 0 to length - 1, each time that it is looked at.
    """

    def __init__(self, length: int | range, make: Callable[[int], T]):
        self._indices = range(length) if isinstance(length, int) else length
        self._make = make

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[T]:
        return map(self._make, self._indices)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return LazySequence(self._indices[index], self._make)
        return self._make(self._indices[index])
