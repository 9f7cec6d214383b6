"""Whose a sweep or a trial is: the process that runs it, and whether that is still there."""

import os
import socket
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100  # a second

Owner = dict[str, Any]  # what JSON keeps


def this_process() -> Owner:
    """What tells this process from every other one, of any host and time.

    Returns:
        Its `host`, `system`, `pid` and `start`.
    """
    pid = os.getpid()  # a fork has another
    system, start = _origin(pid)
    return {"host": socket.gethostname(), "system": system, "pid": pid, "start": start}


@lru_cache(maxsize=1)
def _origin(pid: int) -> tuple[str, str | None]:
    """The system that this process runs in, and when it began there, which every sweep and trial says: cached."""
    system = ""
    with suppress(OSError):  # process ids say nothing beyond a start of the system, nor out of a container
        system = Path("/proc/sys/kernel/random/boot_id").read_text().strip() + os.readlink("/proc/self/ns/pid")
    return system, _start(pid)


def same_system(owner: Owner, process: Owner) -> bool:
    """Whether the process ids of both are of the same host, not started anew in between, and the same container.

    Args:
        owner: what `this_process` said in one of them.
        process: what it said in the other.

    Returns:
        True if they can be compared.
    """
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


def may_live(owner: Owner) -> bool:
    """Whether a process of any host may still run.

    Args:
        owner: what `this_process` said in it.

    Returns:
        False where it has ended for certain, or its host was started anew since; True for one of another host.
    """
    this = this_process()
    return alive(owner) if same_system(owner, this) else bool(owner["host"] != this["host"])


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
