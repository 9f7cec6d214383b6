"""The life of a sweep around whatever launches its jobs: plan, parent run, progress, closing, table."""

import gc
import logging
import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf

from seedsweep.config.completeness import Config
from seedsweep.config.composing import Composed
from seedsweep.config.lazy_sequence import LazySequence
from seedsweep.config.overrides import varied
from seedsweep.config.plan import Plan
from seedsweep.engine.factories import check, gap
from seedsweep.errors import ConfigError, FailedRunsError, StoreError, masked
from seedsweep.gc_pause import collector_paused
from seedsweep.outcomes import outcome_of
from seedsweep.problem.suboptimality import Gap
from seedsweep.report.console import SHOWN, counts, print_interrupted, print_searched, print_sweep, summarize
from seedsweep.sweep.progress import advance, checking, training
from seedsweep.sweep.run_many import Prune, planned
from seedsweep.sweep.signals import Stop, on_signal
from seedsweep.tracking.reader import load_runs, stream_curves, stream_runs
from seedsweep.tracking.writer import NONE, SweepRecord

log = logging.getLogger(__name__)
Task = Callable[[DictConfig], Any]
OFTEN = 8192  # jobs after which those that are planned are compared with one another
COMPARED = 20_000  # runs of a sweep up to which it is compared at its end without being asked
Compose = Callable[[Sequence[str], int], Composed]


@dataclass
class SweepTask:
    """The task of a job, told which sweep it belongs to; it travels to the job's process."""

    task: Task
    sweep: str | None
    labels: tuple[str, ...]
    progress: Path
    prune: Prune | None = None

    def __call__(self, config: DictConfig) -> Any:
        config.tracking.sweep = self.sweep
        config.tracking.labels = list(self.labels)
        try:
            return self.task(config)
        finally:
            advance(self.progress, config.trainer.max_epochs)

    def batched(self, task: Callable[..., list[Any]]) -> Callable[[Sequence[Composed]], list[Any]]:
        """The batched form of the task, as the jobs of this sweep have to run it."""
        of_sweep = {"sweep": self.sweep, "labels": list(self.labels)}

        def run(jobs: Sequence[Composed]) -> list[Any]:
            tracking = jobs[0].config["tracking"] | of_sweep

            def member(index: int) -> Composed:
                job = jobs[index]
                return Composed(job.number, job.overrides, job.config | {"tracking": tracking}, job.choices)

            pruning = {"prune": self.prune} if self.prune else {}
            return task(LazySequence(len(jobs), member), partial(advance, self.progress), **pruning)

        return run


