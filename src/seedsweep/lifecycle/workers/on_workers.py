"""The jobs of a launch on workers: what `run_all` does, by other processes."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hydra.utils import to_absolute_path

from seedsweep.config.composing import Composed
from seedsweep.engine.fleet.assemble import chunk_size
from seedsweep.errors import ConfigError, masked
from seedsweep.lifecycle.run_many import run_all, sort_jobs
from seedsweep.lifecycle.training import Advance, PruneJobs
from seedsweep.lifecycle.workers.chunk import Chunk, Place, Trained
from seedsweep.lifecycle.workers.chunks import Chunks, Piece, Source
from seedsweep.lifecycle.workers.dispatch import dispatch
from seedsweep.lifecycle.workers.engine import Engine
from seedsweep.lifecycle.workers.packing import Packed
from seedsweep.lifecycle.workers.recording import keep, keep_lost, writes_itself
from seedsweep.lifecycle.workers.settings import settings_of
from seedsweep.problem.factories import data

log = logging.getLogger(__name__)


def on_workers(task: Any, keys: Any, environment: Mapping[str, str]) -> "OnWorkers":
    """The batched form of seedsweep's own task, whose jobs are trained by workers.

    Args:
        task: what `batched` names in a configuration.
        keys: of `hydra.launcher.workers`.
        environment: variables of the jobs.

    Returns:
        A `BatchedTask` which keeps its workers until it is closed.

    Raises:
        ConfigError: a key is not allowed, or the task is another application's.
    """
    settings = settings_of(keys)
    if task is not run_all:
        raise ConfigError("hydra/launcher/workers", settings.kind, "trains what seedsweep.run_all trains, and no other")
    return OnWorkers(settings, environment)


class OnWorkers:
    """Trains jobs on workers, which start with the first ones."""

    def __init__(self, settings: Any, environment: Mapping[str, str]):
        self.settings, self.environment = settings, environment
        self._engine: Engine | None = None
        self._said: set[tuple[str, int, str]] = set()

    def __call__(
        self, jobs: Sequence[Composed], advance: Advance | None = None, prune: PruneJobs | None = None
    ) -> list[float | Exception]:
        """Train and record the runs of jobs, as `run_all` does; nothing is pruned."""
        if prune:
            self.say("seedsweep.launcher", logging.WARNING, "no trial is pruned: workers do not ask while they train")
        fleets, alone = sort_jobs(jobs)
        sources = [Source(fleet, True, chunk_size(jobs[int(fleet[0])].config)) for fleet in fleets]
        sources.append(Source(alone, False, max(1, len(alone))))
        chunks = Chunks(sources, self.settings.chunk_seconds, self.settings.retries)
        try:
            engine = self._engine = self._engine or self._opened()
            launch = _Launch(self, jobs, advance, engine.shares_disk)
            dispatch(engine, chunks, launch.pack, launch.finish, launch.give_up, self.settings.start_timeout)
        except BaseException:
            self.close()
            raise
        return launch.values

    def close(self) -> None:
        """End the workers that were started."""
        engine, self._engine = self._engine, None
        if engine:
            engine.shutdown()

    def _opened(self) -> Engine:
        if self.settings.kind == "local":
            from seedsweep.lifecycle.workers.local import LocalWorkers

            return LocalWorkers(self.settings.count)
        if self.settings.kind == "ray":
            from seedsweep.lifecycle.workers.ray_workers import RayWorkers

            return RayWorkers(self.settings)
        from seedsweep.lifecycle.workers.dask_workers import DaskWorkers

        return DaskWorkers(self.settings)

    def say(self, name: str, level: int, line: str) -> None:
        """Log what a worker said, once however many say it."""
        if (name, level, line) not in self._said:
            self._said.add((name, level, line))
            logging.getLogger(name).log(level, line)


def _masked(job: Composed) -> tuple[str, ...]:
    """The overrides of a job without passwords, with which a worker that records nothing has nothing to do."""
    return tuple(masked(override) for override in job.overrides)


class _Launch:
    """Jobs that are launched together, and what comes of them."""

    def __init__(self, task: OnWorkers, jobs: Sequence[Composed], advance: Advance | None, is_live: bool):
        self._task, self._jobs, self._advance = task, jobs, advance
        self._is_live = is_live  # whether workers themselves say how far they are
        self._place = Place.here(to_absolute_path("."), task.environment)
        self.values: list[float | Exception] = [math.nan] * len(jobs)

    def pack(self, piece: Piece) -> Packed:
        """What a worker gets; the address of a store goes only to those that write there."""
        jobs = [self._jobs[index] for index in piece.jobs]
        is_recorded = writes_itself(jobs[0].config["tracking"])
        shown = jobs[:1] if piece.source.together else jobs
        fingerprints = [data(job.config).fingerprint for job in shown]
        if not is_recorded:
            tracking = jobs[0].config["tracking"] | {"uri": None}
            jobs = [replace(job, config=job.config | {"tracking": tracking}, overrides=_masked(job)) for job in jobs]
        advance = self._advance if self._is_live else None
        return Packed.of(Chunk(jobs, piece.source.together, is_recorded, fingerprints, self._place, advance))

    def finish(self, piece: Piece, trained: Trained) -> None:
        jobs = [self._jobs[index] for index in piece.jobs]
        for line in trained.log_lines:
            self._task.say(*line)
        keep(jobs, trained.kept)
        for index, value in zip(piece.jobs, trained.values, strict=True):
            self.values[index] = value
        if not self._is_live:
            self._count(jobs)

    def give_up(self, index: int, together: bool) -> None:
        job = self._jobs[index]
        engine = "fleet" if together else "lightning"
        self.values[index] = keep_lost(job, self._task.settings.retries, engine)
        self._count([job])

    def _count(self, jobs: Sequence[Composed]) -> None:
        if self._advance:
            self._advance(sum(job.config["trainer"]["max_epochs"] for job in jobs))
