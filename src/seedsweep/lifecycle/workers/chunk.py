"""A chunk: jobs that one worker trains as one fleet, or one by one, and the function that every worker calls."""

import logging
import os
import socket
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import cloudpickle
from hydra.core.utils import env_override

from seedsweep.config import given
from seedsweep.config.composing import Composed
from seedsweep.config.home import HOME
from seedsweep.errors import ConfigError, masked
from seedsweep.lifecycle.training import Advance, Store, Training
from seedsweep.lifecycle.workers.captured import Captured
from seedsweep.lifecycle.workers.packing import Packed, that_travels
from seedsweep.problem.factories import data

ONE_AT_A_TIME = Lock()  # a worker may have threads, but a training sets the random numbers and threads of its process
CPUS = {  # of a worker: one thread, and memory that is kept, since the next chunk asks for as much
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
}


@dataclass(frozen=True)
class Place:
    """What a worker needs to be at home where the sweep was started, on whatever host."""

    folder: str
    script: str
    path: Sequence[str]
    environment: Mapping[str, str]
    objects: bytes  # classes that were given as objects

    @classmethod
    def here(cls, folder: str, environment: Mapping[str, str]) -> "Place":
        """Args: `folder` is that which relative paths start from, `environment` is of the jobs."""
        path = [os.path.abspath(entry or ".") for entry in sys.path]
        named = {HOME: os.environ[HOME]} if HOME in os.environ else {}
        objects = cloudpickle.dumps(given.objects())
        return cls(folder, os.path.abspath(sys.argv[0]), path, named | dict(environment), objects)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """The body happens there."""
        folder, path, script = os.getcwd(), list(sys.path), sys.argv[0]
        sys.argv[0] = self.script
        sys.path += [entry for entry in self.path if entry not in path]
        given.take_objects(cloudpickle.loads(self.objects))
        with suppress(OSError):  # where the disk is not shared, data sets by name are there all the same
            os.chdir(self.folder)
        try:
            with env_override(dict(self.environment)):
                yield
        finally:
            os.chdir(folder)
            sys.path[:], sys.argv[0] = path, script


@dataclass(frozen=True)
class Chunk:
    """Jobs for a worker.

    `together` says that they are a fleet; `is_recorded` that the worker records them; `fingerprints` are of the data of
    each job, or of all; `advance` is told of epochs, where the worker shares a disk with the parent.
    """

    jobs: Sequence[Composed]
    together: bool
    is_recorded: bool
    fingerprints: Sequence[str]
    place: Place
    advance: Advance | None = None


@dataclass(frozen=True)
class Trained:
    """What became of a chunk: a value or an error for each job, what is to be recorded, the seconds that it took, and
    what the worker's log said, each line with its logger and level."""

    values: Sequence[float | Exception]
    kept: Sequence[Any]
    seconds: float
    log_lines: Sequence[tuple[str, int, str]] = field(default_factory=list)


def train_chunk(packed: Packed) -> Packed:
    """Train the jobs of a chunk, whose curves are the same to the bit in whichever chunk they are.

    Args:
        packed: a `Chunk`.

    Returns:
        A `Trained`.

    Raises:
        ConfigError: the data are others here, or the store is out of reach.
    """
    try:
        return Packed.of(_train(packed.unpack()))
    except Exception as error:  # which Dask shows, with what it was called with
        error.args = tuple(masked(value) if isinstance(value, str) else value for value in error.args)
        raise error from None


def _train(chunk: Chunk) -> Trained:
    start = time.perf_counter()
    captured = Captured(chunk.jobs)
    with ONE_AT_A_TIME, _heard() as log_lines, chunk.place.taken():
        _check_data(chunk)
        training = Training(Store() if chunk.is_recorded else captured, chunk.advance)
        if chunk.together:
            values = training.train_together(chunk.jobs)
        else:
            values = [training.train_one(job) for job in chunk.jobs]
    travelling = [that_travels(value) if isinstance(value, Exception) else value for value in values]
    return Trained(travelling, captured.trained, time.perf_counter() - start, list(log_lines))


def _check_data(chunk: Chunk) -> None:
    for index, fingerprint in enumerate(chunk.fingerprints):
        config = chunk.jobs[index].config["data"]
        if data(chunk.jobs[index].config).fingerprint != fingerprint:
            allowed = f"is other data on {socket.gethostname()} than where the sweep was started"
            raise ConfigError("data", config.get("path") or config["name"], allowed)


class _Hear(logging.Handler):
    """Takes down what is logged as a warning or worse, each line once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: dict[tuple[str, int, str], None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.lines[record.name, record.levelno, masked(record.getMessage())] = None


@contextmanager
def _heard() -> Iterator[dict[tuple[str, int, str], None]]:
    """What the body logs or warns of, for the parent to say: the worker may have no console, or one that many share."""
    handler, root = _Hear(), logging.getLogger()
    root.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, category, *_, **__: handler.lines.setdefault(
                ("py.warnings", logging.WARNING, masked(f"{category.__name__}: {message}"))
            )
            yield handler.lines
    finally:
        root.removeHandler(handler)