@dataclass
class Sweep:
    """A sweep in progress: its plan, its record (None when untracked), and what its jobs returned, batch by batch."""

    name: str
    labels: tuple[str, ...]
    compose: Compose
    progress: Path
    plan: Plan = field(default_factory=Plan)
    gaps: dict[Gap, None] = field(default_factory=dict)  # what its suboptimality is measured against
    first: Config = field(default_factory=dict)
    epochs: int = 0
    record: SweepRecord | None = None
    returns: list[Sequence[JobReturn]] = field(default_factory=list)
    search: bool = False  # which looks at its runs itself, the failed ones, too

    def check(self, jobs: Iterable[Sequence[str]]) -> None:
        """Check jobs and plan them."""
        with collector_paused():
            for number, overrides in enumerate(jobs, len(self.plan)):
                job = self.compose(overrides, number)
                if measured := gap(job.config, check(job.config)):
                    self.gaps[measured] = None
                self.first = self.first or job.config
                if job.config["tracking"] != self.first["tracking"]:
                    uri = job.config["tracking"]["uri"]
                    raise ConfigError("tracking.uri", uri, "must be the same for all runs of a sweep")
                self.plan.add(planned(job, self.labels))
                self.epochs += job.config["trainer"]["max_epochs"]
                if not self.search and len(self.plan) % OFTEN == 0:
                    self.plan.check()

    def add(self, jobs: Sequence[Sequence[str]]) -> None:
        """Check more jobs, and add them to the plan and its record."""
        self.check(jobs)
        if self.record:
            self.record.write_plan(self.plan, [each.as_json() for each in self.gaps])

    def group(self, job: Sequence[str]) -> str:
        """The group that a job's run belongs to."""
        return planned(self.compose(job, 0), self.labels).group

    def member(self, task: Task, prune: Prune | None = None) -> SweepTask:
        """The task as each job of this sweep has to run it; in a fleet, until `prune` ends it."""
        return SweepTask(task, self.record.run_id if self.record else None, self.labels, self.progress, prune)

    def close(self, status: str | None = None) -> None:
        """Record how it ended, with `status` or by how its jobs did, and print the table."""
        metric, start = self.first["objective"]["metric"], time.perf_counter()
        if self.record is None:
            runs = self._returned()
            of = f"{self.first['objective']['select']} value"
            if self.search:
                print_searched(runs)
            else:
                print_sweep(runs, summarize(runs, metric), self.name, of)
            return
        try:
            self.record.reap()
            gc.freeze()  # what there is now is no garbage, and there may be very much of it
            compared, store = self._is_compared(status), (self.record.run_id, self.record.uri)
            parts = [load_runs(*store)] if compared else stream_runs(*store)  # at once, where that is needed anyhow
            curves = list(stream_curves(*store)) if compared else stream_curves(*store)
            kept: list[pd.DataFrame] = []
            self.record.write(_keeping(parts, kept, () if compared else ("group", "outcome", metric, *SHOWN)), curves)
            runs = pd.concat(kept, ignore_index=True)
            summary = summarize(runs, metric)
            status = status or ("FAILED" if self._failed() and not self.search else "FINISHED")
            self.record.close(status, counts(runs), summary)
        except (StoreError, ConfigError, OSError) as error:
            message = f"the store cannot be written, and the sweep is unfinished in it: {error}"
            raise FailedRunsError(masked(message)) from None
        except BaseException:  # Ctrl-C while closing
            self.record.end("KILLED")
            raise
        log.debug("closing: %.2f s", time.perf_counter() - start)
        if self.search:
            print_searched(runs, self.record.uri, self.record.page)
            return
        print_sweep(runs, summary, self.name, "last value", self.record.uri, self.record.page)
        if compared:
            self._compare(self.record, runs, pd.concat(curves, ignore_index=True))

    def _is_compared(self, status: str | None) -> bool:
        """Whether there is something to compare: groups, of more than one seed, in a sweep that was not ended early."""
        if status or self.search or not self.first.get("compare") or len(self.plan) > COMPARED:
            return False
        return 1 < len(self.plan.groups) < len(self.plan)

    def _compare(self, record: SweepRecord, runs: pd.DataFrame, curves: pd.DataFrame) -> None:
        """Say what the seeds allow to say; the sweep is kept already, whatever happens here."""
        from seedsweep.report.publish import say

        try:
            say(runs, curves, [record.recorded()], record.uri, self.first["objective"], pngs=False)
        except (KeyboardInterrupt, SystemExit):
            print_interrupted("the sweep is kept; python compare.py compares it")
        except Exception as error:  # a bug there must not fail a sweep that has been trained
            log.warning("the sweep is kept, but could not be compared (%s); try python compare.py", masked(str(error)))

    def _failed(self) -> dict[int, Any]:
        """The errors of the jobs that raised, by their numbers."""
        ended = enumerate(chain.from_iterable(self.returns))
        # the property return_value would print and raise
        return {job: result._return_value for job, result in ended if result.status == JobStatus.FAILED}

    def failure(self) -> FailedRunsError | None:
        """What to say if jobs raised; the error of the first stands for the others."""
        failed = self._failed()
        if not failed or self.search:
            return None
        first, error = next(iter(failed.items()))
        kept = "; each has its traceback.txt in MLflow" if self.record else ""
        count = f"{len(failed)} of {len(self.plan)} runs failed{kept}. The first was"
        return FailedRunsError(f"{count} {self.plan.name(first)}: {type(error).__name__}: {error}")

    def _returned(self) -> pd.DataFrame:
        """The runs of an untracked sweep, with the one number that each returned."""
        metric = self.first["objective"]["metric"]
        rows = []
        for job, result in zip_longest(range(len(self.plan)), chain.from_iterable(self.returns)):
            value = result._return_value if result and result.status == JobStatus.COMPLETED else None
            outcome = outcome_of(value) if value is not None else "failed" if result else "missing"
            rows.append({"group": self.plan.group(job), "outcome": outcome, metric: value})
        return pd.DataFrame(rows)


