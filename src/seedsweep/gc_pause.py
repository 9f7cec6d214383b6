"""Importing torch, and the work of commands, without waiting for the garbage collector."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

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
