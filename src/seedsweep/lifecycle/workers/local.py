"""Workers on the cores of this machine: processes of loky, each a pool of its own, so that one that dies is one."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Lock
from typing import Any

import loky
import torch
from loky.process_executor import BrokenProcessPool, ShutdownExecutorError

from seedsweep.lifecycle.workers.chunk import CPUS
from seedsweep.lifecycle.workers.engine import Engine, LostWorkerError
from seedsweep.lifecycle.workers.orphans import begin
from seedsweep.lifecycle.workers.settings import KEY
from seedsweep.tracking.processes import this_process

# a chunk that is larger than the first one is no leak, for which loky would end the worker
PATIENT = {"LOKY_MAX_MEMORY_LEAK_SIZE": str(2**50)}


class LocalWorkers(Engine):
    """So many processes; each waits in a thread of this one, which hands it the next call."""

    shares_disk = True

    def __init__(self, count: int | None):
        self._count = count or loky.cpu_count()
        self._threads = ThreadPoolExecutor(self._count, "worker")
        self._free: SimpleQueue[_Process] = SimpleQueue()
        self._processes = [_Process(number) for number in range(self._count)]
        for process in self._processes:
            self._free.put(process)

    def workers(self) -> int:
        return self._count

    def where(self) -> tuple[str, object]:
        return f"{KEY}.count", self._count

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> "Future[Any]":
        return self._threads.submit(self._called, call, *arguments, **keywords)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, whatever they are at."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.end()
        self._threads.shutdown(wait=wait)

    def _called(self, call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        process = self._free.get()
        try:
            return process.called(call, *arguments, **keywords)
        finally:
            self._free.put(process)


class _Process:
    """One process, made anew where it was lost."""

    _starting = Lock()  # of processes, which is for one thread at a time

    def __init__(self, number: int):
        self._number = number
        self._pool: loky.ProcessPoolExecutor | None = None
        self._is_over = False

    def called(self, call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        with self._starting:
            if self._is_over:
                raise LostWorkerError
            pool = self._pool = self._pool or self._made()
            future = pool.submit(call, *arguments, **keywords)
        try:
            return future.result()
        except (BrokenProcessPool, ShutdownExecutorError) as error:
            self._pool = None
            raise LostWorkerError(str(error).partition("\n")[0]) from None

    def end(self) -> None:
        with self._starting:
            self._is_over = True
            if self._pool:
                self._pool.shutdown(kill_workers=True)

    def _made(self) -> loky.ProcessPoolExecutor:
        environment = CPUS | PATIENT
        if devices := torch.cuda.device_count():
            visible = (os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(devices)))).split(",")
            environment["CUDA_VISIBLE_DEVICES"] = visible[self._number % len(visible)]
        return loky.ProcessPoolExecutor(1, env=environment, initializer=begin, initargs=(this_process(),))
