"""Workers of Ray: those of a cluster that runs already, or of this machine."""

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray is imported, which would send them

import ray
from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

from seedsweep.errors import ConfigError
from seedsweep.lifecycle.workers.chunk import CPUS
from seedsweep.lifecycle.workers.engine import Engine, LostWorkerError
from seedsweep.lifecycle.workers.settings import KEY, Settings

SECONDS = 1.0  # how old the number of workers may be
LOST = (WorkerCrashedError, NodeDiedError, ObjectLostError, OutOfMemoryError)
MEMORY = 2**28  # bytes that Ray keeps for what travels, on this machine; a chunk is some megabytes
LOCAL = {"include_dashboard": False, "_node_ip_address": "127.0.0.1", "object_store_memory": MEMORY}


class RayWorkers(Engine):
    """A driver of a Ray cluster, and the cluster itself where it is of this machine.

    Raises:
        ConfigError: no cluster answers, or it has no processors for anybody within `start_timeout` seconds.
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._counted, self._count = -SECONDS, 0
        logging.getLogger("ray").setLevel(logging.ERROR)
        where = {"address": settings.address} if settings.address else {"num_cpus": settings.count} | LOCAL
        try:
            ray.init(**where, runtime_env={"env_vars": CPUS}, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RayError, ValueError) as error:
            raise ConfigError(f"{KEY}.address", settings.address, f"no Ray cluster answers: {error}") from error
        # a chunk takes a processor, or a GPU where there are some
        self._needs = {"num_gpus": 1} if self._has("GPU") else {"num_cpus": 1}
        try:
            self._wait()
        except BaseException:
            self.shutdown()
            raise

    def workers(self) -> int:
        if time.monotonic() - self._counted > SECONDS:
            self._count, self._counted = self._has("GPU") or self._has("CPU"), time.monotonic()
        return min(self._count, self._settings.count or self._count)

    def where(self) -> tuple[str, object]:
        key = "address" if self._settings.address else "count"
        return f"{KEY}.{key}", getattr(self._settings, key)

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> "Future[Any]":
        # one that is lost is tried again by us, in halves
        task: Any = ray.remote(max_retries=0, **self._needs)(call)  # type: ignore[call-overload]
        future: Future[Any] = Future()
        task.remote(*arguments, **keywords).future().add_done_callback(lambda done: _pass_on(done, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, which ends what of ours is in work there; end it if it is of this machine."""
        ray.shutdown()

    def _has(self, resource: str) -> int:
        return int(ray.cluster_resources().get(resource, 0))  # type: ignore[no-untyped-call]

    def _wait(self) -> None:
        end = time.monotonic() + self._settings.start_timeout
        while not self.workers():
            if time.monotonic() > end:
                seconds = f"no processor has come within {self._settings.start_timeout:g} s"
                raise ConfigError(*self.where(), f"{seconds}: look at the cluster by ray status")
            time.sleep(SECONDS)


def _pass_on(done: "Future[Any]", future: "Future[Any]") -> None:
    """Give a future what Ray's has; what a call raised as it raised it, and a worker that was lost as we say it."""
    error = done.exception()
    if isinstance(error, LOST):
        future.set_exception(LostWorkerError(type(error).__name__))
    elif error is not None:
        future.set_exception(error.cause if isinstance(error, RayTaskError) else error)
    else:
        future.set_result(done.result())
