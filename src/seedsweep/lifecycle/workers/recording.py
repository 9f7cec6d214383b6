"""The trainings of workers recorded by their parent, as if it had made them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from seedsweep.config.composing import Composed
from seedsweep.config.detail import GROUPS
from seedsweep.errors import masked
from seedsweep.lifecycle.planned_job import planned
from seedsweep.lifecycle.workers.packing import TrainedFleet, TrainedRun
from seedsweep.problem.factories import data, describe
from seedsweep.tracking.fleet_writer import record_fleet
from seedsweep.tracking.run_writer import record_run


class DeadlyRunError(RuntimeError):
    """A run took the worker with it that trained it."""


def writes_itself(tracking: Mapping[str, Any]) -> bool:
    """Whether a worker records what it trains: in PostgreSQL, which takes many writers. SQLite takes one, a server
    gives no ids by which a run that is recorded twice would be one, a worker may not see the disk of chunk files, and a
    password in the address stays with the parent.

    Args:
        tracking: the group of the configuration.

    Returns:
        Whether it does, or there is nothing to record.
    """
    uri = str(tracking["uri"])
    in_database = uri.startswith("postgresql") and masked(uri) == uri and tracking.get("detail") != GROUPS
    return tracking["uri"] is None or in_database


def keep(jobs: Sequence[Composed], trained: Sequence[TrainedFleet | TrainedRun]) -> None:
    """Record the trainings of a chunk.

    Args:
        jobs: of the chunk.
        trained: what its worker kept for it.
    """
    for training in trained:
        if isinstance(training, TrainedFleet):
            _keep_fleet([jobs[index] for index in training.jobs], training)
        else:
            _keep_run(jobs[training.job], training)


def _keep_fleet(jobs: Sequence[Composed], training: TrainedFleet) -> None:
    first, splits = jobs[0].config, data(jobs[0].config)
    runs, result = [planned(job) for job in jobs], training.result()
    with record_fleet(first["tracking"], runs, "fleet", splits.fingerprint, training.start) as record:
        record.finish(result, describe(first, splits))


def _keep_run(job: Composed, training: TrainedRun) -> None:
    splits = data(job.config)
    about = (job.config["tracking"], planned(job), "lightning", splits.fingerprint, splits.notes)
    failed = training.error.again() if training.error else None
    try:
        with record_run(*about, start=training.start) as record:
            record.add(training.points)
            if failed:
                raise failed
            record.finish(training.result(), describe(job.config, splits))
    except Exception as error:
        if error is not failed:  # but the store's
            raise


def keep_lost(job: Composed, workers: int, engine: str) -> DeadlyRunError:
    """Record a run that cannot be trained, since its worker dies of it.

    Args:
        job: of the run.
        workers: that it took with it.
        engine: that would have trained it.

    Returns:
        What is said of it.
    """
    lost = f"{workers} workers that trained it died" if workers > 1 else "the worker that trained it died"
    error = DeadlyRunError(f"{lost}: killed, by itself or for lack of memory, or gone with its machine")
    about = (job.config["tracking"], planned(job), engine, data(job.config).fingerprint)
    with suppress(DeadlyRunError), record_run(*about):
        raise error
    return error
