"""Sequences whose items are made when they are looked at."""

import pickle

import pytest

from seedsweep.config.lazy_sequence import LazySequence


def square(number: int) -> int:
    return number * number


def test_items_are_those_of_a_list() -> None:
    lazy, whole = LazySequence(5, square), [0, 1, 4, 9, 16]
    assert len(lazy) == 5
    assert list(lazy) == whole
    assert list(reversed(lazy)) == whole[::-1]
    assert [lazy[index] for index in range(-5, 5)] == whole * 2
    assert lazy.index(9) == 3
    assert 3 not in lazy


@pytest.mark.parametrize("part", [slice(1, 3), slice(None, None, -2), slice(-2, None), slice(7, 9)])
def test_a_slice_is_lazy_and_has_the_items_of_a_lists(part: slice) -> None:
    sliced = LazySequence(5, square)[part]
    assert isinstance(sliced, LazySequence)
    assert list(sliced) == [0, 1, 4, 9, 16][part]
    assert list(sliced[1:]) == [0, 1, 4, 9, 16][part][1:]


def test_an_index_beyond_the_end_is_an_error() -> None:
    with pytest.raises(IndexError):
        LazySequence(2, square)[2]


def test_nothing_is_made_before_it_is_looked_at() -> None:
    made: list[int] = []
    lazy = LazySequence(10**9, made.append)
    lazy[5:][2]
    assert made == [7]


def test_it_goes_to_another_process_if_what_makes_its_items_does() -> None:
    assert list(pickle.loads(pickle.dumps(LazySequence(3, square)))) == [0, 1, 4]
