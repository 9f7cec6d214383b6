"""Runs of an MLflow experiment that somebody else recorded, and their curves, read by MLflow's client."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.tracking.connection import connect, store_errors
from seedsweep.tracking.frames import typed, unclipped
from seedsweep.tracking.queries import PAGE, clause, of_kind

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client, Run

THREADS = 8  # that ask for curves
DERIVED = ("sweep", "group", "trial", "best")  # our runs that are no trainings
OUTCOMES = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "failed"}  # all others are missing


@dataclass(frozen=True)
class ForeignRuns:
    """The runs of an experiment.

    Args:
        params: a row a run, by its id, the oldest first; numbers or booleans where all are.
        metrics: the last values of the same runs; an infinity for one that is not finite, nan for none.
        outcomes: of the same runs, by MLflow's status.
        parents: the runs that others are nested in.
        inherited: the params that runs have taken over from the run that they are nested in.
    """

    params: pd.DataFrame
    metrics: pd.DataFrame
    outcomes: pd.Series
    parents: frozenset[str]
    inherited: tuple[str, ...]


@store_errors()
def is_foreign(uri: str, experiment: str) -> bool:
    """Whether a store has an experiment, with runs, in which there is no sweep of ours.

    Args:
        uri: address of the store.
        experiment: its name.

    Returns:
        False also where there is no such experiment.
    """
    client = connect(uri)
    named = client.get_experiment_by_name(experiment)
    if named is None or named.lifecycle_stage == "deleted":
        return False
    ids = [named.experiment_id]
    sweeps = client.search_runs(ids, clause(of_kind("sweep")), max_results=1)
    return not sweeps and bool(client.search_runs(ids, max_results=1))


@store_errors()
def read_foreign_runs(uri: str, experiment: str) -> ForeignRuns:
    """The runs of an experiment, with the params of the runs that they are nested in where they lack them.

    Args:
        uri: address of the store.
        experiment: its name.

    Returns:
        The runs that are not deleted.

    Raises:
        ConfigError: there is no such experiment, or it has no runs.
    """
    client = connect(uri)
    runs = sorted(_runs(client, experiment), key=lambda run: (run.info.start_time or 0, run.info.run_id))
    if not runs:
        raise ConfigError("experiment", experiment, "has no runs")
    by_id = {run.info.run_id: run for run in runs}
    parent_of = {run_id: run.data.tags.get("mlflow.parentRunId", "") for run_id, run in by_id.items()}
    params, inherited = {}, dict[str, None]()
    for run_id, run in by_id.items():
        params[run_id] = dict(run.data.params)
        ancestor, seen = parent_of[run_id], {run_id}
        while ancestor in by_id and ancestor not in seen:
            for key, value in by_id[ancestor].data.params.items():
                if params[run_id].setdefault(key, value) is value and key not in run.data.params:
                    inherited[key] = None
            seen.add(ancestor)
            ancestor = parent_of[ancestor]
    outcomes = {run_id: _outcome(run) for run_id, run in by_id.items()}
    values = {run_id: run.data.metrics for run_id, run in by_id.items()}
    metrics = pd.DataFrame([values[run_id] for run_id in by_id], index=list(by_id), dtype=float)
    for run_id, of_run in values.items():  # that say nan: none of them is a run without the metric
        for key, last in of_run.items():
            if np.isnan(last):
                metrics.loc[run_id, key] = np.inf
    return ForeignRuns(
        params=_typed(params),
        metrics=metrics.apply(lambda column: unclipped(column.to_numpy(copy=True)), raw=False),
        outcomes=pd.Series(outcomes, dtype=object),
        parents=frozenset(parent_of.values()) & by_id.keys(),
        inherited=tuple(inherited),
    )


@store_errors()
def read_foreign_curves(uri: str, runs: Collection[str], metric: str) -> pd.DataFrame:
    """The curves of one metric.

    Args:
        uri: address of the store.
        runs: the ids of the runs that have logged it.
        metric: its name.

    Returns:
        Tidy curves (`run`, `metric`, `step`, `epoch`, `value`), the steps ascending. Where all values were logged at
        one step, as without a step, they count as steps. The epoch is the step.
    """
    client = connect(uri)

    def curve(run: str) -> pd.DataFrame:
        history = sorted(client.get_metric_history(run, metric), key=lambda point: (point.step, point.timestamp))
        steps = [point.step for point in history]
        if len(set(steps)) == 1:
            steps = list(range(len(steps)))
        values = np.array([point.value for point in history], dtype=float)
        frame = pd.DataFrame({"run": run, "metric": metric, "step": steps, "epoch": steps, "value": unclipped(values)})
        return frame.drop_duplicates("step", keep="last")

    with ThreadPoolExecutor(THREADS) as threads:
        frames = list(threads.map(curve, runs))
    curves = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return curves if len(curves) > len(frames) else curves.head(0)  # single values are no curves


def _runs(client: "Client", experiment: str) -> "Iterator[Run]":
    named = client.get_experiment_by_name(experiment)
    if named is None:
        names = sorted(other.name for other in client.search_experiments())
        raise ConfigError("experiment", experiment, f"no such experiment; there are {', '.join(names)}")
    token: str | None = None
    while True:
        page = client.search_runs([named.experiment_id], max_results=PAGE, page_token=token)
        yield from (run for run in page if run.data.tags.get("seedsweep.kind") not in DERIVED)
        token = page.token
        if not token:
            return


def _outcome(run: "Run") -> str:
    """The outcome of a run; one of ours says it itself."""
    return run.data.tags.get("seedsweep.outcome") or OUTCOMES.get(run.info.status, "missing")


def _typed(params: dict[str, dict[str, str]]) -> pd.DataFrame:
    strings = pd.DataFrame.from_dict(params, orient="index", dtype=object)
    columns = {}
    for name in strings:
        held = strings[name].dropna()
        values = typed(pd.array(list(held), dtype="str"), complete=len(held) == len(strings))
        column = pd.Series(values, index=held.index)
        columns[str(name)] = column.reindex(strings.index) if column.dtype.kind in "iufb" else strings[name]
    return pd.DataFrame(columns, index=strings.index)
