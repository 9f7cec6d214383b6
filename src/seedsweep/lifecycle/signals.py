"""Signals that ask a sweep to end, at any moment."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stop:
    """The handler of the signals to end: it raises and remembers, as a library may turn what it raised into its own.

    `code` is the exit status that the first of them asks for.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._waits = False

    def __call__(self, number: int, _frame: object) -> None:
        self.code = self.code or 128 + number
        if not self._waits:
            self.check()

    @contextmanager
    def later(self) -> Iterator[None]:
        """A signal that comes in the body is raised at its end: it would leave a database locked that is written."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
        self.check()

    def check(self) -> None:
        """Raise if a signal has come, even one whose exception was lost on the way."""
        if self.code == 128 + signal.SIGINT:
            raise KeyboardInterrupt
        if self.code is not None:
            raise SystemExit(self.code)


@contextmanager
def on_signal(number: signal.Signals, handler: Any) -> Iterator[None]:
    """Another handler of a signal in the body; none outside the main thread, which alone may set one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
