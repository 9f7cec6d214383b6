"""The life of a sweep around whatever launches its jobs: plan, parent run, progress, signals, closing."""

import json
import logging
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from seedsweep.config.overrides import varied
from seedsweep.config.planned_call import SWEPT
from seedsweep.errors import ConfigError, FailedRunsError, masked
from seedsweep.gc_pause import leave_alone
from seedsweep.lifecycle.closing import close
from seedsweep.lifecycle.function_calls import ComposedCall
from seedsweep.lifecycle.function_sweep import FunctionSweep
from seedsweep.lifecycle.grid_sweep import GridSweep
from seedsweep.lifecycle.progress import checking, training
from seedsweep.lifecycle.resuming import open_record
from seedsweep.lifecycle.search_sweep import SearchSweep
from seedsweep.lifecycle.signals import Stop, on_signal
from seedsweep.lifecycle.sure_function_sweep import SureFunctionSweep
from seedsweep.lifecycle.sure_sweep import SureSweep
from seedsweep.lifecycle.sweep import Compose, Overrides, Sweep
from seedsweep.metrics import Direction
from seedsweep.report.console import print_interrupted
from seedsweep.tracking.sweep_writer import NONE

log = logging.getLogger(__name__)
Kind = TypeVar("Kind", bound=Sweep)


def open_sweep(
    name: str, jobs: Sequence[Overrides], compose: Compose, folder: Path
) -> AbstractContextManager[GridSweep]:
    """Check every job, then record the sweep around the body, which has it launched and collects its results.

    Args:
        name: what the sweep is called in the store.
        jobs: the overrides of each job.
        compose: what makes a job's configuration of its overrides and its number.
        folder: shared by the processes of the jobs.

    Returns:
        A context manager that gives the sweep, and closes it however its body ends. It raises `ConfigError` before
        anything is recorded, and `FailedRunsError` at the end.
    """
    sweep = GridSweep(masked(name), tuple(varied(jobs)), compose, _progress_file(folder))
    return _alive(sweep, jobs, len(jobs), NONE)


def open_function_sweep(
    name: str, jobs: int, compose: Callable[[Overrides, int], ComposedCall], folder: Path, labels: Sequence[str]
) -> AbstractContextManager[FunctionSweep]:
    """The same for a sweep whose jobs are calls of a function, which the body has made.

    Args:
        name: what the sweep is called in the store.
        jobs: how many there are.
        compose: what makes a job of its number.
        folder: shared by the processes of the jobs.
        labels: the arguments that tell its runs apart.

    Returns:
        A context manager as that of `open_sweep`.
    """
    sweep = FunctionSweep(masked(name), tuple(labels), compose, _progress_file(folder))
    return _alive(sweep, [()] * jobs, jobs, {SWEPT: json.dumps(list(labels))})


def open_search_sweep(
    name: str,
    jobs: Sequence[Overrides],
    compose: Compose,
    folder: Path,
    labels: Sequence[str],
    expected: int,
    tags: Mapping[str, str],
    prunes: bool = False,
) -> AbstractContextManager[SearchSweep]:
    """The same for a sweep to which the body adds jobs, as a search does.

    Args:
        name: what the sweep is called in the store.
        jobs: the overrides of each job of the first round.
        compose: what makes a job's configuration of its overrides and its number.
        folder: shared by the processes of the jobs.
        labels: the keys that the search varies.
        expected: how many runs there will be at most.
        tags: of the parent run, besides a sweep's own.
        prunes: whether runs may be ended while they train, so that all have to be trained.

    Returns:
        A context manager as that of `open_sweep`.
    """
    sweep = SearchSweep(masked(name), tuple(labels), compose, _progress_file(folder), prunes=prunes)
    return _alive(sweep, jobs, max(expected, len(jobs)), tags)


def open_sure_sweep(
    name: str,
    jobs: Sequence[Overrides],
    compose: Compose,
    folder: Path,
    labels: Sequence[str],
    expected: int,
    tags: Mapping[str, str],
) -> AbstractContextManager[SureSweep]:
    """The same for a sweep whose seeds are bought round by round.

    Args:
        name: what the sweep is called in the store.
        jobs: the overrides of each job of the first round.
        compose: what makes a job's configuration of its overrides and its number.
        folder: shared by the processes of the jobs.
        labels: the params in which the cells differ.
        expected: how many runs there will be at most.
        tags: of the parent run, besides a sweep's own.

    Returns:
        A context manager as that of `open_sweep`.
    """
    sweep = SureSweep(masked(name), tuple(labels), compose, _progress_file(folder))
    return _alive(sweep, jobs, max(expected, len(jobs)), tags)


