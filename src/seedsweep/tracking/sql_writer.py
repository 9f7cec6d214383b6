"""The runs of a fleet as rows of MLflow's tables, equal to those that its client would make of them."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seedsweep.gc_pause import collector_paused
from seedsweep.outcomes import Column, FleetResult
from seedsweep.tracking.artifact_folders import put_artifact
from seedsweep.tracking.mlflow_names import check_name
from seedsweep.tracking.run_writer import RATE
from seedsweep.tracking.sql import change, delete_runs, insert, transaction
from seedsweep.tracking.sql_run import check_own, drop_former, run_row
from seedsweep.tracking.tags import NAME, NewRun, artifact_folder, new_id, run_id
from seedsweep.tracking.weights import FOLDER, weights_file, weights_tag

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from seedsweep.tracking.client import Client

ROWS = 20_000  # that are made at once
END = "UPDATE runs SET status = ?, end_time = ? WHERE status = 'RUNNING' AND run_uuid = ?"


class SqlRuns:
    """The runs of a fleet in a database."""

    def __init__(self, client: "Client", database: "Engine", runs: Sequence[NewRun]):
        shared = {id(params): params for run in runs for params in run.planned.shared_params}  # by many runs
        for key in set(chain.from_iterable(shared.values())):
            check_name(key)
        ids = [run_id(run.planned, run.tags.get("seedsweep.sweep")) for run in runs]
        # ascending: in no order they double the time of `insert` in a store of 25,000 runs
        self._order = sorted(range(len(runs)), key=ids.__getitem__)  # the member at each index of `_runs`
        self._index = np.argsort(self._order)  # of each member in `_runs`
        self._runs, self._ids = [runs[member] for member in self._order], [ids[member] for member in self._order]
        self._client, self._database = client, database
        self._locations = self._artifacts()  # asked for now: in a transaction SQLite may let nobody else read
        self._begun = self._written = False  # whether the runs may be in the database, and whether they are
        self._names: dict[str, int] = {}  # of the metrics, with their numbers
        self._steps = np.full(len(runs), -1)  # the last of each member whose epoch is written
        self._latest: _PointArrays | None = None

    def write(self, columns: Sequence[Column]) -> None:
        """Write new columns in one transaction; makes the runs the first time."""
        self._begun = True
        with collector_paused(), transaction(self._database) as connection:
            self._write(connection, columns, repeat({}, len(self._runs)))
        self._written = True

    def finish(
        self, columns: Sequence[Column], result: FleetResult, describe: Mapping[str, str], sweep: str | None
    ) -> None:
        """Write the weights; then, in one transaction, new columns and outcomes."""
        first, name = self._ids[0], new_id()  # never one that runs of an earlier command still point to
        with weights_file(result.weights, describe, f"{name}.safetensors") as file:
            if sweep:
                self._client.log_artifact(sweep, str(file), FOLDER)
            else:
                put_artifact(file, self._locations[0], FOLDER)
        tags = (
            {
                "seedsweep.outcome": result.outcomes[member],
                "seedsweep.weights": weights_tag(sweep or first, name, member),
            }
            for member in self._order
        )
        self._begun = True
        with collector_paused(), transaction(self._database) as connection:
            self._write(connection, columns, tags)
            self._end(connection, "FINISHED")

    def replace(self, former: Callable[["Connection"], Iterable[str]], columns: Sequence[Column]) -> None:
        """Write runs that have ended, with all their columns, in place of the former ones: in one transaction."""
        with collector_paused(), transaction(self._database) as connection:
            delete_runs(connection, former(connection))
            self._write(connection, columns, repeat({}, len(self._runs)))
            self._end(connection, "FINISHED")

    def kill(self) -> None:
        """End as KILLED the runs that are RUNNING in the database."""
        if self._begun:
            with transaction(self._database) as connection:
                self._end(connection, "KILLED")

    def remove(self) -> None:
        """Leave none of the runs in the database."""
        if self._begun:
            with transaction(self._database) as connection:
                delete_runs(connection, self._ids)

    def _write(self, connection: "Connection", columns: Sequence[Column], tags: Iterable[dict[str, str]]) -> None:
        columns = list(_with_epochs(map(self._by_index, columns), self._steps))
        if self._written:
            check_own(connection, self._ids, self._runs[0].start)
        else:
            drop_former(connection, self._ids)
            named = ({"mlflow.runName": run.planned.name[:NAME]} | run.tags for run in self._runs)
            tags = (first | end for first, end in zip(named, tags, strict=True))
            insert(connection, "runs", self._run_rows())
            insert(connection, "params", self._pairs(run.params for run in self._runs))
            columns += self._rates()
        insert(connection, "tags", self._pairs(tags))
        points = _points(columns, self._names)
        insert(connection, "metrics", self._metric_rows(points))
        if self._latest:
            points = _sorted(_PointArrays(*map(np.concatenate, zip(self._latest, points, strict=True))))
            change(connection, "DELETE FROM latest_metrics WHERE run_uuid = ?", ((run_id,) for run_id in self._ids))
        self._latest = _last(points)
        insert(connection, "latest_metrics", self._metric_rows(self._latest))

    def _end(self, connection: "Connection", status: str) -> None:
        now = int(time.time() * 1000)
        ends = (now if run.end is None else run.end for run in self._runs)
        change(connection, END, ((status, end, run_id) for end, run_id in zip(ends, self._ids, strict=True)))

    def _by_index(self, column: Column) -> Column:
        """The column with the indices of its members in `_runs`."""
        return column._replace(members=self._index[column.members])

    def _artifacts(self) -> list[str]:
        """The folders of the runs' artifacts."""
        first, experiments = self._ids[0], dict.fromkeys(run.experiment for run in self._runs)
        folders = {name: artifact_folder(self._client, name, first) for name in experiments}
        runs = zip(self._runs, self._ids, strict=True)
        return [folders[run.experiment].replace(first, run_id) for run, run_id in runs]

    def _run_rows(self) -> Iterator[tuple[Any, ...]]:
        return map(run_row, self._runs, self._ids, self._locations)

    def _pairs(self, values: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, str, str]]:
        runs = zip(self._ids, values, strict=True)
        return chain.from_iterable(zip(repeat(run_id), pairs, pairs.values()) for run_id, pairs in runs)

    def _metric_rows(self, points: "_PointArrays") -> Iterator[tuple[Any, ...]]:
        ids, names = np.array(self._ids, dtype=object), np.array(list(self._names), dtype=object)
        for start in range(0, len(points.member), ROWS):  # as Python's objects they take ten times the memory
            rows = _PointArrays(*(column[start : start + ROWS] for column in points))
            strings = ids[rows.member].tolist(), names[rows.metric].tolist()
            numbers = (column.tolist() for column in (rows.value, rows.time, rows.step, rows.is_nan))
            yield from zip(*strings, *numbers, strict=True)

    def _rates(self) -> Iterator[Column]:
        """The learning rates, a metric too: MLflow sorts params as strings."""
        params = enumerate(run.planned.params for run in self._runs)
        rates = {member: values[RATE] for member, values in params if RATE in values}
        if rates:
            values = np.array([float(rate) for rate in rates.values()])
            yield Column(RATE, 0, 0, self._runs[0].start, np.array(list(rates)), values)


