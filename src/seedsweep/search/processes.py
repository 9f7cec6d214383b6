"""Whose a trial is: the process that runs it, and whether that is still there."""

import logging
import math
import os
import socket
import threading
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100  # a second
FIRST = 1.0  # seconds until the first sign of life, which most trials do not need: it would be a write more for each
_log = logging.getLogger(__name__)

Owner = dict[str, Any]  # what JSON keeps


def this_process() -> Owner:
    """What tells this process from every other one, of any host and time."""
    pid = os.getpid()  # a fork has another
    system, start = _origin(pid)
    return {"host": socket.gethostname(), "system": system, "pid": pid, "start": start}


@lru_cache(maxsize=1)
def _origin(pid: int) -> tuple[str, str | None]:
    """The system that this process runs in, and when it began there, which every trial says: cached."""
    system = ""
    with suppress(OSError):  # process ids say nothing beyond a start of the system, nor out of a container
        system = Path("/proc/sys/kernel/random/boot_id").read_text().strip() + os.readlink("/proc/self/ns/pid")
    return system, _start(pid)


def same_system(owner: Owner, process: Owner) -> bool:
    """Whether the process ids of both are of the same host, not started anew in between, and the same container."""
    return bool((owner["host"], owner["system"]) == (process["host"], process["system"]))


def alive(owner: Owner) -> bool:
    """Whether that process of this system still runs.

    Args:
        owner: what `this_process` said in it. Where the system hides when it began, its id alone decides.

    Returns:
        False for one that has ended, even where another has its id by now.
    """
    start = _start(owner["pid"])
    return start != "" and (start == owner["start"] or None in (start, owner["start"]))


def _start(pid: int) -> str | None:
    """The system's clock tick, counted from its boot, at which a process began.

    Empty for a process that has ended, None where the system hides it. Stores of earlier versions hold the same number.
    """
    booted = psutil.boot_time()  # read first: psutil before 7 adds the last one that it has read to its times
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return ""
        return str(round((process.create_time() - booted) * TICKS))
    except psutil.NoSuchProcess:
        return None if _hidden(pid) else ""
    except psutil.Error:
        return None


def _hidden(pid: int) -> bool:
    """Whether another user's process has this id, of which the system shows no more (Linux: /proc with hidepid)."""
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return False  # one's own, which has begun or ended meanwhile


def keep_beating(storage: Any, trial_ids: set[int]) -> threading.Event:
    """Tell the other hosts, at the storage's intervals and until the event is set, that these trials run."""
    stop = threading.Event()
    threading.Thread(target=_beat, args=(storage, trial_ids, stop), name="heartbeat", daemon=True).start()
    return stop


def _beat(storage: Any, trial_ids: set[int], stop: threading.Event) -> None:
    interval = storage.get_heartbeat_interval()
    last_beat: dict[int, float] = {}
    while not stop.wait(min(FIRST, interval)):
        now = time.monotonic()
        for trial_id in [held for held in tuple(trial_ids) if now - last_beat.get(held, -math.inf) >= interval]:
            try:
                storage.record_heartbeat(trial_id)
                last_beat[trial_id] = now
            except Exception as error:  # a database may be away for a while
                _log.warning("No sign of life for trial %s: %s", trial_id, error)
