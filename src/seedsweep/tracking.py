"""The only writer of the MLflow store: sweeps, and the runs in them."""

import getpass
import os
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
from urllib.parse import quote, urlencode

from seedsweep import __version__, store
from seedsweep.errors import ConfigError, masked
from seedsweep.planning import PlannedRun
from seedsweep.results import Point, RunResult

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

KIND = {"mlflow.experimentKind": "custom_model_development"}  # else the UI takes it for one of language models
TRAINING = "workflowType=machine_learning"  # the side of the UI that shows runs
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
    page = None

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
        self._experiment = experiment_id(client, planned.experiment)
        self.run_id: str | None = None
        self._start = int(time.time() * 1000)
        self._waiting: list[tuple[Point, int]] = []
        self._flushed = time.monotonic()

    def __enter__(self) -> "RunRecord":
        return self

    @property
    def page(self) -> str:
        """The run's page in MLflow's UI."""
        return f"#/experiments/{self._experiment}/runs/{self._open()}?{TRAINING}"

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
        self._flush("failed" if failed else None)
        self.client.set_terminated(self._open(), "FAILED" if failed else "KILLED")
        if failed:
            text = "".join(traceback.format_exception(error))
            self.client.log_text(self._open(), masked(text), TRACEBACK)

    def _open(self) -> str:
        """The run's id; makes the run the first time."""
        if self.run_id is None:
            self.run_id = _create_run(self.client, self._experiment, self.planned.name, self.tags, self._start)
        return self.run_id

    def _flush(self, outcome: str | None = None) -> None:
        """Write the waiting points; with the first of them the params, with the last the outcome."""
        from mlflow.entities import Metric, Param, RunTag

        epochs = {point.step: (point.epoch, now) for point, now in self._waiting}
        metrics = [Metric("epoch", epoch, now, step) for step, (epoch, now) in epochs.items()]  # first: all need them
        metrics += [Metric(point.metric, point.value, now, point.step) for point, now in self._waiting]
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
        names = dict.fromkeys(run.experiment for run in plan)
        self.experiment_ids = [experiment_id(self.client, each) for each in names]
        tags = {"kind": "sweep", "planned": str(len(plan)), "command": masked(" ".join(sys.argv))}
        tags |= {f"version.{package}": version(package) for package in VERSIONS}
        self.run_id = _create_run(self.client, self.experiment_ids[0], name, tags, int(time.time() * 1000))
        try:
            rows = [{key: value for key, value in asdict(run).items() if key != "params"} | run.params for run in plan]
            self.client.log_text(self.run_id, pd.DataFrame(rows).to_csv(index=False), PLAN)
            self.client.log_text(self.run_id, masked(config), CONFIG)
        except BaseException as error:
            self.client.set_terminated(self.run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise

    def reap(self) -> None:
        """End as KILLED the runs that were left RUNNING by processes that are gone."""
        clause = f"tags.`seedsweep.sweep` = '{self.run_id}' and attributes.status = 'RUNNING'"
        while left := self.client.search_runs(self.experiment_ids, clause):
            for run in left:
                self.client.set_terminated(run.info.run_id, "KILLED")

    @property
    def page(self) -> str:
        """The page in MLflow's UI with the charts of the sweep's runs; sorted by a metric, they are not folded away."""
        query = {"searchFilter": f"tags.`seedsweep.sweep` = '{self.run_id}'", "orderByKey": "metrics.`val/loss`"}
        query |= {"orderByAsc": "true", "compareRunsMode": "CHART"}
        return f"#/experiments/{self.experiment_ids[0]}/runs?{TRAINING}&{urlencode(query, quote_via=quote)}"

    def close(
        self,
        status: str,
        counts: Mapping[str, int],
        tables: Mapping[str, "pd.DataFrame"],
        summary: "pd.DataFrame",
    ) -> None:
        """Write the counts of the outcomes, the tables and the summary of the groups; end the sweep with `status`."""
        with tempfile.TemporaryDirectory() as folder:
            for name, table in tables.items():
                table.to_parquet(Path(folder) / f"{name}.parquet", index=False)
            summary.to_csv(Path(folder) / "summary.csv", index=False)
            self.client.log_artifacts(self.run_id, folder)
        self.client.set_tag(self.run_id, "mlflow.note.content", _markdown(summary)[:5000])
        for name, count in counts.items():
            self.client.set_tag(self.run_id, f"seedsweep.{name}", str(count))
        self.client.set_terminated(self.run_id, status)


def experiment_id(client: "MlflowClient", name: str) -> str:
    """The experiment of that name, made where there is none."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            location = store.artifact_location(client.tracking_uri, name)
            return str(client.create_experiment(name, location, tags=KIND))
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise ConfigError("experiment", name, "was deleted in MLflow; restore it there, or give another name")
    return str(found.experiment_id)


def _markdown(table: "pd.DataFrame") -> str:
    """The table as MLflow's UI shows it above a run's parameters."""
    rows: list[list[str]] = [list(map(str, table)), ["---"] * len(table.columns)]
    rows += table.astype(str).to_numpy().tolist()
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)


@lru_cache(maxsize=8)
def _client(uri: str) -> "MlflowClient":
    return store.connect(uri, create=True)


def _create_run(client: "MlflowClient", experiment: str, name: str, tags: Mapping[str, str], start: int) -> str:
    named = {f"seedsweep.{key}": value[:5000] for key, value in tags.items()} | _origin()
    if "sweep" in tags:
        named["mlflow.parentRunId"] = tags["sweep"]
    return str(client.create_run(experiment, start_time=start, tags=named, run_name=name[:250]).info.run_id)


@lru_cache(maxsize=1)
def _origin() -> dict[str, str]:
    """Who ran which code, under the tags that MLflow's UI shows."""
    script = Path(sys.argv[0])
    tags = {
        "mlflow.user": _user(),
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


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in containers, users without a name
        return str(os.getuid())


def _log_weights(client: "MlflowClient", run_id: str, result: RunResult, describe: Mapping[str, str]) -> None:
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / WEIGHTS
        save_file(result.weights, file, metadata=dict(describe))
        client.log_artifact(run_id, str(file))
