"""Importing torch and MLflow without waiting for the garbage collector."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
