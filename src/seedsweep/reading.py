"""The only reader of the MLflow store: runs, curves and trained models."""

import json
import math
import sys
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedsweep import store
from seedsweep.errors import ConfigError
from seedsweep.tracking import PLAN, WEIGHTS

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from torch import nn

PAGE = 1000
NOT_CURVES = ("epoch", "optimizer.lr")


def load_runs(sweep: str | None = None, tracking_uri: str | None = None) -> pd.DataFrame:
    """One row a run of a sweep (its run id, or `"latest"`), or of the whole store when `sweep` is None.

    Columns: `run` (id), `name`, `group`, `sweep`, `job`, `outcome` (finished, diverged, failed or missing), `status`
    (MLflow's), `started`, `seconds`; every param under its own name (`optimizer`, `optimizer.lr`, `seed`, …), as
    numbers where all are; and the last value of every metric (`val/loss`, …). The runs of a sweep that
    were planned and have no end are there too, with the outcome `missing`. `tracking_uri` is the default store when
    None.
    """
    client = store.connect(tracking_uri or store.default_uri())
    parent = None if sweep is None else _find_sweep(client, sweep)
    rows = [_row(run) for run in _search(client, parent)]
    if parent:
        done = {row["job"] for row in rows}
        plan = _plan(client, parent)
        rows += [{"sweep": parent, "outcome": "missing"} | row for row in plan if row["job"] not in done]
    frame = pd.DataFrame(rows).reindex(columns=_columns(rows))
    return frame.sort_values(["sweep", "job"], ignore_index=True).apply(_as_numbers)


def load_curves(sweep: str | None = None, tracking_uri: str | None = None) -> pd.DataFrame:
    """The curves of the same runs as `load_runs`, tidy: a row a point: `run`, `metric`, `step`, `epoch`, `value`."""
    client = store.connect(tracking_uri or store.default_uri())
    points: list[tuple[str, str, int, int, float]] = []
    for run in _search(client, None if sweep is None else _find_sweep(client, sweep)):
        run_id, metrics = run.info.run_id, sorted(set(run.data.metrics) - set(NOT_CURVES))
        histories = {metric: client.get_metric_history(run_id, metric) for metric in metrics}
        # last: it is written first, so that a run in training has the epochs of all points read
        epochs = {point.step: int(point.value) for point in client.get_metric_history(run_id, "epoch")}
        for metric, history in histories.items():
            points += [(run_id, metric, p.step, epochs[p.step], _unclipped(p.value)) for p in history]
    frame = pd.DataFrame(points, columns=["run", "metric", "step", "epoch", "value"])
    return frame.sort_values(["run", "metric", "step"], kind="stable", ignore_index=True)


def load_model(run_id: str, tracking_uri: str | None = None) -> "nn.Module":
    """The trained model of a run, ready to predict: from features in their own units, (n, d) float32, to logits.

    A `torch.nn.Sequential` of `standardize`, as fitted for the run, and `net`, the trained module. Only the class of
    the module is looked up; nothing in the store is executed.
    """
    import torch
    from hydra.utils import get_class
    from mlflow.exceptions import MlflowException
    from safetensors import safe_open

    from seedsweep.model import Standardize

    client = store.connect(tracking_uri or store.default_uri())
    with TemporaryDirectory() as folder:
        try:
            file = client.download_artifacts(run_id, WEIGHTS, folder)
        except MlflowException as error:
            allowed = f"no trained run of that id in {client.tracking_uri}; load_runs() lists those there are"
            raise ConfigError("run_id", run_id, allowed) from error
        with safe_open(file, "pt") as weights:
            described = weights.metadata()
            state = {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118, it is no dict
    made = get_class(described["class"])
    if not issubclass(made, torch.nn.Module):
        raise TypeError(f"{described['class']} in {WEIGHTS} of run {run_id} is not a torch.nn.Module")
    net = made(**json.loads(described["arguments"]))
    net.load_state_dict(state)
    scaling = [torch.tensor(json.loads(described[key])) for key in ("mean", "scale")]
    model = torch.nn.Sequential()
    model.add_module("standardize", Standardize(*scaling))
    model.add_module("net", net)
    return model.eval()


def _find_sweep(client: "MlflowClient", sweep: str) -> str:
    """The run id of a sweep; raises `ConfigError` with those that there are."""
    found = _pages(client, "tags.`seedsweep.kind` = 'sweep'")
    sweeps = sorted(found, key=lambda run: run.info.start_time, reverse=True)
    if sweep == "latest" and sweeps:
        return str(sweeps[0].info.run_id)
    if sweep not in [found.info.run_id for found in sweeps]:
        names = "; ".join(f"{found.info.run_id} ({found.info.run_name})" for found in sweeps[:3])
        raise ConfigError(
            "sweep", sweep, f"no such sweep; the newest are {names}" if names else "there are no sweeps yet"
        )
    return sweep


def _experiments(client: "MlflowClient") -> list[str]:
    return [experiment.experiment_id for experiment in client.search_experiments(max_results=50_000)]


def _search(client: "MlflowClient", sweep: str | None) -> Iterator["Run"]:
    return _pages(
        client, "tags.`seedsweep.kind` = 'run'" + (f" and tags.`seedsweep.sweep` = '{sweep}'" if sweep else "")
    )


def _pages(client: "MlflowClient", clause: str) -> Iterator["Run"]:
    token: str | None = None
    while True:
        page = client.search_runs(_experiments(client), clause, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _row(run: "Run") -> dict[str, Any]:
    tags, info = run.data.tags, run.info
    job = tags.get("seedsweep.job")
    about = {
        "run": info.run_id,
        "name": info.run_name,
        "group": tags["seedsweep.group"],
        "sweep": tags.get("seedsweep.sweep"),
        "job": int(job) if job else None,
        "outcome": tags.get("seedsweep.outcome", "missing"),
        "status": info.status,
        "started": pd.Timestamp(info.start_time, unit="ms", tz="UTC"),
        "seconds": (info.end_time - info.start_time) / 1000 if info.end_time else None,
    }
    metrics = {key: _unclipped(value) for key, value in run.data.metrics.items() if key not in NOT_CURVES}
    return about | run.data.params | metrics


def _unclipped(value: float) -> float:
    """MLflow keeps an infinity as the largest number there is."""
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else value


def _plan(client: "MlflowClient", sweep: str) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:  # without one, MLflow leaves a folder behind at every call
        plan = pd.read_csv(
            client.download_artifacts(sweep, PLAN, folder), dtype=str, na_values=[""], keep_default_na=False
        )
    return plan.astype({"job": int}).to_dict("records")  # type: ignore[return-value]


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    first = ["run", "name", "group", "sweep", "job", "outcome", "status", "started", "seconds"]
    rest = {key for row in rows for key in row} - {*first, "key", "experiment"}
    return first + sorted(rest, key=lambda key: ("/" in key, key))


def _as_numbers(column: pd.Series) -> pd.Series:
    """Params come as text: numbers or truth values where all are, nothing for `null`."""
    if column.name in ("run", "name", "group", "sweep", "outcome", "status", "started"):
        return column
    column = column.replace("null", None)
    if len(column) and column.isin(["true", "false"]).all():
        return column == "true"
    try:
        return pd.to_numeric(column)
    except (TypeError, ValueError):
        return column
