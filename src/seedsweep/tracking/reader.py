"""The only reader of the MLflow store: runs, curves and trained models."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedsweep.config.plan import ABOUT
from seedsweep.gc_pause import collector_paused
from seedsweep.tracking.connection import connect, default_uri, store_errors
from seedsweep.tracking.frames import NOT_CURVES, curves_frame, runs_frame
from seedsweep.tracking.queries import PAGE, of_kind, search_runs
from seedsweep.tracking.recorded_sweeps import sweeps_of
from seedsweep.tracking.sql import Stored, open_database, read_jobs, read_points, read_runs
from seedsweep.tracking.sweep_writer import PLAN

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Engine

# how a plan is read
AS_TEXT: dict[str, Any] = {"dtype": str, "na_values": [""], "keep_default_na": False, "encoding_errors": "replace"}
RUNS = 2048  # in a part of a table of them
THREADS = 8  # that ask a server for curves


@store_errors()
def load_runs(sweep: str | None = None, tracking_uri: str | None = None) -> pd.DataFrame:
    """One row a run of a sweep (its run id, or `"latest"`), or of the whole store when `sweep` is None.

    Columns: `run` (id), `name`, `group`, `sweep`, `job`, `outcome` (finished, diverged, pruned, failed or missing),
    `status` (MLflow's), `started`, `seconds`, `fingerprint` (of the data); every param under its own name (`optimizer`,
    `optimizer.lr`, `seed`, …), as numbers where all are; and the last value of every metric (`val/loss`, …). The runs
    of a sweep that were planned and have no end are there too, with the outcome `missing`. `tracking_uri` is the
    default store when None.
    """
    client = connect(tracking_uri or default_uri())
    parent = None if sweep is None else sweeps_of(client, sweep)[0].run_id
    database = open_database(client.tracking_uri)
    with collector_paused():  # it would look through hundreds of thousands of rows, again and again
        stored = read_runs(database, parent) if database else _read_runs(client, parent)
        return runs_frame(stored, parent, lambda done: _missing(client, str(parent), done))


@store_errors()
def load_curves(sweep: str | None = None, tracking_uri: str | None = None) -> pd.DataFrame:
    """The curves of the same runs as `load_runs`, tidy: a row a point: `run`, `metric`, `step`, `epoch`, `value`."""
    return pd.concat(stream_curves(sweep, tracking_uri), ignore_index=True)


def stream_runs(sweep: str, tracking_uri: str | None = None) -> Iterator[pd.DataFrame]:
    """The table of `load_runs` of a sweep in parts, at least one, whose params are texts, as the plan has them.

    From there they take a tenth of the time, for every run has dozens; an empty text is none. A server gives one part.
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
        for plan in pd.read_csv(file, **AS_TEXT, chunksize=RUNS):
            plan.index = pd.Index(plan["job"].astype(int))
            some = done[slice(*np.searchsorted(done["job"], (plan.index[0], plan.index[-1] + 1)))]
            lost = plan.loc[~plan.index.isin(some["job"]), ["job", "name", "group"]].to_dict("records")
            with collector_paused():
                ids = some["run"].astype(str).tolist()
                stored = read_runs(database, parent, ids, params=False) if ids else Stored((), (), (), ())
                part = runs_frame(stored, parent, lambda _, lost=lost: lost)  # type: ignore[misc]
            params = plan[plan.columns.difference([*ABOUT, *part])].dropna(axis=1, how="all").loc[part["job"]]
            yield pd.concat([part, params.set_axis(part.index)], axis=1)


def stream_curves(sweep: str | None = None, tracking_uri: str | None = None) -> Iterator[pd.DataFrame]:
    """The frame of `load_curves` in parts, at least one, which together need not fit into memory."""
    with store_errors():
        client = connect(tracking_uri or default_uri())
        parent = None if sweep is None else sweeps_of(client, sweep)[0].run_id
        database = open_database(client.tracking_uri)
        yield curves_frame([])
        for points in read_points(database, parent) if database else _read_points(client, parent):
            yield curves_frame(points)


def _read_runs(client: "MlflowClient", sweep: str | None) -> Stored:
    """What `read_runs` reads, by MLflow's client."""
    by_id = {run.info.run_id: run for run in search_runs(client, of_kind("run", sweep))}
    runs = list(by_id.values())  # once each: pages shift while runs are added
    infos = [(i.run_id, i.run_name, i.status, i.start_time, i.end_time) for i in (run.info for run in runs)]

    def pairs(kind: str) -> list[list[tuple[str, str, Any]]]:
        return [[(run.info.run_id, *pair) for run in runs for pair in getattr(run.data, kind).items()]]

    return Stored(infos, pairs("tags"), pairs("params"), pairs("metrics"))


def _read_points(client: "MlflowClient", sweep: str | None) -> Iterator[list[tuple[str, str, int, float | None]]]:
    """What `read_points` reads, by MLflow's client, some runs at a time."""
    runs = search_runs(client, of_kind("run", sweep))
    metrics = {run.info.run_id: sorted(set(run.data.metrics) - set(NOT_CURVES)) for run in runs}

    def points(run_id: str) -> list[tuple[str, str, int, float | None]]:
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
        if set(pd.read_csv(file, usecols=["job"])["job"]) <= set(done):
            return []
        plan = pd.read_csv(file, **AS_TEXT)
    lost: list[dict[Any, Any]] = plan[~plan["job"].astype(int).isin(list(done))].to_dict("records")
    return lost


@contextmanager
def _plan(client: "MlflowClient", sweep: str) -> Iterator[str]:
    """The file of a sweep's plan, as long as the context lasts: without a folder of its own MLflow would leave one."""
    with TemporaryDirectory() as folder:
        yield client.download_artifacts(sweep, PLAN, folder)
