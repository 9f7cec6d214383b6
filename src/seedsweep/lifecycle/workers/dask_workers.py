"""Workers of Dask: those of a scheduler that runs already, of this machine, or of jobs in a batch system's queue."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import dask
import dask_jobqueue
from distributed import Client, KilledWorker, LocalCluster, Status

from seedsweep.errors import ConfigError
from seedsweep.lifecycle.workers.chunk import CPUS
from seedsweep.lifecycle.workers.engine import Engine, LostWorkerError
from seedsweep.lifecycle.workers.settings import KEY, QUEUES, SUBMIT, Settings

SECONDS = 1.0  # how old the number of workers may be
OWN = {  # of a scheduler that is ours: a worker that is lost is told to us at once, who know what to do
    "distributed.scheduler.allowed-failures": 0,
    "distributed.nanny.pre-spawn-environ": CPUS,
    "logging": {"distributed": "critical"},
}


class DaskWorkers(Engine):
    """A client of a scheduler, and the cluster, if it is ours.

    Raises:
        ConfigError: no scheduler answers, the batch system refuses, or no worker has started in time.
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._cluster: Any = None
        self._client: Any = None
        self._counted, self._count = -SECONDS, 0
        for name in ("distributed", "tornado.application", "asyncio"):  # what is lost we say ourselves
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            with dask.config.set(OWN):
                self._cluster = None if settings.address else _cluster(settings)
                self._client = self._connected()
            self._wait()
        except BaseException:
            self.shutdown()
            raise
        self._executor = self._client.get_executor(pure=False, retries=0)

    def workers(self) -> int:
        if time.monotonic() - self._counted > SECONDS:
            self._count, self._counted = len(self._client.nthreads()), time.monotonic()
        return min(self._count, self._settings.count or self._count)

    def where(self) -> tuple[str, object]:
        key = "address" if self._settings.address else "queue" if self._settings.kind in QUEUES else "count"
        return f"{KEY}.{key}", getattr(self._settings, key)

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self._executor.submit(call, *arguments, **keywords).add_done_callback(lambda done: _pass_on(done, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the scheduler, with nothing of ours in it; end the cluster and its jobs if they are ours."""
        if self._client is not None:
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def _connected(self) -> Client:
        try:
            target = self._cluster or self._settings.address
            return Client(target, timeout=self._settings.start_timeout, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, TimeoutError) as error:
            raise ConfigError(f"{KEY}.address", self._settings.address, f"no scheduler answers: {error}") from error

    def _wait(self) -> None:
        seconds = self._settings.start_timeout
        try:
            self._client.wait_for_workers(1, timeout=seconds)
        except TimeoutError as error:
            raise ConfigError(*self.where(), f"no worker has started within {seconds:g} s: {_hint(self)}") from error


def _hint(workers: DaskWorkers) -> str:
    key, _ = workers.where()
    look = "look at the queue, or at the limits of its jobs" if key.endswith("queue") else "look at the scheduler"
    return f"{look}; {KEY}.start_timeout waits longer"


def _cluster(settings: Settings) -> Any:
    """The workers that are asked for, of this machine or of a batch system, and a scheduler in this process."""
    if settings.kind not in QUEUES:
        local: Any = {"threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
        return LocalCluster(n_workers=settings.count, **local)  # type: ignore[no-untyped-call]
    exports = [f"export {name}={value}" for name, value in CPUS.items()]
    options: dict[str, Any] = {"cores": settings.cores, "processes": settings.cores, "memory": settings.memory}
    options |= {"queue": settings.queue, "walltime": settings.walltime, "interface": settings.interface}
    options |= {"job_extra_directives": list(settings.directives), "job_script_prologue": exports}
    options["scheduler_options"] = {"dashboard": False, "dashboard_address": ":0"}  # the usual port may be taken
    try:
        cluster = getattr(dask_jobqueue, QUEUES[settings.kind])(**_taken(settings.kind, options))
    except (OSError, RuntimeError, ValueError) as error:
        raise _refused(settings, error) from error
    try:
        cluster.scale(settings.count)
        cluster.sync(_submitted, cluster)
        cluster.adapt(minimum=settings.count, maximum=settings.count)  # jobs that end are asked for again
    except RuntimeError as error:
        cluster.close()
        raise _refused(settings, error) from error
    except BaseException:
        cluster.close()
        raise
    return cluster


async def _submitted(cluster: Any) -> None:
    """Wait until the jobs are submitted; raises what the batch system answers."""
    await cluster  # which says nothing of jobs that were refused; waiting for one of these submits it again
    for job in list(cluster.workers.values()):
        try:
            await job
        except BaseException:
            for refused in cluster.workers.values():
                refused.status = Status.closed  # as which alone the cluster can be closed
            raise


def _refused(settings: Settings, error: Exception) -> ConfigError:
    answer = " ".join(str(error).partition("stderr:")[2].split())
    answer = answer or f"{str(error).splitlines()[0]} {SUBMIT[settings.kind]} says why to whoever submits a job by hand"
    return ConfigError(f"{KEY}.queue", settings.queue, f"{settings.kind} refuses its jobs: {answer}")


def _taken(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that the cluster of a kind has."""
    if kind == "htcondor":
        lacks = ("queue", "walltime")
        return {key: value for key, value in options.items() if key not in lacks} | {"disk": "1GB"}
    return options


def _pass_on(done: "Future[Any]", future: "Future[Any]") -> None:
    """Give a future what another one has; a worker that was lost as we say it."""
    error = done.exception() if not done.cancelled() else ConnectionError("the scheduler is gone")
    if isinstance(error, KilledWorker):
        future.set_exception(LostWorkerError(str(error)))
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(done.result())
