"""Runs and their curves, read from an MLflow store: from its database, or by MLflow's client."""

import logging
from array import array
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedsweep.config.csv_cells import original_table
from seedsweep.config.detail import GROUPS
from seedsweep.config.plan import IDENTITY
from seedsweep.gc_pause import collector_paused
from seedsweep.tracking.addresses import default_uri
from seedsweep.tracking.chunk_files import DETAIL, ChunkedSweep
from seedsweep.tracking.chunk_frames import curves_of_chunk
from seedsweep.tracking.connection import connect, store_errors
from seedsweep.tracking.frames import NOT_CURVES, Chunked, curves_frame, runs_frame
from seedsweep.tracking.mlflow_client import mlflow_error
from seedsweep.tracking.queries import PAGE, of_kind, search_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, chunked_sweeps, sweeps_of
from seedsweep.tracking.shared_params import shared_params
from seedsweep.tracking.sql import StoredPoint, StoredRuns, open_database, read_jobs, read_points, read_runs
from seedsweep.tracking.unfinished_sweeps import PLAN

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from seedsweep.tracking.client import Client

log = logging.getLogger(__name__)
# how a plan is read
AS_STRINGS: dict[str, Any] = {"dtype": str, "na_values": [""], "keep_default_na": False, "encoding_errors": "replace"}
RUNS = 8192  # in one of the tables of `stream_runs`
NO_RUNS = StoredRuns((), (), (), ())
THREADS = 8  # that ask a server for curves


@store_errors()
def load_runs(sweep: str | None = None, tracking_uri: str | None = None) -> pd.DataFrame:
    """The runs of a sweep, or of the whole store; also those of a sweep that were planned and have not ended.

    Args:
        sweep: run id of the sweep, its beginning, or `"latest"`; None for all runs of the store.
        tracking_uri: address of the store; the default store when None.

    Returns:
        A row a run. Columns: `run` (id), `name`, `group`, `sweep`, `job`, `outcome` (finished, diverged, pruned, failed
        or missing), `status` (MLflow's), `started` (UTC), `seconds`, `fingerprint` (of the data); every param under its
        own name (`optimizer`, `optimizer.lr`, `seed`, …), as numbers where all are; and the last value of every metric
        (`val/loss`, …).

    Raises:
        ConfigError: no such store or sweep.
        StoreError: MLflow refused what it was asked.
    """
    client = connect(tracking_uri or default_uri())
    parent = None if sweep is None else sweeps_of(client, sweep)[0]
    with collector_paused():  # it would look through hundreds of thousands of rows, again and again
        chunked = [(chunks.sweep, chunk.runs) for chunks in _chunked(client, parent) for chunk in chunks.chunks()]
        return _with_chunks(client, parent, chunked)


@store_errors()
def load_curves(sweep: str | None = None, tracking_uri: str | None = None) -> pd.DataFrame:
    """The curves of the same runs as `load_runs`.

    Args:
        sweep: run id of the sweep, its beginning, or `"latest"`; None for all runs of the store.
        tracking_uri: address of the store; the default store when None.

    Returns:
        A row a point: `run` (id), `metric`, `step` (optimizer steps), `epoch` (from 0), `value`.

    Raises:
        ConfigError: no such store or sweep.
        StoreError: MLflow refused what it was asked.
    """
    return pd.concat(stream_curves(sweep, tracking_uri), ignore_index=True)


def stream_runs(sweep: str, tracking_uri: str | None = None) -> Iterator[pd.DataFrame]:
    """The table of `load_runs` of a sweep in several tables, which together need not fit into memory.

    Args:
        sweep: run id of the sweep, its beginning, or `"latest"`.
        tracking_uri: address of the store; the default store when None.

    Returns:
        Tables, at least one. Their params are strings, as the plan has them, since reading them from the plan takes a
        tenth of the time; an empty string is none. A server gives one table, that of `load_runs`.

    Raises:
        ConfigError: no such store or sweep.
    """
    client = connect(tracking_uri or default_uri())
    with store_errors():
        parent = sweeps_of(client, sweep)[0]
        database = open_database(client.tracking_uri)
        if chunked := _chunked(client, parent):
            yield from _runs_of_chunks(client, parent, chunked[0])
        elif database is None:
            yield load_runs(parent.run_id, client.tracking_uri)
        else:
            yield from _runs_of_plan(client, database, parent.run_id)


