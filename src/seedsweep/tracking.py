"""The only writer of the MLflow store: sweeps, and the runs in them."""

import getpass
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from seedsweep import __version__, store
from seedsweep.errors import ConfigError
from seedsweep.planning import PlannedRun
from seedsweep.results import Point, RunResult

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

FLUSH_SECONDS = 3.0  # how old the curves of a run in training may look
METRICS, PARAMS = 800, 100  # that MLflow takes at once: 1,000 of everything together, and 100 params
PLAN, CONFIG, WEIGHTS, TRACEBACK = "plan.csv", "config.yaml", "weights.safetensors", "traceback.txt"
VERSIONS = ("torch", "pytorch-lightning", "mlflow", "hydra-core", "numpy")


def record_run(
    tracking: Mapping[str, Any], planned: PlannedRun, engine: str, fingerprint: str
) -> "RunRecord | Untracked":
    """The record of one run, as a context: what leaves the context by an exception ends it as failed or killed."""
    if tracking["uri"] is None:
        return Untracked()
    tags = {"kind": "run", "group": planned.group, "key": planned.key, "engine": engine, "data": fingerprint}
    if tracking["sweep"]:
        tags |= {"sweep": tracking["sweep"], "job": str(planned.job)}
    return RunRecord(_client(tracking["uri"]), planned, tags)


class Untracked:
    """A run that nobody keeps (`tracking=none`)."""

    publish = None
    run_id = None

    def __enter__(self) -> "Untracked":
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def finish(self, result: RunResult, describe: Mapping[str, str]) -> None:
        """There is nothing to write."""


