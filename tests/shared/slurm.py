"""A real Slurm of two nodes on loopback, from Debian's packages: no systemd, no accounting, one folder."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.waiting import wait_for

NODES = ("node1", "node2")
CONF = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=4 RealMemory=8000
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=4 RealMemory=8000
PartitionName=main Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP
"""
MUNGE = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}

# on a login node, in a script of sbatch, in the second of two tasks, and in a shell that somebody was given by srun
LOGIN: dict[str, str] = {}
BATCH = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_JOB_NAME": "sweep", "SLURM_NNODES": "2"}
BATCH |= {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_JOB_NODELIST": "node[1-2]"}
SECOND_TASK = BATCH | {
    "SLURM_NTASKS": "2",
    "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_NNODES": "1",
    "SLURM_JOB_NODELIST": "node1",
}
SECOND_TASK |= {"SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2"}
INTERACTIVE = BATCH | {"SLURM_JOB_NAME": "interactive", "SLURM_PTY_PORT": "1"}


def inside(variables: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have these variables, none else of Slurm's, and an `srun`."""
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    command = folder / "bin" / "srun"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")


class NotStartedError(Exception):
    """A daemon ended instead: its port was taken, most likely."""


@dataclass(frozen=True)
class Slurm:
    """Two nodes that wait for work, in a folder of their own."""

    folder: Path

    def environment(self) -> dict[str, str]:
        """That of a login node: of this process, even if it is itself in a job of another Slurm."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        return environment | {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """A command on the login node, such as `srun`, to its end."""
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=self.environment(), **options)

    def submit(self, script: str, *options: str) -> str:
        """The id of a job of this script, whose streams go to the file `log` of the working directory."""
        command = ("sbatch", "--parsable", "--output=log", "--open-mode=append", *options)
        return self.run(*command, input=f"#!/bin/sh\n{script}\n", check=True).stdout.strip()

    def wait(self, job: str) -> str:
        """How a job has ended, with all of its processes, in Slurm's words."""
        wait_for(lambda: job not in self.run("squeue", "--noheader", "--format=%A").stdout.split())
        words = self.run("scontrol", "--oneliner", "show", "job", job, check=True).stdout.split()
        return next(word for word in words if word.startswith("JobState=")).removeprefix("JobState=")

    def is_idle(self) -> bool:
        return self.run("sinfo", "--noheader", "--format=%T %D").stdout.split() == ["idle", str(len(NODES))]

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A daemon, which ends with whoever ends it and not by Ctrl-C."""
        with (self.folder / "log").open("ab") as log:
            options: dict[str, Any] = {"stdout": log, "stderr": log, "env": self.environment()}
            return subprocess.Popen(command, start_new_session=True, **options)


@contextmanager
def running_slurm() -> Iterator[Slurm]:
    """A Slurm that is ready, and gone with all of its jobs after the body; skips the test where there can be none."""
    missing = [name for name in ("munged", "slurmctld", "slurmd") if not shutil.which(name)]
    if missing or os.getuid():
        pytest.skip(f"Slurm cannot be started: {', '.join(missing) or 'root'} is missing")
    with ExitStack() as stack:
        for attempt in range(3):
            try:
                slurm = stack.enter_context(_started())
                break
            except NotStartedError:
                if attempt == 2:
                    raise
        yield slurm


@contextmanager
def _started() -> Iterator[Slurm]:
    folder, daemons = Path(tempfile.mkdtemp(prefix="slurm-")), []
    slurm = Slurm(folder)
    try:
        _configure(folder)
        munge = [f"--{option}={folder}/munge.{end}" for option, end in MUNGE.items()]
        daemons.append(slurm.start("munged", "--foreground", "--force", *munge))
        wait_for(lambda: _all_run(daemons) and (folder / "munge.socket").exists())
        daemons.append(slurm.start("slurmctld", "-D", "-c"))
        daemons += [slurm.start("slurmd", "-D", "-N", node) for node in NODES]
        wait_for(lambda: _all_run(daemons) and slurm.is_idle())
        yield slurm
    finally:
        _end(slurm, daemons)
        shutil.rmtree(folder)


def _configure(folder: Path) -> None:
    folder.chmod(0o755)  # the clients of munge must reach its socket
    host = socket.gethostname().partition(".")[0]
    (folder / "slurm.conf").write_text(CONF.format(folder=folder, host=host, ports=_free_ports(1 + len(NODES))))
    (folder / "cgroup.conf").touch()
    (folder / "munge.key").touch(0o400)
    (folder / "munge.key").write_bytes(os.urandom(1024))


def _free_ports(count: int) -> list[int]:
    """Ports that differ: all are held until the last is found."""
    with ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def _all_run(daemons: list[subprocess.Popen[bytes]]) -> bool:
    if ended := [daemon.args for daemon in daemons if daemon.poll() is not None]:
        raise NotStartedError(ended)
    return True


def _end(slurm: Slurm, daemons: list[subprocess.Popen[bytes]]) -> None:
    """End the jobs, with the steps that belong to no daemon, then the daemons."""
    try:
        if len(daemons) > 2:
            slurm.run("scancel", "--user=root", "--signal=KILL")
            wait_for(lambda: not slurm.run("squeue", "--noheader").stdout)
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()  # slurmctld has a child, which it ends itself
        for daemon in daemons:
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
