"""What runs that have ended have of one metric, as their training gave it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seedsweep.outcomes import Point, RunResult
from seedsweep.tracking.chunked_runs import chunks_with
from seedsweep.tracking.connection import store_errors
from seedsweep.tracking.frames import unclipped
from seedsweep.tracking.mlflow_client import mlflow_error
from seedsweep.tracking.sql import id_list, open_database, transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from seedsweep.tracking.client import Client

RUNS = 2_000  # that are asked for at once
OUTCOMES = "SELECT run_uuid, value FROM tags WHERE run_uuid IN ({runs}) AND key = 'seedsweep.outcome'"
CURVES = "SELECT run_uuid, step, value, is_nan FROM metrics WHERE run_uuid IN ({runs}) AND key = :metric ORDER BY step"


@store_errors()
def read_results(client: "Client", runs: Sequence[str], metric: str) -> dict[str, RunResult]:
    """The results of runs, as far as one metric says.

    Args:
        client: of the store.
        runs: the ids of runs that have ended.
        metric: whose curve is read.

    Returns:
        By the ids; without weights, the steps ascending, the epochs unknown.
    """
    database = open_database(client.tracking_uri)
    results: dict[str, RunResult] = {}
    for start in range(0, len(runs), RUNS):
        chosen = runs[start : start + RUNS]
        rows = _rows(database, chosen, metric) if database else _by_client(client, chosen, metric)
        results |= {run: RunResult(outcome, _points(metric, curve)) for run, outcome, curve in rows}
    if left := [run for run in runs if run not in results]:
        results |= _in_chunks(client, left, metric)
    return results


def _in_chunks(client: "Client", runs: Sequence[str], metric: str) -> dict[str, RunResult]:
    """The results of runs that MLflow does not have."""
    results: dict[str, RunResult] = {}
    for _, chunk in chunks_with(client, runs, ["run", "outcome"]):
        about = chunk.runs.select(["run", "outcome"]).to_pylist()
        curves = [RunResult(run["outcome"], []) for run in about]
        for point in chunk.points().select(["run", "metric", "step", "value"]).to_pylist():
            if point["metric"] == metric:
                curves[point["run"]].points.append(Point(metric, point["step"], 0, point["value"]))
        results |= {run["run"]: result for run, result in zip(about, curves, strict=True)}
    return results


def _points(metric: str, curve: Sequence[tuple[int, float]]) -> list[Point]:
    values = unclipped(np.array([value for _, value in curve], dtype=float))
    return [Point(metric, step, 0, float(value)) for (step, _), value in zip(curve, values, strict=True)]


def _rows(engine: "Engine", runs: Sequence[str], metric: str) -> Iterator[tuple[str, Any, list[tuple[int, float]]]]:
    """The id, the outcome and the curve of each run."""
    import sqlalchemy as sa

    ids = id_list(runs)
    curves: dict[str, list[tuple[int, float]]] = {run: [] for run in runs}
    with transaction(engine) as connection:
        outcomes = dict(map(tuple, connection.execute(sa.text(OUTCOMES.format(runs=ids)))))
        rows = connection.execute(sa.text(CURVES.format(runs=ids)), {"metric": metric})
        for run, step, value, is_nan in rows:
            curves[run].append((step, float("nan") if is_nan else value))
    return ((run, outcomes[run], curves[run]) for run in runs if run in outcomes)


def _by_client(
    client: "Client", runs: Sequence[str], metric: str
) -> Iterator[tuple[str, Any, list[tuple[int, float]]]]:
    for run in runs:
        try:
            outcome = client.get_run(run).data.tags["seedsweep.outcome"]
        except mlflow_error():  # it is in a chunk
            continue
        history = sorted(client.get_metric_history(run, metric), key=lambda point: point.step)
        yield run, outcome, [(point.step, point.value) for point in history]
