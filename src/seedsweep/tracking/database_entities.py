"""Experiments and runs as MLflow's tables in a database have them."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seedsweep.tracking.entities import Experiment, Run, RunData, RunInfo
from seedsweep.tracking.sql import transaction

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

IDS = 1000  # that are asked for at once
EXPERIMENTS = "SELECT experiment_id, name, artifact_location, lifecycle_stage FROM experiments WHERE "
INFOS = """SELECT run_uuid, name, experiment_id, status, start_time, end_time, artifact_uri, lifecycle_stage FROM runs
WHERE """
PAIRS = "SELECT run_uuid, key, value FROM {table} WHERE run_uuid IN :ids"
METRICS = "SELECT run_uuid, key, value, is_nan FROM latest_metrics WHERE run_uuid IN :ids"


def read_experiments(engine: "Engine", where: str, **values: Any) -> list[Experiment]:
    """The experiments for which a clause is true, `values` being those that it names."""
    with transaction(engine) as connection:
        rows = rows_of(connection, EXPERIMENTS + where, values)
    return [Experiment(str(number), *about) for number, *about in rows]


def read_entities(engine: "Engine", where: str, **values: Any) -> list[Run]:
    """The runs for which a clause is true, with their tags, params and last values of metrics."""
    runs: list[Run] = []
    with transaction(engine) as connection:
        infos = [
            RunInfo(run, name, str(experiment), *about)
            for run, name, experiment, *about in rows_of(connection, INFOS + where, values)
        ]
        for first in range(0, len(infos), IDS):
            batch = infos[first : first + IDS]
            data = _data(connection, [info.run_id for info in batch])
            runs += [Run(info, data[info.run_id]) for info in batch]
    return runs


def _data(connection: "Connection", ids: list[str]) -> dict[str, RunData]:
    data = {run: RunData({}, {}, {}) for run in ids}
    chosen = {"ids": ids}  # whoever may add a run chooses its id: it is no part of a statement
    for run, key, value in rows_of(connection, PAIRS.format(table="tags"), chosen):
        data[run].tags[key] = value
    for run, key, value in rows_of(connection, PAIRS.format(table="params"), chosen):
        data[run].params[key] = value
    for run, key, value, is_nan in rows_of(connection, METRICS, chosen):
        data[run].metrics[key] = math.nan if is_nan else value
    return data


def rows_of(connection: "Connection", query: str, values: Mapping[str, Any] | None = None) -> list[Any]:
    """The rows that a query finds, as tuples; a list among the values is that of an IN."""
    import sqlalchemy as sa

    lists: list[Any] = [
        sa.bindparam(name, expanding=True) for name, value in (values or {}).items() if isinstance(value, list)
    ]
    return [tuple(row) for row in connection.execute(sa.text(query).bindparams(*lists), values or {})]
