"""Runs and their curves, read from an MLflow store: from its database, or by MLflow's client."""

import logging
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedsweep.config.csv_cells import original_table
from seedsweep.config.plan import IDENTITY
from seedsweep.gc_pause import collector_paused
from seedsweep.tracking.connection import connect, default_uri, store_errors
from seedsweep.tracking.frames import NOT_CURVES, curves_frame, runs_frame
from seedsweep.tracking.queries import PAGE, of_kind, search_runs
from seedsweep.tracking.recorded_sweeps import sweeps_of
from seedsweep.tracking.sql import StoredPoint, StoredRuns, open_database, read_jobs, read_points, read_runs
from seedsweep.tracking.unfinished_sweeps import PLAN

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Engine

log = logging.getLogger(__name__)
# how a plan is read
AS_STRINGS: dict[str, Any] = {"dtype": str, "na_values": [""], "keep_default_na": False, "encoding_errors": "replace"}
RUNS = 2048  # in one of the tables of `stream_runs`
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
    parent = None if sweep is None else sweeps_of(client, sweep)[0].run_id
    database = open_database(client.tracking_uri)
    with collector_paused():  # it would look through hundreds of thousands of rows, again and again
        stored = read_runs(database, parent) if database else _read_runs(client, parent)
        return runs_frame(stored, parent, lambda done: _missing(client, str(parent), done))


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
        parent = sweeps_of(client, sweep)[0].run_id
    database = open_database(client.tracking_uri)
    if database is None:
        yield load_runs(parent, client.tracking_uri)
        return
    with store_errors():
        yield from _runs_of_plan(client, database, parent)


def _runs_of_plan(client: "MlflowClient", database: "Engine", parent: str) -> Iterator[pd.DataFrame]:
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
                stored = read_runs(database, parent, ids, params=False) if ids else StoredRuns((), (), (), ())
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
        parent = None if sweep is None else sweeps_of(client, sweep)[0].run_id
        database = open_database(client.tracking_uri)
        yield curves_frame([])
        for points in read_points(database, parent) if database else _read_points(client, parent):
            yield curves_frame(points)


def _read_runs(client: "MlflowClient", sweep: str | None) -> StoredRuns:
    """What `read_runs` reads, by MLflow's client."""
    by_id = {run.info.run_id: run for run in search_runs(client, of_kind("run", sweep))}
    runs = list(by_id.values())  # once each: pages shift while runs are added
    about = (run.info for run in runs)
    infos = [(info.run_id, info.run_name, info.status, info.start_time, info.end_time) for info in about]

    def pairs(kind: str) -> list[list[tuple[str, str, Any]]]:
        return [[(run.info.run_id, *pair) for run in runs for pair in getattr(run.data, kind).items()]]

    return StoredRuns(infos, pairs("tags"), pairs("params"), pairs("metrics"))


def _read_points(client: "MlflowClient", sweep: str | None) -> Iterator[list[StoredPoint]]:
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


def _missing(client: "MlflowClient", sweep: str, done: Collection[int]) -> list[dict[Any, Any]]:
    """The rows of a sweep's plan whose jobs are not in the store."""
    with _plan(client, sweep) as file:
        if file is None or set(pd.read_csv(file, usecols=["job"])["job"]) <= set(done):
            return []
        plan = original_table(pd.read_csv(file, **AS_STRINGS))
    missing: list[dict[Any, Any]] = plan[~plan["job"].astype(int).isin(list(done))].to_dict("records")
    return missing


@contextmanager
def _plan(client: "MlflowClient", sweep: str) -> Iterator[str | None]:
    """The file of a sweep's plan, as long as the context lasts; None where its artifacts were cleaned away."""
    from mlflow.exceptions import MlflowException

    with TemporaryDirectory() as folder:  # without one of ours MLflow would leave one
        try:
            file = client.download_artifacts(sweep, PLAN, folder)
        except (MlflowException, OSError):
            log.warning("the plan of sweep %s cannot be read: its runs that never began are not counted", sweep[:8])
            file = None
        yield file
