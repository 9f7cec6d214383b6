"""Importing torch, and the work of commands, without waiting for the garbage collector."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_left_alone = False  # whether this process's collector was told to leave objects alone, by `leave_alone`
SELDOM = 10_000  # new objects after which a command looks for garbage; Python does after 700


def collect_seldom() -> None:
    """Have this process look for garbage seldom: what a command makes lasts, and a small sweep takes a tenth less."""
    gc.set_threshold(SELDOM, *gc.get_threshold()[1:])


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection in the body: imports make no garbage, and looking for it takes a second.

    At the end of the process it would take another second, on objects that are about to go anyway: so it is told to
    leave them alone. Measured in `docs/performance.md`.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


def leave_alone() -> None:
    """Have the garbage collector leave what there is now alone: it is no garbage, and there may be very much of it."""
    global _left_alone
    _left_alone = True
    gc.freeze()


@contextmanager
def looking_again_afterwards() -> Iterator[None]:
    """At the end of the body, have the garbage collector look again at what was left alone in it, and not before."""
    global _left_alone
    before = _left_alone
    # counting takes a third of a second where there are millions of them
    frozen = before or gc.get_freeze_count() > 0
    try:
        yield
    finally:
        _left_alone = before
        if not frozen:
            gc.unfreeze()
