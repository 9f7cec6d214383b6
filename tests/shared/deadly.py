"""An optimizer that kills the worker that trains by it, and never the process that started the sweep."""

import multiprocessing
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import torch

ONCE = "DEADLY_ONCE"  # in the environment: a file that is there until a worker has been killed
MOMENTUM = 0.875  # by which it kills


class Deadly(torch.optim.SGD):
    """SGD which kills its worker where its momentum is `MOMENTUM`: always, or once if there is such a file."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        if self.defaults["momentum"] == MOMENTUM and is_worker() and _is_due():
            _end()
        return super().step(closure)


def is_worker() -> bool:
    """Whether this is a process that loky, Dask or Ray has started."""
    command = " ".join(psutil.Process().cmdline())
    is_named = any(name in command for name in ("loky", "ray::", "spawn_main"))
    return is_named or multiprocessing.parent_process() is not None


def _end() -> None:
    if job := os.environ.get("SLURM_JOB_ID"):
        subprocess.run(["scancel", "--signal=KILL", "--full", job], check=True)
        signal.pause()
    os.kill(os.getpid(), signal.SIGKILL)


def _is_due() -> bool:
    if ONCE not in os.environ:
        return True
    try:
        Path(os.environ[ONCE]).unlink()
    except FileNotFoundError:
        return False
    return True
