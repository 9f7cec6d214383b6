"""Whose a trial is: the process that runs it, and whether that is still there."""

import logging
import math
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

FIRST = 1.0  # seconds until the first sign of life, which most trials do not need: it would be a write more for each
_log = logging.getLogger(__name__)

Owner = dict[str, Any]  # what JSON keeps


def this_process() -> Owner:
    """What tells this process from every other one, of any host and time."""
    system = ""
    with suppress(OSError):  # process ids say nothing beyond a start of the system, nor out of a container
        system = Path("/proc/sys/kernel/random/boot_id").read_text().strip() + os.readlink("/proc/self/ns/pid")
    return {"host": socket.gethostname(), "system": system, "pid": os.getpid(), "start": _start(os.getpid())}


def same_system(one: Owner, other: Owner) -> bool:
    """Whether the process ids of both are of the same host, without a start between, and container."""
    return bool((one["host"], one["system"]) == (other["host"], other["system"]))


def alive(owner: Owner) -> bool:
    """Whether that process of this system still runs.

    Args:
        owner: what `this_process` said in it. Where the system hides when it began, its id alone decides.

    Returns:
        False for one that has ended, even where another has its id by now.
    """
    start = _start(owner["pid"])
    return psutil.pid_exists(owner["pid"]) if start is None else bool(start == owner["start"])


def _start(pid: int) -> str | None:
    """The system's clock tick, counted from its boot, at which a process began.

    Empty for a process that has ended, None where the system hides it. Stores of earlier versions hold the same number.
    """
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return ""
        seconds = process.create_time() - psutil.boot_time()
    except psutil.NoSuchProcess:
        return ""
    except psutil.Error:
        return None
    return str(round(seconds * os.sysconf("SC_CLK_TCK")))


def keep_beating(storage: Any, trial_ids: set[int]) -> threading.Event:
    """From now on tells the other hosts, at the storage's intervals, that these trials run; until the event is set."""
    stop = threading.Event()
    threading.Thread(target=_beat, args=(storage, trial_ids, stop), name="heartbeat", daemon=True).start()
    return stop


def _beat(storage: Any, trial_ids: set[int], stop: threading.Event) -> None:
    interval = storage.get_heartbeat_interval()
    last: dict[int, float] = {}
    while not stop.wait(min(FIRST, interval)):
        now = time.monotonic()
        for trial_id in [running for running in tuple(trial_ids) if now - last.get(running, -math.inf) >= interval]:
            try:
                storage.record_heartbeat(trial_id)
                last[trial_id] = now
            except Exception as error:  # a database may be away for a while
                _log.warning("No sign of life for trial %s: %s", trial_id, error)
