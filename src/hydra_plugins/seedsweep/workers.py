"""`hydra/launcher/workers`: who trains the jobs of `hydra/launcher=fleet`; this process unless it is told otherwise."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore


@dataclass
class NoWorkersConf:
    """This process trains the jobs itself."""

    kind: str = "none"


@dataclass
class WorkersConf:
    """What workers of every kind have."""

    kind: str = "local"
    count: Any = None  # processes; null: one for each core of this machine
    retries: Any = 3  # workers that a run may take with it before it has failed
    chunk_seconds: Any = 60.0  # of work that a worker gets at a time, once it is known what a run costs


@dataclass
class DaskConf(WorkersConf):
    """Workers of a Dask scheduler: of one that runs already, or else of this machine."""

    kind: str = "dask"
    address: Any = None  # tcp://HOST:PORT of the scheduler, of whose workers `count` or all are used
    start_timeout: Any = 60.0  # seconds until the first worker has to be there


@dataclass
class RayConf(WorkersConf):
    """Workers of a Ray cluster: of one that runs already, or else of this machine."""

    kind: str = "ray"
    address: Any = None  # HOST:PORT of the cluster, of whose processors, or GPUs, `count` or all are used
    start_timeout: Any = 60.0  # seconds until the first processor has to be there


@dataclass
class QueueConf(WorkersConf):
    """Workers that are jobs of a batch system, started by dask-jobqueue."""

    queue: Any = None  # or partition; null: the batch system's default
    walltime: Any = "01:00:00"  # of a job; when it is over, another one is asked for
    memory: Any = "2GB"  # of a job
    cores: Any = 1  # of a job, each of them a worker
    directives: Any = field(default_factory=list)  # more lines for its script, such as --account=me
    interface: str | None = None  # of the network between the nodes, such as ib0; null: the default
    start_timeout: Any = 600.0  # seconds until the first worker has to be there


def _register() -> None:
    queues = ("slurm", "pbs", "sge", "lsf", "htcondor")
    nodes = {"none": NoWorkersConf(), "local": WorkersConf(), "dask": DaskConf(), "ray": RayConf()}
    for name, node in (nodes | {name: QueueConf(kind=name, count=2) for name in queues}).items():
        ConfigStore.instance().store(group="hydra/launcher/workers", name=name, node=node, provider="seedsweep")


_register()
