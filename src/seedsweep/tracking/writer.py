"""The only writer of the MLflow store: sweeps, and the runs in them."""

import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from seedsweep.config.plan import Plan
from seedsweep.config.planned_run import PlannedRun
from seedsweep.errors import masked
from seedsweep.outcomes import Point, RunResult
from seedsweep.tracking.connection import absolute, connect, store_errors
from seedsweep.tracking.parquet import write_curves, write_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, end_runs, recorded
from seedsweep.tracking.tags import experiment_id, named, run_tags

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from torch import Tensor

TRAINING = "workflowType=machine_learning"  # the side of the UI that shows runs
FLUSH_SECONDS = 3.0  # how old the curves of a run in training may look
METRICS, PARAMS = 800, 100  # that MLflow takes at once: 1,000 of everything together, and 100 params
NAME = 250  # characters of a run's name
RATE = "optimizer.lr"
PLAN, CONFIG, WEIGHTS, TRACEBACK = "plan.csv", "config.yaml", "weights.safetensors", "traceback.txt"
OPTIMUM = "optimum.json"
NONE: Mapping[str, str] = {}
VERSIONS = ("torch", "pytorch-lightning", "mlflow", "hydra-core", "numpy")


@store_errors()
def record_run(
    tracking: Mapping[str, Any], planned: PlannedRun, engine: str, fingerprint: str
) -> "RunRecord | Untracked":
    """The record of one run, as a context: what leaves the context by an exception ends it as failed or killed."""
    if tracking["uri"] is None:
        return Untracked()
    client = client_of(tracking["uri"])
    tags = run_tags(planned, engine, fingerprint, tracking["sweep"])
    return RunRecord(client, experiment_id(client, planned.experiment), planned, tags, int(time.time() * 1000))


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
    """One run in the store: written as it trains once that takes longer than a few seconds, else at its end.

    Its times are in milliseconds since 1970.
    """

    def __init__(
        self, client: "MlflowClient", experiment: str, planned: PlannedRun, tags: Mapping[str, str], start: int
    ):
        self.client, self.planned, self.tags = client, planned, tags
        self.run_id: str | None = None
        self.ended = False
        self._experiment, self._start = experiment, start
        self._params = planned.recorded_params
        self._waiting: list[tuple[Point, int]] = []
        self._step = -1  # the last one whose epoch is written
        self._flushed = time.monotonic()

    def __enter__(self) -> "RunRecord":
        return self

    @property
    @store_errors()
    def page(self) -> str:
        """The run's page in MLflow's UI."""
        return f"#/experiments/{self._experiment}/runs/{self.open()}?{TRAINING}"

    @store_errors()
    def publish(self, points: Iterable[Point]) -> None:
        """Take new points of the curves; they are in the store within a few seconds."""
        now = int(time.time() * 1000)
        self.add((point, now) for point in points)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    @store_errors()
    def finish(self, result: RunResult, describe: Mapping[str, str]) -> None:
        """Write what is left of a run that came to its end; `describe` goes into the header of its weights."""
        with weights_file(result.weights, describe, WEIGHTS) as file:
            self.client.log_artifact(self.open(), str(file))
        self.flush({"outcome": result.outcome})
        self.end("FINISHED")

    @store_errors()
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        failed = isinstance(error, Exception)  # the others are Ctrl-C and signals
        self.flush({"outcome": "failed"} if failed else {})
        self.end("FAILED" if failed else "KILLED")
        if failed:
            text = "".join(traceback.format_exception(error))
            self.client.log_text(self.open(), masked(text), TRACEBACK)

    def open(self) -> str:
        """The run's id; makes the run the first time."""
        if self.run_id is None:
            self.run_id = _create_run(self.client, self._experiment, self.planned.name, self.tags, self._start)
        return self.run_id

    def add(self, points: Iterable[tuple[Point, int]]) -> None:
        """Take points with their times, for the next `flush`."""
        self._waiting += points

    def flush(self, tags: Mapping[str, str] | None = None) -> None:
        """Write the waiting points; with the first of them the params, with the last the tags."""
        from mlflow.entities import Metric, Param, RunTag

        epochs = {point.step: Metric("epoch", point.epoch, now, point.step) for point, now in reversed(self._waiting)}
        metrics = [epochs[step] for step in sorted(epochs) if step > self._step]  # first: all the others need them
        self._step = max(epochs, default=self._step)
        metrics += [Metric(point.metric, point.value, now, point.step) for point, now in self._waiting]
        params = [Param(key, value) for key, value in self._params.items()]
        if RATE in self._params:  # a metric too: MLflow sorts params as text
            metrics.append(Metric(RATE, float(self._params[RATE]), self._start, 0))
        named = [RunTag(f"seedsweep.{key}", value) for key, value in (tags or {}).items()]
        last = max(-(-len(metrics) // METRICS), -(-len(params) // PARAMS), 1) - 1
        for batch in range(last + 1):
            some = metrics[batch * METRICS : (batch + 1) * METRICS], params[batch * PARAMS : (batch + 1) * PARAMS]
            self.client.log_batch(self.open(), *some, named if batch == last else [])
        self._params, self._waiting, self._flushed = {}, [], time.monotonic()

    def end(self, status: str) -> None:
        """End the run with a status of MLflow's."""
        self.client.set_terminated(self.open(), status)
        self.ended = True


class SweepRecord:
    """The parent run of a sweep: the plan before the first run starts, the counts and tables after the last."""

    @store_errors()
    def __init__(
        self, uri: str, plan: Plan, name: str, config: str, minima: Sequence[str] = (), tags: Mapping[str, str] = NONE
    ):
        self.client = connect(uri, create=True)
        self.uri = absolute(uri)
        self.experiment_ids = [experiment_id(self.client, each) for each in plan.experiments]
        tags = {"kind": "sweep", "command": masked(" ".join(sys.argv))} | dict(tags)
        tags |= {f"version.{package}": version(package) for package in VERSIONS}
        self.run_id = _create_run(self.client, self.experiment_ids[0], name, named(tags), int(time.time() * 1000))
        try:
            self.write_plan(plan, minima)
            self.client.log_text(self.run_id, masked(config), CONFIG)
        except BaseException as error:
            self.client.set_terminated(self.run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise

    @store_errors()
    def write_plan(self, plan: Plan, minima: Sequence[str] = ()) -> None:
        """Write the plan of the sweep, and the minima of its losses, instead of earlier ones."""
        with tempfile.TemporaryDirectory() as folder:
            plan.write(Path(folder) / PLAN)
            self.client.log_artifact(self.run_id, f"{folder}/{PLAN}")
        self.client.set_tag(self.run_id, "seedsweep.planned", str(len(plan)))
        if minima:
            self.client.log_text(self.run_id, f"[{', '.join(minima)}]", OPTIMUM)

    @store_errors()
    def reap(self) -> None:
        """End as KILLED the runs that were left RUNNING by processes that are gone."""
        end_runs(self.client, self.run_id, "KILLED")

    @store_errors()
    def recorded(self) -> RecordedSweep:
        """The sweep as the store has it now."""
        return recorded(self.client.get_run(self.run_id))

    @property
    def page(self) -> str:
        """The page in MLflow's UI with the charts of the sweep's runs; sorted by a metric, they are not folded away."""
        chosen = f"tags.`seedsweep.kind` = 'run' and tags.`seedsweep.sweep` = '{self.run_id}'"
        query = {"searchFilter": chosen, "orderByKey": "metrics.`val/loss`"}
        query |= {"orderByAsc": "true", "compareRunsMode": "CHART"}
        return f"#/experiments/{self.experiment_ids[0]}/runs?{TRAINING}&{urlencode(query, quote_via=quote)}"

    @store_errors()
    def write(self, runs: Iterable["pd.DataFrame"], curves: Iterable["pd.DataFrame"]) -> None:
        """Write the tables of the runs and of their curves, which come in parts."""
        with tempfile.TemporaryDirectory() as folder:
            write_runs(runs, Path(folder) / "runs.parquet")
            write_curves(curves, Path(folder) / "curves.parquet")
            self.client.log_artifacts(self.run_id, folder)

    @store_errors()
    def write_table(self, table: "pd.DataFrame", name: str) -> None:
        """Write a table as an artifact: a CSV file of that name."""
        self.client.log_text(self.run_id, table.to_csv(index=False, lineterminator="\n"), name)

    @store_errors()
    def write_progress(self, tags: Mapping[str, str], metrics: Mapping[str, float], step: int) -> None:
        """Write how far the sweep has come: tags, and metrics whose curves go on at that step."""
        from mlflow.entities import Metric, RunTag

        now = int(time.time() * 1000)
        points = [Metric(metric, value, now, step) for metric, value in metrics.items()]
        self.client.log_batch(self.run_id, points, [], [RunTag(f"seedsweep.{key}", tags[key]) for key in tags])

    @store_errors()
    def end(self, status: str) -> None:
        """End the sweep with a status of MLflow's."""
        self.client.set_terminated(self.run_id, status)

    @store_errors()
    def close(self, status: str, counts: Mapping[str, int], summary: "pd.DataFrame") -> None:
        """Write the counts of the outcomes and the summary of the groups; end the sweep with `status`."""
        self.write_table(summary, "summary.csv")
        self.client.set_tag(self.run_id, "mlflow.note.content", _markdown(summary)[:5000])
        for name, count in counts.items():
            self.client.set_tag(self.run_id, f"seedsweep.{name}", str(count))
        self.end(status)


@contextmanager
def weights_file(weights: Mapping[str, "Tensor"], describe: Mapping[str, str], name: str) -> Iterator[Path]:
    """A file of that name with the weights, which lasts as long as the context; `describe` is in its header."""
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        save_file(dict(weights), file, metadata=dict(describe))
        yield file


def _markdown(table: "pd.DataFrame") -> str:
    """The table as MLflow's UI shows it above a run's parameters."""
    rows: list[list[str]] = [list(map(str, table)), ["---"] * len(table.columns)]
    rows += table.astype(str).to_numpy().tolist()
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)


@lru_cache(maxsize=8)
def client_of(uri: str) -> "MlflowClient":
    """The client of a store, which is made where there is none."""
    return connect(uri, create=True)


def _create_run(client: "MlflowClient", experiment: str, name: str, tags: Mapping[str, str], start: int) -> str:
    return str(client.create_run(experiment, start_time=start, tags=dict(tags), run_name=name[:NAME]).info.run_id)
