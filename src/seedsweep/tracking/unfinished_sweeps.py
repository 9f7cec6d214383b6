"""Sweeps that are gone on with: finding the one of a plan, what it has, and taking away what has no end."""

from typing import TYPE_CHECKING, Any

import numpy as np

from seedsweep.tracking.connection import store_errors
from seedsweep.tracking.queries import of_kind, search_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, recorded
from seedsweep.tracking.sql import delete_runs, open_database, transaction

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Engine

# by their ids, which begin as the sweep's does: a store may have very many runs
RUNS = """SELECT job.value, runs.run_uuid, runs.status, runs.lifecycle_stage
FROM runs CROSS JOIN tags AS sweep CROSS JOIN tags AS job
WHERE runs.run_uuid BETWEEN :first AND :last AND sweep.run_uuid = runs.run_uuid AND sweep.key = 'seedsweep.sweep'
AND sweep.value = :sweep AND job.run_uuid = runs.run_uuid AND job.key = 'seedsweep.job'"""


@store_errors()
def find_plan(client: "MlflowClient", digest: str, experiments: dict[str, None]) -> RecordedSweep | None:
    """The newest sweep of a plan.

    Args:
        client: of the store.
        digest: of the plan, the tag `seedsweep.plan`.
        experiments: of the plan, by their names.

    Returns:
        It as the store has it; None where there is none.
    """
    clause = f"{of_kind('sweep')} and tags.`seedsweep.plan` = '{digest}'"
    sweeps = map(recorded, search_runs(client, clause, experiments))
    return max(sweeps, key=lambda sweep: sweep.asked, default=None)


@store_errors()
def jobs_that_ended(client: "MlflowClient", sweep: str) -> np.ndarray:
    """The jobs (n,) of a sweep, its run id, whose runs finished or diverged."""
    database = open_database(client.tracking_uri)
    if database is None:
        runs = search_runs(client, f"{of_kind('run', sweep)} and attributes.status = 'FINISHED'")
        return np.array(sorted({int(run.data.tags["seedsweep.job"]) for run in runs}), dtype=np.int64)
    rows = _runs(database, sweep)
    ended = {int(job) for job, _, status, stage in rows if (status, stage) == ("FINISHED", "active")}
    return np.array(sorted(ended), dtype=np.int64)


@store_errors()
def remove_unfinished(client: "MlflowClient", sweep: str) -> None:
    """Take away the runs of a sweep, its run id, that have no end or failed: they are trained again, from the start."""
    database = open_database(client.tracking_uri)
    if database is None:
        for run in list(search_runs(client, f"{of_kind('run', sweep)} and attributes.status != 'FINISHED'")):
            client.delete_run(run.info.run_id)
        return
    ids = sorted(run for _, run, status, _ in _runs(database, sweep) if status != "FINISHED")
    with transaction(database) as connection:
        delete_runs(connection, ids)


def _runs(engine: "Engine", sweep: str) -> list[Any]:
    import sqlalchemy as sa

    values = {"sweep": sweep, "first": sweep[:12], "last": f"{sweep[:12]}g"}
    with transaction(engine) as connection:
        return [tuple(row) for row in connection.execute(sa.text(RUNS), values)]