def _chunked(client: "Client", sweep: RecordedSweep | None) -> list[ChunkedSweep]:
    """What a sweep, or the whole store, has in chunk files."""
    grouped = chunked_sweeps(client) if sweep is None else [sweep] * (sweep.tags.get(DETAIL) == GROUPS)
    return [ChunkedSweep(client, item.run_id, item.artifacts, _recorded_jobs(client, item.run_id)) for item in grouped]


def _recorded_jobs(client: "Client", sweep: str) -> Collection[int]:
    """The jobs of a sweep that have a run in MLflow, as those that were trained alone."""
    if database := open_database(client.tracking_uri):
        return read_jobs(database, sweep)["job"].tolist()  # type: ignore[no-any-return]
    return [int(run.data.tags["seedsweep.job"]) for run in search_runs(client, of_kind("run", sweep))]


def _with_chunks(client: "Client", sweep: RecordedSweep | None, chunked: Chunked) -> pd.DataFrame:
    """The table of the runs in MLflow and of those in chunks."""
    parent, database = sweep.run_id if sweep else None, open_database(client.tracking_uri)
    stored = read_runs(database, parent) if database else _read_runs(client, parent)
    return runs_frame(stored, parent, lambda done: _missing(client, sweep, done), chunked)


def _runs_of_chunks(client: "Client", sweep: RecordedSweep, chunks: ChunkedSweep) -> Iterator[pd.DataFrame]:
    done = array("q")
    for chunk in chunks.chunks():
        done.extend(chunk.runs["job"].to_pylist())
        yield runs_frame(NO_RUNS, None, lambda _: (), [(sweep.run_id, chunk.runs)], as_strings=True)
    database = open_database(client.tracking_uri)
    stored = read_runs(database, sweep.run_id) if database else _read_runs(client, sweep.run_id)
    yield runs_frame(stored, sweep.run_id, lambda others: _missing(client, sweep, others | {*done}), as_strings=True)


def _runs_of_plan(client: "Client", database: "Engine", parent: str) -> Iterator[pd.DataFrame]:
    done = read_jobs(database, parent)
    with _plan(client, parent) as file:
        if file is None:
            yield load_runs(parent, client.tracking_uri)
            return
        for plan in map(original_table, pd.read_csv(file, **AS_STRINGS, chunksize=RUNS)):
            plan.index = pd.Index(plan["job"].astype(int))
            jobs = done[slice(*np.searchsorted(done["job"], (plan.index[0], plan.index[-1] + 1)))]
            missing = plan.loc[~plan.index.isin(jobs["job"]), ["job", "name", "group"]].to_dict("records")
            with collector_paused():
                ids = jobs["run"].astype(str).tolist()
                stored = read_runs(database, parent, ids, params=False) if ids else NO_RUNS
                runs = runs_frame(stored, parent, lambda _, missing=missing: missing)  # type: ignore[misc]
            params = plan[plan.columns.difference([*IDENTITY, *runs])].dropna(axis=1, how="all").loc[runs["job"]]
            yield pd.concat([runs, params.set_axis(runs.index)], axis=1)


def stream_curves(sweep: str | None = None, tracking_uri: str | None = None) -> Iterator[pd.DataFrame]:
    """The frame of `load_curves` in several frames, which together need not fit into memory.

    Args:
        sweep: run id of the sweep, its beginning, or `"latest"`; None for all runs of the store.
        tracking_uri: address of the store; the default store when None.

    Returns:
        Frames, at least one, each of whole runs.

    Raises:
        ConfigError: no such store or sweep.
    """
    with store_errors():
        client = connect(tracking_uri or default_uri())
        chosen = None if sweep is None else sweeps_of(client, sweep)[0]
        parent, database = chosen.run_id if chosen else None, open_database(client.tracking_uri)
        yield curves_frame([])
        for points in read_points(database, parent) if database else _read_points(client, parent):
            yield curves_frame(points)
        for chunks in _chunked(client, chosen):
            yield from map(curves_of_chunk, chunks.chunks(["run"]))


