"""Sweeps that are gone on with: finding the one that a command means, what it has, and taking away what has no end."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedsweep.outcomes import Point, RunResult
from seedsweep.tracking.chunk_files import ChunkedSweep
from seedsweep.tracking.chunked_runs import ChunkedRun, chunked_run
from seedsweep.tracking.connection import store_errors
from seedsweep.tracking.queries import of_kind, search_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, recorded
from seedsweep.tracking.sql import delete_runs, open_database, transaction

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Engine

# by their ids, which begin as the sweep's does: a store may have very many runs
RUNS = """SELECT job.value, runs.run_uuid, runs.status, outcome.value
FROM runs CROSS JOIN tags AS sweep CROSS JOIN tags AS job
LEFT JOIN tags AS outcome ON outcome.run_uuid = runs.run_uuid AND outcome.key = 'seedsweep.outcome'
WHERE runs.run_uuid BETWEEN :first AND :last AND runs.lifecycle_stage = 'active'
AND sweep.run_uuid = runs.run_uuid AND sweep.key = 'seedsweep.sweep' AND sweep.value = :sweep
AND job.run_uuid = runs.run_uuid AND job.key = 'seedsweep.job'"""
COLUMNS = ["job", "run", "status", "outcome"]


@store_errors()
def find_former(client: "MlflowClient", tag: str, value: str, experiments: dict[str, None]) -> list[RecordedSweep]:
    """The sweeps that a command may go on with.

    Args:
        client: of the store.
        tag: by which they are recognised, without `seedsweep.`.
        value: of the tag, hexadecimal digits.
        experiments: of the plan, by their names.

    Returns:
        The sweeps as the store has them, the one that was asked for last first.
    """
    clause = f"{of_kind('sweep')} and tags.`seedsweep.{tag}` = '{value}'"
    sweeps = map(recorded, search_runs(client, clause, experiments))
    return sorted(sweeps, key=lambda sweep: sweep.asked, reverse=True)


@store_errors()
def runs_of(client: "MlflowClient", sweep: str, chunks: ChunkedSweep | None = None) -> pd.DataFrame:
    """The runs of a sweep.

    Args:
        client: of the store.
        sweep: its run id.
        chunks: of a sweep that is recorded in groups.

    Returns:
        A row a run, the jobs ascending: its `job`, its id, `run`, its `status` in MLflow, and its `outcome` if it has
        one.
    """
    if database := open_database(client.tracking_uri):
        rows = _rows(database, sweep)
    else:
        runs = search_runs(client, of_kind("run", sweep))
        rows = [
            (run.data.tags["seedsweep.job"], run.info.run_id, run.info.status, run.data.tags.get("seedsweep.outcome"))
            for run in runs
        ]
    frames = [pd.DataFrame(rows, columns=COLUMNS).astype({"job": int})]
    for chunk in chunks.chunks(["run", "outcome"]) if chunks else ():
        frames.append(chunk.runs.to_pandas().assign(status="FINISHED")[COLUMNS])
    return pd.concat(frames, ignore_index=True).sort_values("job", ignore_index=True)


@store_errors()
def remove_runs(client: "MlflowClient", runs: list[str]) -> None:
    """Take runs out of a store, by their ids: they are trained again, from the start."""
    database = open_database(client.tracking_uri)
    if database is None:
        for run in runs:
            client.delete_run(run)
    else:
        with transaction(database) as connection:
            delete_runs(connection, sorted(runs))


@store_errors()
def read_result(client: "MlflowClient", run: str, metric: str) -> RunResult:
    """What a run that ended has of one metric.

    Args:
        client: of the store.
        run: its id.
        metric: whose curve is read.

    Returns:
        A result without weights, whose points, the steps ascending, know no epochs.
    """
    if found := _in_chunk(client, run):
        chunk, row, about = found
        rows = [point for point in chunk.only(np.array([row])).points().to_pylist() if point["metric"] == metric]
        return RunResult(about["outcome"], [Point(metric, point["step"], 0, point["value"]) for point in rows])
    curve = sorted(client.get_metric_history(run, metric), key=lambda point: point.step)
    points = [Point(metric, point.step, 0, point.value) for point in curve]
    outcome: Any = client.get_run(run).data.tags["seedsweep.outcome"]
    return RunResult(outcome, points)


def _in_chunk(client: "MlflowClient", run: str) -> ChunkedRun | None:
    """A run that MLflow does not have, but a chunk."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_run(run)
    except MlflowException:
        return chunked_run(client, run)
    return None


def _rows(engine: "Engine", sweep: str) -> list[tuple[Any, ...]]:
    import sqlalchemy as sa

    values = {"sweep": sweep, "first": sweep[:12], "last": f"{sweep[:12]}g"}
    with transaction(engine) as connection:
        return [tuple(row) for row in connection.execute(sa.text(RUNS), values)]