def open_sure_function_sweep(
    name: str,
    jobs: Sequence[Overrides],
    compose: Callable[[Overrides, int], ComposedCall],
    folder: Path,
    labels: Sequence[str],
    expected: int,
    tags: Mapping[str, str],
    metric: str | None,
    direction: Direction | None,
) -> AbstractContextManager[SureFunctionSweep]:
    """The same for calls of a function, which the body has made round by round.

    Args:
        name: what the sweep is called in the store.
        jobs: of the first round.
        compose: what makes a job of these and its number.
        folder: shared by the processes of the jobs.
        labels: the arguments that tell its runs apart.
        expected: how many runs there will be at most.
        tags: of the parent run, besides a sweep's own.
        metric: that is judged; None: the one that is logged first.
        direction: in which it is better; None: its name says so, and a number that is returned is minimized.

    Returns:
        A context manager as that of `open_sweep`.
    """
    about = (masked(name), tuple(labels), compose, _progress_file(folder))
    sweep = SureFunctionSweep(*about, asked=metric, direction=direction)
    return _alive(sweep, jobs, max(expected, len(jobs)), {**tags, SWEPT: json.dumps(list(labels))})


def _progress_file(folder: Path) -> Path:
    return folder.resolve() / f".progress-{uuid4().hex}"


@contextmanager
def _alive(sweep: Kind, jobs: Sequence[Overrides], runs: int, tags: Mapping[str, str]) -> Iterator[Kind]:
    """The sweep between its start and its end; `runs` are expected of it."""
    stop = Stop()
    with on_signal(signal.SIGTERM, stop), on_signal(signal.SIGINT, stop):
        try:
            _start(sweep, jobs, tags)
        except BaseException:
            if sweep.record and not sweep.is_complete:
                sweep.record.end("KILLED")
            if stop.code is None:
                raise
            print_interrupted("nothing had been trained")
            raise SystemExit(stop.code) from None
        try:
            leave_alone()
            with _bar(sweep, len(jobs), runs):
                yield sweep
                stop.check()
            close(sweep)
        except FailedRunsError:
            raise
        except BaseException as error:
            _end_early(sweep, stop, error)
    if failure := sweep.failure():
        raise failure


def _bar(sweep: Sweep, jobs: int, runs: int) -> AbstractContextManager[None]:
    """The bar of the training of what is left of these jobs and of others that are added, in all so many runs."""
    left = runs - jobs + len(sweep.left)
    return training(sweep.progress, left, sweep.epochs * left // jobs, sweep.unit) if left else nullcontext()


def _end_early(sweep: Sweep, stop: Stop, error: BaseException) -> None:
    """Close a sweep whose body was left by an error or a signal, and raise what says so."""
    if stop.code is None and isinstance(error, Exception):
        # of the launcher: a process of its own that was killed, a scheduler out of reach
        close(sweep, "FAILED")
        if isinstance(error, ConfigError):  # of a job that was added
            raise error
        raise FailedRunsError(f"the launcher gave up: {type(error).__name__}: {error}") from error
    with on_signal(signal.SIGINT, signal.SIG_IGN):
        close(sweep, "KILLED")
    print_interrupted("the runs that had finished are recorded" if sweep.record else "nothing is kept")
    raise SystemExit(stop.code or 1) from error


def _start(sweep: Sweep, jobs: Sequence[Overrides], tags: Mapping[str, str]) -> None:
    """Check and plan the jobs, and record the sweep before any of them starts."""
    start = time.perf_counter()
    with closing(checking(jobs)) as checked:  # at once, also where a job is refused
        sweep.check(checked)
    if not sweep.first:
        raise ConfigError("hydra.sweeper", "no jobs", "the overrides must leave at least one")
    sweep.check_plan()
    log.debug("composing and checking %d jobs: %.2f s", len(jobs), time.perf_counter() - start)
    if sweep.first["tracking"]["uri"] is not None:
        open_record(sweep, tags)