def stream_groups(sweep: str, tracking_uri: str | None = None) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """The curves of a sweep in several frames, with the group that each point is of.

    Args:
        sweep: run id of the sweep, its beginning, or `"latest"`.
        tracking_uri: address of the store; the default store when None.

    Returns:
        Pairs of a frame as `stream_curves` gives them, in which `run` may be any number that tells the runs of a frame
        apart, and the names of the points' groups (n,).

    Raises:
        ConfigError: no such store or sweep.
    """
    client = connect(tracking_uri or default_uri())
    with store_errors():
        chosen = sweeps_of(client, sweep)[0]
        parent, database = chosen.run_id, open_database(client.tracking_uri)
        stored = read_runs(database, parent) if database else _read_runs(client, parent)
        tags = chain.from_iterable(stored.tags)
        group_of = {run: value for run, key, value in tags if key == "seedsweep.group"}
        for points in read_points(database, parent) if database else _read_points(client, parent):
            frame = curves_frame(points)
            yield frame, frame["run"].map(group_of).to_numpy(dtype=object)
        for chunks in _chunked(client, chosen):
            for chunk in chunks.chunks(["group"]):
                frame = chunk.points().to_pandas()
                yield frame, np.array(chunk.runs["group"].to_pylist(), dtype=object)[frame["run"]]


def _read_runs(client: "Client", sweep: str | None) -> StoredRuns:
    """What `read_runs` reads, by MLflow's client."""
    by_id = {run.info.run_id: run for run in search_runs(client, of_kind("run", sweep))}
    runs = list(by_id.values())  # once each: pages shift while runs are added
    about = (run.info for run in runs)
    infos = [(info.run_id, info.run_name, info.status, info.start_time, info.end_time) for info in about]

    def pairs(kind: str) -> list[list[tuple[str, str, Any]]]:
        return [[(run.info.run_id, *pair) for run in runs for pair in getattr(run.data, kind).items()]]

    sweeps = dict.fromkeys(run.data.tags.get("seedsweep.sweep", "") for run in runs)
    shared = [(item, *pair) for item in sweeps for pair in shared_params(client, item).items()]
    return StoredRuns(infos, pairs("tags"), pairs("params"), pairs("metrics"), [shared])


def _read_points(client: "Client", sweep: str | None) -> Iterator[list[StoredPoint]]:
    """What `read_points` reads, by MLflow's client, some runs at a time."""
    runs = search_runs(client, of_kind("run", sweep))
    metrics = {run.info.run_id: sorted(set(run.data.metrics) - set(NOT_CURVES)) for run in runs}

    def points(run_id: str) -> list[StoredPoint]:
        # epochs last: they are written first, so that a run in training has those of all points read
        histories = [(metric, client.get_metric_history(run_id, metric)) for metric in (*metrics[run_id], "epoch")]
        return [(run_id, metric, point.step, point.value) for metric, history in histories for point in history]

    ids = sorted(metrics)
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(ids), PAGE):
            yield list(chain.from_iterable(threads.map(points, ids[start : start + PAGE])))


def _missing(client: "Client", sweep: RecordedSweep | None, done: Collection[int]) -> list[dict[Any, Any]]:
    """The rows of a sweep's plan whose jobs are not in the store."""
    if sweep is None or len(done) == int(sweep.tags.get("seedsweep.planned", -1)):
        return []
    with _plan(client, sweep.run_id) as file:
        if file is None or set(pd.read_csv(file, usecols=["job"])["job"]) <= set(done):
            return []
        plan = original_table(pd.read_csv(file, **AS_STRINGS))
    missing: list[dict[Any, Any]] = plan[~plan["job"].astype(int).isin(list(done))].to_dict("records")
    return missing


@contextmanager
def _plan(client: "Client", sweep: str) -> Iterator[str | None]:
    """The file of a sweep's plan, as long as the context lasts; None where its artifacts were cleaned away."""
    with TemporaryDirectory() as folder:  # without one of ours MLflow would leave one
        try:
            file = client.download_artifacts(sweep, PLAN, folder)
        except (mlflow_error(), OSError):
            log.warning("the plan of sweep %s cannot be read: its runs that never began are not counted", sweep[:8])
            file = None
        yield file
