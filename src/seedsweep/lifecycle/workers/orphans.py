"""Processes that end with the one that they work for, however that ends."""

import os
import signal
import threading
import time
from contextlib import suppress

import psutil

from seedsweep.tracking.processes import Owner, alive, same_system, this_process

SECONDS = 1.0  # between two looks
_watched: set[int] = set()  # the process ids that this process watches


def end_with(owner: Owner) -> None:
    """Have this process end when the one that it descends from has, which nothing tells it of if that is killed.

    Args:
        owner: what `this_process` says in the other. Nothing is done if this process was started by something else,
            such as a batch system.
    """
    if owner["pid"] in _watched or not same_system(owner, this_process()):
        return
    if owner["pid"] not in [process.pid for process in psutil.Process().parents()]:
        return
    _watched.add(owner["pid"])
    threading.Thread(target=_watch, args=(owner,), daemon=True).start()


def begin(owner: Owner) -> None:
    """Begin as a worker of another process: Ctrl-C, which a terminal sends to both, is for that one to answer."""
    with suppress(ValueError):  # outside the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(owner)


def _watch(owner: Owner) -> None:
    while alive(owner):
        time.sleep(SECONDS)
    os._exit(1)
