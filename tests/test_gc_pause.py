"""What the garbage collector is told to leave alone, and when it looks again."""

import gc
from collections.abc import Iterator

import pytest

from seedsweep import gc_pause
from seedsweep.gc_pause import leave_alone, looking_again_afterwards


@pytest.fixture(autouse=True)
def nothing_left_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(gc_pause, "_left_alone", False)
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.freeze()  # as it is for all tests


def test_the_collector_looks_again_at_what_was_left_alone_in_the_body() -> None:
    for _ in range(2):
        with looking_again_afterwards():
            leave_alone()
            assert gc.get_freeze_count()
        assert not gc.get_freeze_count()


def test_what_a_command_has_left_alone_stays_so() -> None:
    leave_alone()
    with looking_again_afterwards():
        leave_alone()
    assert gc.get_freeze_count()


def test_what_a_user_has_frozen_stays_so_until_the_user_says_otherwise() -> None:
    gc.freeze()
    with looking_again_afterwards():
        leave_alone()
    assert gc.get_freeze_count()
    gc.unfreeze()
    with looking_again_afterwards():
        leave_alone()
    assert not gc.get_freeze_count()
