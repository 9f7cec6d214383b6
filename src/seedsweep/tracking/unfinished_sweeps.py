"""Sweeps that are gone on with: finding the one that a command means, what it has, and taking away what has no end."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedsweep.config.plan import Plan
from seedsweep.tracking.chunk_files import ChunkedSweep
from seedsweep.tracking.connection import store_errors
from seedsweep.tracking.mlflow_client import mlflow_error
from seedsweep.tracking.queries import of_kind, search_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, recorded
from seedsweep.tracking.sql import delete_runs, open_database, transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from seedsweep.tracking.client import Client, Run

# by their ids, which begin as the sweep's does: a store may have very many runs
RUNS = """SELECT job.value, runs.run_uuid, run_key.value, runs.status, outcome.value
FROM runs CROSS JOIN tags AS sweep CROSS JOIN tags AS job
LEFT JOIN tags AS run_key ON run_key.run_uuid = runs.run_uuid AND run_key.key = 'seedsweep.key'
LEFT JOIN tags AS outcome ON outcome.run_uuid = runs.run_uuid AND outcome.key = 'seedsweep.outcome'
WHERE runs.run_uuid BETWEEN :first AND :last AND runs.lifecycle_stage = 'active'
AND sweep.run_uuid = runs.run_uuid AND sweep.key = 'seedsweep.sweep' AND sweep.value = :sweep
AND job.run_uuid = runs.run_uuid AND job.key = 'seedsweep.job'"""
COLUMNS = ["job", "run", "key", "status", "outcome"]
PLAN = "plan.csv"  # among the artifacts of a sweep


@store_errors()
def find_former(client: "Client", tag: str, value: str, experiments: dict[str, None]) -> list[RecordedSweep]:
    """The sweeps that a command may go on with.

    Args:
        client: of the store.
        tag: by which they are recognised, without `seedsweep.`.
        value: of the tag, hexadecimal digits.
        experiments: of the plan, by their names.

    Returns:
        The sweeps as the store has them, the one that was asked for last first.
    """
    sweeps = map(recorded, search_runs(client, of_kind("sweep", **{tag: value}), experiments))
    return sorted(sweeps, key=lambda sweep: sweep.asked, reverse=True)


@store_errors()
def runs_of(client: "Client", sweep: str, chunks: ChunkedSweep | None = None) -> pd.DataFrame:
    """The runs of a sweep.

    Args:
        client: of the store.
        sweep: its run id.
        chunks: of a sweep that is recorded in groups.

    Returns:
        A row a run, the jobs ascending: its `job`, its id, `run`, its `key`, its `status` in MLflow, and its `outcome`
        if it has one.
    """
    if database := open_database(client.tracking_uri):
        rows = _rows(database, sweep)
    else:
        runs = search_runs(client, of_kind("run", sweep))
        rows = [(*_identity(run), run.info.status, run.data.tags.get("seedsweep.outcome")) for run in runs]
    frames = [pd.DataFrame(rows, columns=COLUMNS).astype({"job": int})]
    for chunk in chunks.chunks(["run", "key", "outcome"]) if chunks else ():
        keys = [f"{key:016x}" for key in chunk.runs["key"].to_pylist()]
        frames.append(chunk.runs.to_pandas().assign(status="FINISHED", key=keys)[COLUMNS])
    return pd.concat(frames, ignore_index=True).sort_values("job", ignore_index=True)


@store_errors()
def recorded_plan(client: "Client", sweep: str) -> Plan | None:
    """The plan of a sweep, as it was written last.

    Args:
        client: of the store.
        sweep: its run id.

    Returns:
        The plan; None where it is not among the artifacts, or is not that of the runs that the sweep has.
    """
    try:
        with TemporaryDirectory() as folder:
            plan = Plan.of_file(Path(client.download_artifacts(sweep, PLAN, folder)))
    except (mlflow_error(), OSError):
        return None
    runs, keys = runs_of(client, sweep), [f"{key:016x}" for key in plan.keys.tolist()]
    fits = all(job < len(keys) and keys[job] == key for job, key in zip(runs["job"], runs["key"], strict=True))
    return plan if fits else None


def _identity(run: "Run") -> tuple[str, str, str]:
    return run.data.tags["seedsweep.job"], run.info.run_id, run.data.tags.get("seedsweep.key", "")


@store_errors()
def remove_runs(client: "Client", runs: list[str]) -> None:
    """Take runs out of a store, by their ids: they are trained again, from the start."""
    database = open_database(client.tracking_uri)
    if database is None:
        for run in runs:
            client.delete_run(run)
    else:
        with transaction(database) as connection:
            delete_runs(connection, sorted(runs))


def _rows(engine: "Engine", sweep: str) -> list[tuple[Any, ...]]:
    import sqlalchemy as sa

    values = {"sweep": sweep, "first": sweep[:12], "last": f"{sweep[:12]}g"}
    with transaction(engine) as connection:
        return [tuple(row) for row in connection.execute(sa.text(RUNS), values)]