def _keeping(
    parts: Iterable[pd.DataFrame], kept: list[pd.DataFrame], columns: Collection[str]
) -> Iterator[pd.DataFrame]:
    """The parts, of which these columns are kept, or all if none is named."""
    for part in parts:
        kept.append(part.loc[:, part.columns.isin(columns or part.columns)].copy())
        yield part


@contextmanager
def open_sweep(
    name: str,
    jobs: Sequence[Sequence[str]],
    compose: Compose,
    folder: Path,
    labels: Sequence[str] | None = None,
    expected: int | None = None,
    tags: Mapping[str, str] = NONE,
) -> Iterator[Sweep]:
    """Check every job, then record the sweep around the body, which has it launched and collects its results.

    `jobs` are the overrides of each job, `compose` makes of its number and overrides its configuration; `folder` is
    shared by the processes of the jobs. A sweep to which the body adds jobs, as a search does, has `labels`, the keys
    that it varies, some `expected` number of jobs, and `tags` of its own. Raises `ConfigError` before anything is
    recorded, `FailedRunsError` at the end.
    """
    stop = Stop()
    with on_signal(signal.SIGTERM, stop), on_signal(signal.SIGINT, stop):
        try:
            sweep = _start(masked(name), jobs, compose, folder.resolve(), labels, tags)
        except BaseException:
            if stop.code is None:
                raise
            print_interrupted("nothing had been trained")
            raise SystemExit(stop.code) from None
        try:
            gc.freeze()  # what there is now is no garbage, and looking through it takes half a second
            runs = max(expected or 0, len(jobs))
            with training(sweep.progress, runs, sweep.epochs * runs // len(jobs)):
                yield sweep
                stop.check()
            sweep.close()
        except FailedRunsError:
            raise
        except BaseException as error:
            if stop.code is None and isinstance(error, Exception):
                # of the launcher: a process of its own that was killed, a scheduler out of reach
                sweep.close("FAILED")
                if isinstance(error, ConfigError):  # of a job that was added
                    raise
                raise FailedRunsError(f"the launcher gave up: {type(error).__name__}: {error}") from error
            with on_signal(signal.SIGINT, signal.SIG_IGN):
                sweep.close("KILLED")
            print_interrupted("the runs that had finished are recorded" if sweep.record else "nothing is kept")
            raise SystemExit(stop.code or 1) from error
    if failure := sweep.failure():
        raise failure


def _start(
    name: str,
    jobs: Sequence[Sequence[str]],
    compose: Compose,
    folder: Path,
    labels: Sequence[str] | None,
    tags: Mapping[str, str],
) -> Sweep:
    """The sweep with its plan checked and recorded, and no run started."""
    start = time.perf_counter()
    sweep = Sweep(name, tuple(varied(jobs) if labels is None else labels), compose, folder / f".progress-{uuid4().hex}")
    sweep.search = labels is not None
    sweep.check(checking(jobs))
    if not sweep.first:
        raise ConfigError("hydra.sweeper", "no jobs", "the overrides must leave at least one")
    if not sweep.search:
        sweep.plan.check()
    log.debug("composing and checking %d jobs: %.2f s", len(jobs), time.perf_counter() - start)
    uri = sweep.first["tracking"]["uri"]
    if uri is not None:
        config = OmegaConf.to_yaml(OmegaConf.create(dict(sweep.first)))
        sweep.record = SweepRecord(uri, sweep.plan, name, config, [each.as_json() for each in sweep.gaps], tags)
    return sweep
