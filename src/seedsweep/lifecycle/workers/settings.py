"""What a launcher is told of its workers: where they are, how many, and how long is waited for them."""

import re
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.validation import check_choice, check_integer, check_positive

KEY = "hydra.launcher.workers"
QUEUES = {  # what dask-jobqueue calls them
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "htcondor": "HTCondorCluster",
}
SUBMIT = {"slurm": "sbatch", "pbs": "qsub", "sge": "qsub", "lsf": "bsub", "htcondor": "condor_submit"}
KINDS = ("none", "local", "dask", "ray", *QUEUES)
EXTRAS = {"ray": "ray"}  # of ours, by which the packages are installed; all others by workers
PACKAGES = {"dask": ("distributed",), "ray": ("ray",)} | dict.fromkeys(QUEUES, ("distributed", "dask_jobqueue"))


@dataclass(frozen=True)
class Settings:
    """The keys of `hydra/launcher/workers`, of which each kind has those that concern it.

    `count` processes are at work (None: one for each core of this machine, or all that an existing scheduler has); a
    chunk is `chunk_seconds` of work; a run that takes so many workers with it, `retries`, has failed; `start_timeout`
    seconds are waited for the first worker. Of a batch system a job has `cores`, each a worker, and `memory` for all of
    them, for the time `walltime`, in `queue`; `directives` are more lines for its script, such as `--account=me`.
    """

    kind: str
    count: int | None = None
    retries: int = 3
    chunk_seconds: float = 60.0
    start_timeout: float = 60.0
    address: str | None = None
    queue: str | None = None
    walltime: str = "01:00:00"
    memory: str = "2GB"
    cores: int = 1
    directives: tuple[str, ...] = ()
    interface: str | None = None

    def __post_init__(self) -> None:
        check_choice(f"{KEY}.kind", self.kind, KINDS)
        if self.count is not None:
            check_integer(f"{KEY}.count", self.count, 1, note="or null")
        elif self.kind in QUEUES:
            raise ConfigError(f"{KEY}.count", None, "must say how many workers are asked of the queue")
        check_integer(f"{KEY}.retries", self.retries, 1)
        check_integer(f"{KEY}.cores", self.cores, 1)
        for key in ("chunk_seconds", "start_timeout"):
            check_positive(f"{KEY}.{key}", getattr(self, key))
        self._check_address()
        if not re.fullmatch(r"(\d+-)?\d+:\d\d(:\d\d)?", str(self.walltime)):
            raise ConfigError(f"{KEY}.walltime", self.walltime, "must be HOURS:MINUTES:SECONDS, such as 01:00:00")
        if not re.fullmatch(r"\d+(\.\d+)? ?[kMGT]i?B", str(self.memory)):
            raise ConfigError(f"{KEY}.memory", self.memory, "must be an amount such as 2GB or 500MB")
        if not all(isinstance(line, str) for line in self.directives):
            raise ConfigError(f"{KEY}.directives", self.directives, "must be a list of strings such as --account=me")
        if missing := [name for name in PACKAGES.get(self.kind, ()) if not find_spec(name)]:
            extra = EXTRAS.get(self.kind, "workers")
            allowed = f"needs {', '.join(missing)}: pip install 'seedsweep[{extra}]'"
            raise ConfigError("hydra/launcher/workers", self.kind, allowed)
        if self.kind in QUEUES and not shutil.which(SUBMIT[self.kind]):
            allowed = f"there is no command {SUBMIT[self.kind]} here: start the sweep where jobs are submitted"
            raise ConfigError("hydra/launcher/workers", self.kind, allowed)

    def _check_address(self) -> None:
        pattern, what = r"(tcp|tls|ws|wss|ucx)://\S+:\d+", "a scheduler: tcp://HOST:PORT"
        if self.kind == "ray":
            pattern, what = r"auto|(ray://)?[^/\s]+:\d+", "a Ray cluster: HOST:6379, or auto on one of its machines"
        if self.address is not None and not re.fullmatch(pattern, str(self.address)):
            raise ConfigError(f"{KEY}.address", self.address, f"must be that of {what}, or null")


def settings_of(keys: Any) -> Settings:
    """The settings that a configuration names.

    Args:
        keys: of its node `hydra.launcher.workers`, plain.

    Returns:
        Them, checked.

    Raises:
        ConfigError: a value is not allowed.
    """
    if not isinstance(keys, dict):
        raise ConfigError(KEY, keys, f"is a group: choose its option by hydra/launcher/workers={keys}")
    lines = keys.get("directives") or []
    if not isinstance(lines, list):
        raise ConfigError(f"{KEY}.directives", lines, "must be a list of strings such as ['--account=me']")
    return Settings(**keys | {"directives": tuple(lines)})