class RunRecord:
    """One run in the store: written as it trains once that takes longer than a few seconds, else at its end."""

    def __init__(self, client: "MlflowClient", planned: PlannedRun, tags: Mapping[str, str]):
        self.client, self.planned, self.tags = client, planned, tags
        self._params = dict(planned.params)
        self.run_id: str | None = None
        self._start = int(time.time() * 1000)
        self._waiting: list[tuple[Point, int]] = []
        self._flushed = time.monotonic()

    def __enter__(self) -> "RunRecord":
        return self

    def publish(self, points: Iterable[Point]) -> None:
        """Take new points of the curves; they are in the store within a few seconds."""
        now = int(time.time() * 1000)
        self._waiting += [(point, now) for point in points]
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._flush()

    def finish(self, result: RunResult, describe: Mapping[str, str]) -> None:
        """Write what is left of a run that came to its end; `describe` goes into the header of its weights."""
        _log_weights(self.client, self._open(), result, describe)
        self._flush(result.outcome)
        self.client.set_terminated(self._open(), "FINISHED")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        failed = isinstance(error, Exception)  # the others are Ctrl-C and signals
        if failed:
            text = "".join(traceback.format_exception(error))
            self.client.log_text(self._open(), store.masked(text), TRACEBACK)
        self._flush("failed" if failed else None)
        self.client.set_terminated(self._open(), "FAILED" if failed else "KILLED")

    def _open(self) -> str:
        """The run's id; makes the run the first time."""
        if self.run_id is None:
            experiment = experiment_id(self.client, self.planned.experiment)
            self.run_id = _create_run(self.client, experiment, self.planned.name, self.tags, self._start)
        return self.run_id

    def _flush(self, outcome: str | None = None) -> None:
        """Write the waiting points; with the first of them the params, with the last the outcome."""
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(point.metric, point.value, now, point.step) for point, now in self._waiting]
        epochs = {point.step: (point.epoch, now) for point, now in self._waiting}
        metrics += [Metric("epoch", epoch, now, step) for step, (epoch, now) in epochs.items()]
        params = [Param(key, value[:6000]) for key, value in self._params.items()]
        if "optimizer.lr" in self._params:  # a metric too: MLflow sorts params as text
            metrics.append(Metric("optimizer.lr", float(self._params["optimizer.lr"]), self._start, 0))
        tags = [RunTag("seedsweep.outcome", outcome)] if outcome else []
        last = max(-(-len(metrics) // METRICS), -(-len(params) // PARAMS), 1) - 1
        for batch in range(last + 1):
            some = metrics[batch * METRICS : (batch + 1) * METRICS], params[batch * PARAMS : (batch + 1) * PARAMS]
            self.client.log_batch(self._open(), *some, tags if batch == last else [])
        self._params, self._waiting, self._flushed = {}, [], time.monotonic()


class SweepRecord:
    """The parent run of a sweep: the plan before the first run starts, the counts and tables after the last."""

    def __init__(self, uri: str, plan: list[PlannedRun], name: str, config: str):
        import pandas as pd

        self.client = store.connect(uri, create=True)
        self.uri = store.absolute(uri)
        ids = {name: experiment_id(self.client, name) for name in dict.fromkeys(run.experiment for run in plan)}
        self.experiment_id = ids[plan[0].experiment]
        tags = {"kind": "sweep", "planned": str(len(plan)), "command": store.masked(" ".join(sys.argv))}
        tags |= {f"version.{package}": version(package) for package in VERSIONS}
        self.run_id = _create_run(self.client, self.experiment_id, name, tags, int(time.time() * 1000))
        rows = [{key: value for key, value in asdict(run).items() if key != "params"} | run.params for run in plan]
        self.client.log_text(self.run_id, pd.DataFrame(rows).to_csv(index=False), PLAN)
        self.client.log_text(self.run_id, store.masked(config), CONFIG)

    def reap(self) -> None:
        """End as KILLED the runs that were left RUNNING by processes that are gone."""
        for experiment in self.client.search_experiments():
            clause = f"tags.`seedsweep.sweep` = '{self.run_id}' and attributes.status = 'RUNNING'"
            for run in self.client.search_runs([experiment.experiment_id], clause):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def close(self, status: str, counts: Mapping[str, int], tables: Mapping[str, "pd.DataFrame"]) -> None:
        """Write the counts of the outcomes and the tables, and end the sweep with `status`."""
        with tempfile.TemporaryDirectory() as folder:
            for name, table in tables.items():
                table.to_parquet(Path(folder) / f"{name}.parquet", index=False)
            self.client.log_artifacts(self.run_id, folder)
        for name, count in counts.items():
            self.client.set_tag(self.run_id, f"seedsweep.{name}", str(count))
        self.client.set_terminated(self.run_id, status)


def experiment_id(client: "MlflowClient", name: str) -> str:
    """The experiment of that name, made where there is none."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, store.artifact_location(client.tracking_uri, name)))
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise ConfigError("experiment", name, "was deleted in MLflow; restore it there, or give another name")
    return str(found.experiment_id)


@lru_cache(maxsize=8)
def _client(uri: str) -> "MlflowClient":
    return store.connect(uri, create=True)


def _create_run(client: "MlflowClient", experiment: str, name: str, tags: Mapping[str, str], start: int) -> str:
    named = {f"seedsweep.{key}": value[:5000] for key, value in tags.items()} | _origin()
    if "sweep" in tags:
        named["mlflow.parentRunId"] = tags["sweep"]
    return str(client.create_run(experiment, start_time=start, tags=named, run_name=name).info.run_id)


@lru_cache(maxsize=1)
def _origin() -> dict[str, str]:
    """Who ran which code, under the tags that MLflow's UI shows."""
    script = Path(sys.argv[0])
    tags = {
        "mlflow.user": getpass.getuser(),
        "mlflow.source.name": script.name,
        "mlflow.source.type": "LOCAL",
        "seedsweep.version": __version__,
    }
    if git := shutil.which("git"):
        command = [git, "-C", str(script.parent.resolve()), "rev-parse", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if commit.returncode == 0:
            tags["mlflow.source.git.commit"] = commit.stdout.strip()
    return tags


def _log_weights(client: "MlflowClient", run_id: str, result: RunResult, describe: Mapping[str, str]) -> None:
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / WEIGHTS
        save_file(result.weights, file, metadata=dict(describe))
        client.log_artifact(run_id, str(file))
