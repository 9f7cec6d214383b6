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
    """Whether that process of this system is still there; where the system hides when it began, by its id alone."""
    start = _start(owner["pid"])
    if start is not None:
        return bool(start == owner["start"])
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _start(pid: int) -> str | None:
    """The tick of the system at which it began; empty for a process that has ended, None where none is to be seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return "" if fields[0] in "ZX" else fields[19]


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
        for trial_id in [each for each in tuple(trial_ids) if now - last.get(each, -math.inf) >= interval]:
            try:
                storage.record_heartbeat(trial_id)
                last[trial_id] = now
            except Exception as error:  # a database may be away for a while
                _log.warning("No sign of life for trial %s: %s", trial_id, error)
