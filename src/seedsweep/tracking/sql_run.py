"""Whose the rows of runs in MLflow's tables are, where several processes may record the same runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seedsweep.errors import StoreError
from seedsweep.tracking.sql import begin_writing, delete_runs, insert, transaction
from seedsweep.tracking.tags import NAME, NewRun

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

STARTS = """SELECT run_uuid, CASE WHEN lifecycle_stage = 'active' THEN status ELSE 'DELETED' END, start_time FROM runs
WHERE run_uuid BETWEEN :first AND :last"""


def run_row(run: NewRun, run_id: str, location: str) -> tuple[Any, ...]:
    """The row of a run that begins, `location` being the folder of its artifacts."""
    source = ("UNKNOWN", "", "", run.tags["mlflow.user"], "RUNNING")
    name, experiment = run.planned.name[:NAME], int(run.experiment)
    return run_id, name, *source, run.start, None, "", "active", location, experiment


def begin_run(engine: "Engine", run: NewRun, run_id: str, location: str) -> bool:
    """Make a run in place of what an earlier process left of it; False where it finished, or began later elsewhere."""
    with transaction(engine) as connection:
        for _, status, start in _between(connection, [run_id]):
            if status == "FINISHED" or start > run.start:
                return False
        delete_runs(connection, [run_id])
        insert(connection, "runs", [run_row(run, run_id, location)])
        tags = {"mlflow.runName": run.planned.name[:NAME]} | run.tags
        insert(connection, "tags", [(run_id, key, value) for key, value in tags.items()])
    return True


def is_own(engine: "Engine", run_id: str, start: int) -> bool:
    """Whether a run is still the one that began then: no other process has begun it anew."""
    with transaction(engine) as connection:
        return [row[2] for row in _between(connection, [run_id])] == [start]


def drop_former(connection: "Connection", ids: Sequence[str]) -> None:
    """Delete what an earlier recording of the same runs, their ids ascending, has left: they are recorded once."""
    former = {row[0] for row in _between(connection, ids)}
    delete_runs(connection, former.intersection(ids))


def check_own(connection: "Connection", ids: Sequence[str], start: int) -> None:
    """Raise `StoreError` if another process has begun to record some of the runs, their ids ascending, since."""
    chosen = set(ids)
    own = sum(row[0] in chosen and row[2] == start for row in _between(connection, ids))
    if own < len(ids):
        raise StoreError(f"{len(ids) - own} of the runs were taken over by another process, or deleted")


def _between(connection: "Connection", ids: Sequence[str]) -> "list[Any]":
    """The rows of the runs with ids from the first of these to the last: all of one sweep."""
    import sqlalchemy as sa

    begin_writing(connection)
    rows = connection.execute(sa.text(STARTS), {"first": ids[0], "last": ids[-1]})
    return [tuple(row) for row in rows]
