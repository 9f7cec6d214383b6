"""A sweep in progress: what every kind of sweep plans, records and tells its jobs."""

import hashlib
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from hydra.core.utils import JobReturn, JobStatus

from seedsweep.config.completeness import Config
from seedsweep.config.composing import Composed
from seedsweep.config.detail import RUNS
from seedsweep.config.plan import Plan
from seedsweep.config.planned_run import PlannedRun
from seedsweep.engine.factories import gap
from seedsweep.engine.validation import check
from seedsweep.errors import ConfigError, FailedRunsError
from seedsweep.gc_pause import collector_paused
from seedsweep.lifecycle.planned_job import planned
from seedsweep.lifecycle.task import SweepTask, Task
from seedsweep.lifecycle.training import PruneJobs
from seedsweep.problem.suboptimality import Gap
from seedsweep.tracking.sweep_writer import SweepRecord

Overrides = Sequence[str]  # of one job
Launch = tuple[int, Sequence[Overrides]]  # number of the first job, and those of all
Compose = Callable[[Overrides, int], Composed]  # of its overrides and its number


@dataclass
class Sweep(ABC):
    """A sweep, its plan, its record (None when untracked), and what its jobs returned, launch by launch.

    `labels` are the keys that tell its runs apart, `compose` makes a job's configuration, and `progress` is the file
    that its bar reads. What differs between kinds of sweep is how they are checked, what they say at their end, and
    whether a failed run fails them.
    """

    name: str
    labels: tuple[str, ...]
    compose: Compose
    progress: Path
    plan: Plan = field(default_factory=Plan)
    gaps: dict[Gap, None] = field(default_factory=dict)  # what its suboptimality is measured against
    notes: dict[str, None] = field(default_factory=dict)  # what was done to its data
    first: Config = field(default_factory=dict)  # the configuration of its first job
    epochs: int = 0
    record: SweepRecord | None = None
    returns: list[Sequence[JobReturn]] = field(default_factory=list)
    launched: "array[int]" = field(default_factory=lambda: array("q"))  # numbers in the plan of the jobs that returned
    numbers: "array[int]" = field(default_factory=lambda: array("q"))  # and those by which they do not go themselves
    detail: str = RUNS  # in which it is recorded
    is_complete: bool = False  # whether it stood in the store, with all its runs, when it was opened
    _ended: np.ndarray | None = None  # the jobs that need not be trained
    details: ClassVar[tuple[str, ...]] = (RUNS,)  # in which its kind of sweep can be recorded
    unit: ClassVar[str] = "epochs"  # that its bar counts
    grows: ClassVar[bool] = False  # whether jobs are added to it
    is_shared: ClassVar[bool] = False  # whether several processes may be at what one command asks for

    def check(self, jobs: Iterable[Overrides]) -> None:
        """Check jobs and plan them; raises `ConfigError` for the first that cannot be run."""
        with collector_paused():
            for number, overrides in enumerate(jobs, len(self.plan)):
                self._plan_job(self.compose(overrides, number))

    def _plan_job(self, job: Composed) -> None:
        splits = check(job.config)
        if measured := gap(job.config, splits):
            self.gaps[measured] = None
        if splits.notes:
            self.notes[f"{job.config['data']['name']}: {'; '.join(splits.notes)}"] = None
        self.first = self.first or job.config
        if job.config["tracking"] != self.first["tracking"]:
            uri = job.config["tracking"]["uri"]
            raise ConfigError("tracking.uri", uri, "must be the same for all runs of a sweep")
        self._enter(planned(job, self.labels))
        self.epochs += job.config["trainer"]["max_epochs"]

    def _enter(self, run: PlannedRun) -> None:
        """Add a run to the plan."""
        self.plan.add(run)

    def member(self, task: Task, prune: PruneJobs | None = None) -> SweepTask:
        """The task as each job of this sweep has to run it.

        Args:
            task: the application's, of one composed configuration.
            prune: asked after each epoch which jobs of a fleet end there.

        Returns:
            A task to launch instead.
        """
        sweep = self.record.run_id if self.record else None
        return SweepTask(task, sweep, self.labels, self.progress, prune, self.detail, self.numbers)

    @property
    def left(self) -> np.ndarray:
        """The jobs (n,) that are not in the store, ascending."""
        jobs = np.arange(len(self.plan))
        return jobs if self._ended is None else np.setdiff1d(jobs, self._ended)

    def go_on(self, runs: pd.DataFrame) -> None:
        """Take over a sweep of the same command, with the runs that it has, as `SweepRecord.runs` says."""
        self.leave_out(runs["job"][runs["status"] == "FINISHED"].unique())

    def take_stored(self) -> int:
        """Leave out what other sweeps have trained; how many runs of the plan are in the store now."""
        if self.record and len(left := self.left):
            self.leave_out(np.array([*self.record.take_trained(self.plan, left)], dtype=np.int64))
        return len(self.plan) - len(self.left)

    def leave_out(self, ended: np.ndarray) -> None:
        """Say of jobs (n,) that they need not be trained."""
        self._ended = ended if self._ended is None else np.union1d(self._ended, ended)

    def launches(self, numbers: Sequence[int], jobs: Sequence[Overrides], size: int) -> Iterator[Launch]:
        """Say which jobs are launched next.

        Hydra numbers the jobs of a launch one after another. Where a configuration asks for its job's number, only jobs
        that stand together in the plan are launched together.

        Args:
            numbers: of the jobs in the plan.
            jobs: the overrides of each.
            size: how many are launched at once at most.

        Returns:
            Of each launch the number of its first job, and the overrides of its jobs.
        """
        if not len(numbers):
            return
        one_each = {self.plan.group(number): index for index, number in enumerate(numbers)}.values()
        depends = any(self._depends_on_number(jobs[index], numbers[index]) for index in one_each)
        first = len(self.numbers)
        if not depends:
            self.numbers.extend(numbers)
        apart = [index for index in range(1, len(numbers)) if depends and numbers[index] != numbers[index - 1] + 1]
        for start, end in pairwise([0, *apart, len(numbers)]):
            for begin in range(start, end, size):
                stop = min(end, begin + size)
                self.launched.extend(numbers[begin:stop])
                yield numbers[begin] if depends else first + begin, jobs[begin:stop]

    def _depends_on_number(self, job: Overrides, number: int) -> bool:
        """Whether a job with another number would be another one."""
        one, other = (planned(self.compose(job, at), self.labels) for at in (number, number + 1))
        return one.params != other.params or one.key != other.key

    def identity(self, tags: Mapping[str, str]) -> tuple[str, str]:
        """What tells the sweep from those of other commands.

        Args:
            tags: of its parent run, which say how it is judged.

        Returns:
            A tag, without `seedsweep.`, and its value, hexadecimal digits.
        """
        return "plan", hashlib.sha256(f"{self.plan.digest()} {sorted(tags.items())}".encode()).hexdigest()[:32]

    def common_params(self) -> Mapping[str, str]:
        """The params that all runs of the sweep have with one value, also those that may be added to it."""
        return self.plan.common_params

    def is_shown(self) -> bool:
        """Whether what comes of it is printed."""
        return self.first.get("compare", False) is not None

    def optima(self) -> list[str]:
        """What the suboptimality of its runs is measured against, as JSON has it."""
        return [gap.as_json() for gap in self.gaps]

    def ended(self) -> Iterator[JobReturn]:
        """What the jobs that came to an end returned, in the order of the plan."""
        return chain.from_iterable(self.returns)

    def failed(self) -> dict[int, Any]:
        """The errors of the jobs that raised, by their numbers."""
        # the property return_value would print and raise
        ended = enumerate(self.ended())
        errors = {index: result._return_value for index, result in ended if result.status == JobStatus.FAILED}
        return {self.launched[index]: error for index, error in errors.items()}

    def failed_runs(self) -> FailedRunsError | None:
        """What to say if jobs raised; the error of the first stands for the others."""
        failed = self.failed()
        if not failed:
            return None
        first, error = next(iter(failed.items()))
        kept = "; each has its traceback.txt in MLflow" if self.record else ""
        count = f"{len(failed)} of {len(self.plan)} runs failed{kept}. The first was"
        return FailedRunsError(f"{count} {self.plan.name(first)}: {type(error).__name__}: {error}")

    def is_compared(self) -> bool:
        """Whether its runs are compared at its end."""
        return False

    @abstractmethod
    def check_plan(self) -> None:
        """Raise `ConfigError` if the jobs that are planned before the first one starts do not go together."""

    @abstractmethod
    def status(self) -> str:
        """MLflow's status of a sweep that came to its end."""

    @abstractmethod
    def show(self, runs: pd.DataFrame, summary: pd.DataFrame, curves: pd.DataFrame | None) -> None:
        """Print how the sweep ended.

        Args:
            runs: a row a run.
            summary: a row a group.
            curves: of all runs, if the sweep is compared.
        """

    @abstractmethod
    def failure(self) -> FailedRunsError | None:
        """The error that the sweep ends with, if any."""