class _PointArrays(NamedTuple):
    """The points of curves, each array (n,): index in the fleet, number of the metric, step, time, value."""

    member: np.ndarray
    metric: np.ndarray
    step: np.ndarray
    time: np.ndarray
    value: np.ndarray
    is_nan: np.ndarray


def _with_epochs(columns: Iterable[Column], steps: np.ndarray) -> Iterator[Column]:
    """The columns, and before each the epoch of its members that are further than their last step, which is set."""
    for column in columns:
        further = column.members[steps[column.members] < column.step]
        if len(further):
            steps[further] = column.step
            yield column._replace(metric="epoch", members=further, values=np.full(len(further), float(column.epoch)))
        yield column


def _points(columns: Sequence[Column], names: dict[str, int]) -> _PointArrays:
    """The points of the columns, sorted; MLflow's tables have 0 for what is not a number, and no infinity."""
    counts = [len(column.members) for column in columns]
    metrics = [names.setdefault(column.metric, len(names)) for column in columns]
    of_columns = (metrics, [column.step for column in columns], [column.time for column in columns])
    metric, step, moment = (np.repeat(np.array(values, dtype=np.int64), counts) for values in of_columns)
    member = np.concatenate([np.empty(0, np.int64), *(column.members for column in columns)])
    value = np.concatenate([np.empty(0), *(column.values for column in columns)])
    return _sorted(_PointArrays(member, metric, step, moment, np.nan_to_num(value), np.isnan(value)))


def _sorted(points: _PointArrays) -> _PointArrays:
    """By member, metric, step, time and value."""
    order = np.lexsort((points.value, points.time, points.step, points.metric, points.member))
    return _PointArrays(*(column[order] for column in points))


def _last(points: _PointArrays) -> _PointArrays:
    """Of sorted points the last of each curve."""
    ends = np.ones(len(points.member), dtype=bool)
    ends[:-1] = (np.diff(points.member) != 0) | (np.diff(points.metric) != 0)
    return _PointArrays(*(column[ends] for column in points))
