"""Jobs trained in this process, together as a fleet or one by one, for whatever keeps what comes of them."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch

from seedsweep.config.composing import Composed
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble
from seedsweep.engine.fleet.grouping import ASKED
from seedsweep.errors import ConfigError, StoreError
from seedsweep.gc_pause import collector_paused
from seedsweep.lifecycle.planned_job import planned
from seedsweep.lifecycle.run_one import train_alone
from seedsweep.outcomes import Column, Point, objectives
from seedsweep.problem.factories import Data, data, describe
from seedsweep.tracking.fleet_writer import record_fleet
from seedsweep.tracking.run_writer import record_run

Advance = Callable[[int], None]  # by so many epochs of one run
# of jobs and the columns that they measured in an epoch: the indices of the jobs whose runs end there
PruneJobs = Callable[[Sequence[Composed], Sequence[Column]], Collection[int]]
log = logging.getLogger(__name__)


class Keeper(Protocol):
    """What keeps the trainings of jobs: each is a context in which it is published and finished.

    `fleet` gives one as `record_fleet` does, `run` one as `record_run` does.
    """

    def fleet(self, jobs: Sequence[Composed], splits: Data) -> Any: ...

    def run(self, job: Composed, splits: Data) -> Any: ...


class Store:
    """The store that the jobs name."""

    def fleet(self, jobs: Sequence[Composed], splits: Data) -> Any:
        with collector_paused():
            runs = [planned(job) for job in jobs]
        return record_fleet(jobs[0].config["tracking"], runs, "fleet", splits.fingerprint)

    def run(self, job: Composed, splits: Data) -> Any:
        notes = splits.notes
        return record_run(job.config["tracking"], planned(job), "lightning", splits.fingerprint, notes)


@dataclass
class Training:
    """Trains jobs, and has the runs kept.

    `advance` is told by how many epochs of single runs the work has come on, `prune` is asked at the end of every epoch
    which of the jobs that train together end there, and `spent` has the seconds that each part took.
    """

    keeper: Keeper = field(default_factory=Store)
    advance: Advance | None = None
    prune: PruneJobs | None = None
    spent: "Counter[str]" = field(default_factory=Counter)

    def train_together(self, jobs: Sequence[Composed]) -> list[float | Exception]:
        """Train jobs as one fleet; where a GPU's memory does not hold it, as two, and where it fails, one by one.

        Args:
            jobs: that `grouping.group` has put together.

        Returns:
            The objective of each run, or the exception that ended it.

        Raises:
            ConfigError: the store is out of reach.
            StoreError: the store refused a run.
        """
        try:
            return list(self._as_fleet(jobs))
        except (ConfigError, StoreError, OSError):  # of the store: no other engine could record there
            raise
        except Exception as error:
            if len(jobs) == 1 or not isinstance(error, torch.OutOfMemoryError):
                say_why(dict.fromkeys(range(len(jobs)), f"the fleet failed: {type(error).__name__}: {error}"))
                return [self.train_one(job) for job in jobs]
        half = len(jobs) // 2  # here, where nothing of the first fleet is kept by its error any more
        log.info("the memory of the GPU does not hold %d runs: they are trained as two fleets", len(jobs))
        return [*self.train_together(jobs[:half]), *self.train_together(jobs[half:])]

    def _as_fleet(self, jobs: Sequence[Composed]) -> list[float]:
        configs = [job.config for job in jobs]
        first, splits = configs[0], data(configs[0])
        with self.keeper.fleet(jobs, splits) as record:
            with self.timed("training"):
                leaving = partial(self.prune, jobs) if self.prune else None
                result = fleet.train(assemble(configs), record.publish, self.advance, leaving)
            with collector_paused():
                values = objectives(result, [tuple(config["objective"].values()) for config in configs])
            with self.timed("tracking"):
                record.finish(result, describe(first, splits))
        return values

    def train_one(self, job: Composed) -> float | Exception:
        """Train a job by the reference engine.

        Args:
            job: composed and checked.

        Returns:
            The objective of its run, or the exception that ended it.
        """

        def leave(points: Sequence[Point]) -> bool:
            columns = [Column(*point[:3], 0, np.zeros(1, dtype=np.int64), np.array([point.value])) for point in points]
            return bool(self.prune and self.prune([job], columns))

        try:
            with self.timed("training one by one"):
                built = build(job.config)
                return train_alone(
                    job.config, built, self.keeper.run(job, built.splits), leave if self.prune else None
                )[0]
        except Exception as error:  # of that run: it is recorded as failed, and the others go on
            return error
        finally:
            if self.advance:
                self.advance(job.config["trainer"]["max_epochs"])

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the seconds that the body takes to those `spent` on something."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.spent[what] += time.perf_counter() - start  # type: ignore[assignment]


def say_why(alone: Mapping[int, str]) -> None:
    """Say, once for each reason, why so many jobs are trained one by one."""
    for reason, count in Counter(alone.values()).items():
        if reason != ASKED:
            log.warning("%d run%s trained one by one: %s", count, " is" if count == 1 else "s are", reason)
