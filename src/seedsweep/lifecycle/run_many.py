"""What many Hydra jobs do at once: those that can train together as fleets, the others one by one."""

import logging
import math
from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from seedsweep.config.completeness import Config
from seedsweep.config.composing import Composed
from seedsweep.engine.fleet.assemble import chunks, refuse_model, refuse_optimizer
from seedsweep.engine.fleet.grouping import group
from seedsweep.engine.validation import check
from seedsweep.gc_pause import collector_paused
from seedsweep.lifecycle.training import Advance, PruneJobs, Training, say_why

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
    training = Training(advance=advance, prune=prune)
    with training.timed("planning"):
        fleets, alone = sort_jobs(jobs)
    values: list[float | Exception] = [math.nan] * len(jobs)
    for fleet in fleets:
        for chunk in chunks(jobs[int(fleet[0])].config, fleet):
            members = chunk.tolist()
            trained = training.train_together([jobs[member] for member in members])
            for member, value in zip(members, trained, strict=True):
                values[member] = value
    for index in alone:
        values[index] = training.train_one(jobs[index])
    spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in training.spent.items())
    log.debug("%d runs: %s", len(jobs), spent)
    return values


def sort_jobs(jobs: Sequence[Composed]) -> tuple[list[np.ndarray], list[int]]:
    """Say which jobs can train together, and of those that cannot, in the log, why.

    Args:
        jobs: composed; they are checked, and not kept.

    Returns:
        The indices (n,) of the jobs of each fleet, those of one seed together, and of the jobs that train alone.

    Raises:
        ConfigError: a configuration is wrong.
    """
    seeds = array("q")  # of the order of the data, of each job
    with collector_paused():
        fleets, alone = group(_checked(jobs, seeds), (refuse_model, refuse_optimizer))
    say_why(alone)
    return [_by_seed(fleet, seeds) for fleet in fleets], sorted(alone)


def _checked(jobs: Sequence[Composed], seeds: "array[int]") -> Iterator[Config]:
    """The configurations of the jobs, each of them checked, whose seeds are added to `seeds`."""
    for job in jobs:
        check(job.config)
        seeds.append(job.config["order_seed"])
        yield job.config


def _by_seed(fleet: "array[int]", seeds: "array[int]") -> np.ndarray:
    """The indices of jobs (n,), those of one seed together."""
    indices = np.array(fleet)
    return indices[np.argsort(np.array(seeds)[indices], kind="stable")]
