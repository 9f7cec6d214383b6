"""Calls are made in processes that stay from one round to the next."""

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

from seedsweep.errors import ConfigError
from seedsweep.lifecycle.calls import Processes, run_calls


def round_of(*calls: Callable[[], int], processes: Processes) -> list[int]:
    ended = run_calls(dict(enumerate(calls)), processes, forget=lambda: None, tell=lambda _: None)
    return [ended[number] for number in range(len(calls))]


def test_processes_are_kept_from_one_round_to_the_next() -> None:
    with Processes(2) as processes:
        first = set(round_of(*[os.getpid] * 8, processes=processes))
        second = set(round_of(*[os.getpid] * 8, processes=processes))
    assert first & second
    assert len(first | second) <= 2
    assert os.getpid() not in first | second


def test_a_round_after_one_that_ended_its_process_has_others() -> None:
    with Processes(2) as processes:
        (ended,) = round_of(partial(signal.raise_signal, signal.SIGKILL), processes=processes)
        assert isinstance(ended, RuntimeError)
        assert round_of(*[os.getpid] * 2, processes=processes)


def test_one_process_is_this_one() -> None:
    with Processes(1) as processes:
        assert round_of(os.getpid, processes=processes) == [os.getpid()]


class _Unreadable:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return int, ("unreadable",)


def test_calls_that_no_process_can_read_are_refused_at_once() -> None:
    with (
        Processes(2) as processes,
        pytest.raises(ConfigError, match="^processes=2: .*cannot read .*ValueError.*; processes=1 calls it in this"),
    ):
        round_of(*[partial(print, _Unreadable())] * 50, processes=processes)  # type: ignore[list-item]
