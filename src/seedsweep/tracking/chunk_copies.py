"""Copies of runs where a chunk is at one end: runs of chunks in another sweep, and runs of MLflow's in a chunk."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedsweep.config.plan import Plan
from seedsweep.config.planned_run import PlannedRun
from seedsweep.gc_pause import collector_paused
from seedsweep.tracking.chunk_files import Chunk, ChunkedSweep
from seedsweep.tracking.chunk_tables import ENDED, columns_of, points_of_curves, runs_table
from seedsweep.tracking.chunked_runs import chunks_with
from seedsweep.tracking.client_writer import ClientRuns
from seedsweep.tracking.connection import store_errors
from seedsweep.tracking.frames import curves_frame
from seedsweep.tracking.shared_params import shared_params
from seedsweep.tracking.sql import StoredPoint, open_database, read_points, read_runs
from seedsweep.tracking.sql_writer import SqlRuns
from seedsweep.tracking.tags import MEASURED_BY, NewRun, experiment_id, run_tags
from seedsweep.tracking.weights import COPIED_FROM

if TYPE_CHECKING:
    import pyarrow as pa

    from seedsweep.tracking.client import Client, Run

RUNS = 8_192  # of MLflow's that become one chunk
THREADS = 8  # that ask an MLflow server
TAGS = (
    "outcome",
    "engine",
    "data",
    "measured_by",
    "weights",
    "copied_from",
    "sweep",
)  # that are read of a run of MLflow's


@store_errors()
def copy_from_chunks(
    client: "Client", sweep: str, plan: Plan, job_of: Mapping[str, int], chunks: ChunkedSweep | None
) -> None:
    """Copy runs that are in chunks of other sweeps, a chunk at a time, each complete or not at all.

    Args:
        client: of the store.
        sweep: the run id of the sweep that gets them.
        plan: of that sweep.
        job_of: the index in the plan of each run that is copied, by its id.
        chunks: of a sweep in groups, which keeps them there; None for one that has its runs in MLflow.
    """
    experiments = {name: experiment_id(client, name) for name in plan.experiments}
    for source, chunk in chunks_with(client, job_of):
        jobs = np.array([job_of[run] for run in chunk.runs["run"].to_pylist()])
        order = np.argsort(jobs)
        planned = list(plan.runs(jobs.tolist()))
        ended, points = _ended(chunk, source).take(order), _ordered(chunk.points(), order)
        if chunks:
            chunks.write(runs_table(sweep, planned, ended, points), points)
            continue
        rows = ended.to_dict("records")
        shared = shared_params(client, sweep)
        runs = [
            new_run(run, row, experiments[run.experiment], sweep)._replace(shared=shared)
            for run, row in zip(planned, rows, strict=True)
        ]
        if database := open_database(client.tracking_uri):
            SqlRuns(client, database, runs).replace(lambda _: (), list(columns_of(points)))
        else:
            ClientRuns(client, runs).replace((), list(columns_of(points)))


@store_errors()
def copy_into_chunks(client: "Client", plan: Plan, jobs: np.ndarray, sources: np.ndarray, chunks: ChunkedSweep) -> None:
    """Copy runs that are in MLflow into chunks of a sweep.

    Args:
        client: of the store.
        plan: of the sweep.
        jobs: the indices (n,) in the plan of those that are copied, ascending.
        sources: the ids (n,) of the runs that are copied for them.
        chunks: of the sweep.
    """
    for first in range(0, len(jobs), RUNS):
        ids = sources[first : first + RUNS].tolist()
        planned = list(plan.runs(jobs[first : first + RUNS].tolist()))
        with collector_paused():
            ended, stored = _stored(client, ids)
            points = points_of_curves(curves_frame(stored), ids, ended["ended"].to_numpy())
            runs = runs_table(chunks.sweep, planned, ended, points)
        chunks.write(runs, points)


def new_run(planned: PlannedRun, ended: Mapping[Any, Any], experiment: str, sweep: str) -> NewRun:
    """What MLflow gets of a run that ended, as a row with the columns `ENDED` says."""
    tags = run_tags(planned, ended["engine"], ended["fingerprint"], sweep) | {"seedsweep.outcome": ended["outcome"]}
    tags |= {"seedsweep.weights": f"{ended['weights']}#{ended['member']}"} if ended["weights"] else {}
    tags |= {COPIED_FROM: ended["copied_from"]} if ended["copied_from"] else {}
    tags |= {MEASURED_BY: ended["measured_by"]} if ended["measured_by"] else {}
    return NewRun(planned, experiment, tags, ended["started"], ended["ended"])


def _ended(chunk: Chunk, sweep: str) -> pd.DataFrame:
    """What is known of the runs of a chunk of that sweep, as of copies of them."""
    frame = chunk.runs.select(["run", *ENDED]).to_pandas().astype({"copied_from": object, "copied_sweep": object})
    is_own = frame["copied_from"] == ""
    frame.loc[is_own, "copied_sweep"] = sweep
    frame["copied_from"] = frame["copied_from"].where(~is_own, frame["run"])
    return pd.DataFrame({name: frame[name] for name in ENDED})


def _ordered(points: "pa.Table", order: np.ndarray) -> "pa.Table":
    """The points of runs that are put into that order."""
    run = np.argsort(order).astype(np.int32)[points["run"].to_numpy()]
    return points.set_column(0, "run", [run]).take(np.argsort(run, kind="stable"))


def _stored(client: "Client", ids: Sequence[str]) -> tuple[pd.DataFrame, list[StoredPoint]]:
    """What MLflow has of runs: a row each, as `ENDED` says, and their points."""
    if database := open_database(client.tracking_uri):
        stored = read_runs(database, None, ids, params=False, tags=TAGS)
        times = {info[0]: info[3:] for info in stored.infos}
        tags: dict[str, dict[str, str]] = {run: {} for run in ids}
        for run, key, value in chain.from_iterable(stored.tags):
            tags[run][key] = value
        points = list(chain.from_iterable(read_points(database, None, ids)))
        return pd.DataFrame([_about(run, tags[run], *times[run]) for run in ids], columns=list(ENDED)), points
    with ThreadPoolExecutor(THREADS) as threads:
        runs: list[Run] = list(threads.map(client.get_run, ids))
        asked = [(run.info.run_id, metric) for run in runs for metric in run.data.metrics]
        histories = threads.map(lambda item: client.get_metric_history(*item), asked)
        points = [
            (run, metric, point.step, point.value)
            for (run, metric), history in zip(asked, histories, strict=True)
            for point in history
        ]
    rows = [_about(run.info.run_id, run.data.tags, run.info.start_time, run.info.end_time) for run in runs]
    return pd.DataFrame(rows, columns=list(ENDED)), points


def _about(run: str, tags: Mapping[str, str], start: int, end: int | None) -> tuple[Any, ...]:
    """A row of `ENDED` of a copy of a run of MLflow's."""
    weights, _, member = tags.get("seedsweep.weights", "#-1").partition("#")
    of_copy = tags.get(COPIED_FROM)
    trained = (tags["seedsweep.engine"], tags["seedsweep.data"], tags.get(MEASURED_BY, ""))
    about = (tags["seedsweep.outcome"], start, end, *trained)
    return *about, weights, int(member), of_copy or run, "" if of_copy else tags.get("seedsweep.sweep", "")
