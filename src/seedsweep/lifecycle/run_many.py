"""What many Hydra jobs do at once: those that can train together as fleets, the others one by one."""

import logging
import math
import time
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np

from seedsweep.config.completeness import Config
from seedsweep.config.composing import Composed
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, chunks, refuse_model, refuse_optimizer
from seedsweep.engine.fleet.grouping import ASKED, group
from seedsweep.engine.validation import check
from seedsweep.errors import ConfigError, StoreError
from seedsweep.gc_pause import collector_paused
from seedsweep.lifecycle.planned_job import planned
from seedsweep.lifecycle.run_one import train_alone
from seedsweep.outcomes import Column, Point, objectives
from seedsweep.problem.factories import data, describe
from seedsweep.tracking.fleet_writer import record_fleet

Advance = Callable[[int], None]  # by so many epochs of one run
# of jobs and the columns that they measured in an epoch: the indices of the jobs whose runs end there
PruneJobs = Callable[[Sequence[Composed], Sequence[Column]], Collection[int]]
log = logging.getLogger(__name__)


def run_all(
    jobs: Sequence[Composed], advance: Advance | None = None, prune: PruneJobs | None = None
) -> list[float | Exception]:
    """Train and record the runs of jobs: those that can train together as fleets, the others one by one.

    Args:
        jobs: composed.
        advance: told by how many epochs of single runs the work has come on.
        prune: asked at the end of every epoch which of the jobs that train together end there.

    Returns:
        The objective of each run, or the exception that ended it.

    Raises:
        ConfigError: a configuration is wrong; nothing has been recorded by then.
    """
    spent: Counter[str] = Counter()
    seeds = array("q")  # of the order of the data, of each job; the jobs themselves are not kept
    with _timed("planning", spent), collector_paused():
        fleets, alone = group(_checked(jobs, seeds), (refuse_model, refuse_optimizer))
    _say_why(alone)
    values: list[float | Exception] = [math.nan] * len(jobs)
    for fleet_jobs in fleets:
        for chunk in chunks(jobs[fleet_jobs[0]].config, _by_seed(fleet_jobs, seeds)):
            members = chunk.tolist()
            try:
                trained = _train_together(jobs, members, advance, prune, spent)
            except (ConfigError, StoreError, OSError):  # of the store: no other engine could record there
                raise
            except Exception as error:
                failed = dict.fromkeys(members, f"the fleet failed: {type(error).__name__}: {error}")
                _say_why(failed)
                alone |= failed
            else:
                for member, value in zip(members, trained, strict=True):
                    values[member] = value
    with _timed("training one by one", spent):
        for index in sorted(alone):
            values[index] = _train_one(jobs[index], advance, prune)
    log.debug("%d runs: %s", len(jobs), ", ".join(f"{name} {seconds:.2f} s" for name, seconds in spent.items()))
    return values


def _checked(jobs: Sequence[Composed], seeds: "array[int]") -> Iterator[Config]:
    """The configurations of the jobs, each of them checked, whose seeds are added to `seeds`."""
    for job in jobs:
        check(job.config)
        seeds.append(job.config["order_seed"])
        yield job.config


def _by_seed(fleet_jobs: "array[int]", seeds: "array[int]") -> np.ndarray:
    """The indices of jobs (n,), those of one seed together."""
    indices = np.array(fleet_jobs)
    return indices[np.argsort(np.array(seeds)[indices], kind="stable")]


def _train_together(
    jobs: Sequence[Composed],
    members: Sequence[int],
    advance: Advance | None,
    prune: PruneJobs | None,
    spent: Counter[str],
) -> list[float]:
    """Train and record a fleet of those jobs; the objectives of its members."""
    with collector_paused():
        jobs = [jobs[member] for member in members]
        configs, runs = [job.config for job in jobs], [planned(job) for job in jobs]
    first, splits = configs[0], data(configs[0])
    with record_fleet(first["tracking"], runs, "fleet", splits.fingerprint) as record:
        with _timed("training", spent):
            leaving = partial(prune, jobs) if prune else None
            result = fleet.train(assemble(configs), record.publish, advance, leaving)
        with collector_paused():
            values = objectives(result, [tuple(config["objective"].values()) for config in configs])
        with _timed("tracking", spent):
            record.finish(result, describe(first, splits))
    return values


def _train_one(job: Composed, advance: Advance | None, prune: PruneJobs | None) -> float | Exception:
    def leave(points: Sequence[Point]) -> bool:
        columns = [Column(*point[:3], 0, np.zeros(1, dtype=np.int64), np.array([point.value])) for point in points]
        return bool(prune and prune([job], columns))

    try:
        return train_alone(job.config, build(job.config), planned(job), leave if prune else None)[0]
    except Exception as error:  # of that run: it is recorded as failed, and the others go on
        return error
    finally:
        if advance:
            advance(job.config["trainer"]["max_epochs"])


def _say_why(alone: Mapping[int, str]) -> None:
    for reason, count in Counter(alone.values()).items():
        if reason != ASKED:
            log.warning("%d run%s trained one by one: %s", count, " is" if count == 1 else "s are", reason)


@contextmanager
def _timed(what: str, spent: Counter[str]) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        spent[what] += time.perf_counter() - start  # type: ignore[assignment]
