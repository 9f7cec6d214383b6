"""Recording and reading runs (35 params, 34 points, 15 tags) in bulk, one by one, and by `MlflowClient` used plainly.

    python benchmarks/tracking.py [runs]

Results are in docs/performance.md.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
import numpy as np
import torch
from mlflow import MlflowClient
from tables import Table, times

from seedsweep.config.plan import Plan
from seedsweep.config.planned_run import PlannedRun
from seedsweep.outcomes import Column, FleetResult, Point, RunResult
from seedsweep.report.summary import count_outcomes, summarize
from seedsweep.tracking import connection
from seedsweep.tracking.fleet_writer import record_fleet
from seedsweep.tracking.mlflow_client import mlflow_client
from seedsweep.tracking.reader import load_curves, load_runs, stream_curves, stream_runs
from seedsweep.tracking.run_writer import record_run
from seedsweep.tracking.sweep_writer import SweepRecord
from seedsweep.tracking.tags import experiment_id

SHOWN = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")
POINTS = [Point(name, 60 * step, step - 1, 0.5) for step in range(1, 7) for name in SHOWN]
POINTS += [Point("train/loss_step", 360, 5, 0.5), Point("test/loss", 360, 5, 0.5), Point("test/accuracy", 360, 5, 0.5)]
SHARED = {f"optimizer.param_{index}": str(index) for index in range(33)}
FEW = 50  # runs, where each takes long


def planned(job: int) -> PlannedRun:
    group = f"adam lr={job // 100}"
    own = {"optimizer.lr": str(job // 100), "seed": str(job % 100)}
    return PlannedRun(job, f"{group} seed={job % 100}", group, f"{job:016x}", "benchmark", (SHARED, own))


def plainly(client: MlflowClient, experiment: str, runs: list[PlannedRun]) -> None:
    """Call by call, as a training loop would."""
    for run in runs:
        run_id = client.create_run(experiment).info.run_id
        for index in range(10):
            client.set_tag(run_id, f"tag_{index}", "value")
        for key, value in run.params.items():
            client.log_param(run_id, key, value)
        for point in POINTS:
            client.log_metric(run_id, point.metric, point.value, step=point.step)
        client.set_terminated(run_id)


def one_by_one(uri: str, runs: list[PlannedRun]) -> None:
    for run in runs:
        with record_run({"uri": uri, "sweep": None}, run, "lightning", "0" * 16) as record:
            record.publish(POINTS)
            record.finish(RunResult("finished", POINTS, {"weight": torch.zeros(4)}), {})


def in_bulk(uri: str, runs: list[PlannedRun], sweep: str) -> None:
    members, values = np.arange(len(runs)), np.random.default_rng(0).random(len(runs))
    now = int(time.time() * 1000)
    columns = [Column(point.metric, point.step, point.epoch, now + point.step, members, values) for point in POINTS]
    with record_fleet({"uri": uri, "sweep": sweep}, runs, "fleet", "0" * 16) as record:
        record.finish(FleetResult(["finished"] * len(runs), columns, {"weight": torch.zeros(len(runs), 4)}), {})


SPENT: dict[str, tuple[float, int]] = {}  # seconds, for so many runs
PEERS = {"writing": "writing: `MlflowClient`, call by call", "reading runs": "reading runs: `mlflow.search_runs`"}
PEERS["reading curves"] = "reading curves: `MlflowClient`"


@contextmanager
def timed(what: str, runs: int) -> Iterator[None]:
    start = time.perf_counter()
    yield
    SPENT[what] = time.perf_counter() - start, runs


def show() -> None:
    """Print what it took, against the client's own ways."""
    table = Table("", "ms a run", "s", "runs", "to the client's")
    each = {what: seconds / runs * 1e3 for what, (seconds, runs) in SPENT.items()}
    for what, (seconds, runs) in SPENT.items():
        peer = PEERS.get(what.partition(":")[0])
        ratio = times(each[what], each[peer]) if peer else None
        table.row(what, f"{each[what]:.3f}", f"{seconds:.2f}", f"{runs:,}", ratio)


def main(number: int) -> None:
    runs = [planned(job) for job in range(number)]
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        experiment = experiment_id(connection.connect(uri, create=True), "benchmark")
        client = mlflow_client(uri)
        one_by_one(uri, runs[:1])  # imports
        with timed("writing: `MlflowClient`, call by call", FEW):
            plainly(client, experiment, runs[:FEW])
        with timed("writing: one by one", FEW):
            one_by_one(uri, runs[:FEW])
        with timed("plan", number):
            plan = Plan()
            for run in runs:
                plan.add(run)
            plan.check()
            sweep = SweepRecord(uri, plan, "benchmark", "", common=plan.common_params)
        with timed("writing: in bulk", number):
            in_bulk(uri, runs, sweep.run_id)
        with timed("reading runs: `mlflow.search_runs`", number):
            mlflow.set_tracking_uri(uri)
            mlflow.search_runs([experiment], f"tags.`seedsweep.sweep` = '{sweep.run_id}'", max_results=50_000)
        with timed("reading runs: `load_runs`", number):
            table = load_runs(sweep.run_id, uri)
        with timed("reading curves: `MlflowClient`", FEW):
            for run in table["run"][:FEW]:
                for metric in {point.metric for point in POINTS}:
                    client.get_metric_history(run, metric)
        with timed("reading curves: `load_curves`", number):
            load_curves(sweep.run_id, uri)
        with timed("summarizing", number):
            summary = summarize(table, "val/loss")
        with timed("closing the sweep", number):
            sweep.reap()
            sweep.write(stream_runs(sweep.run_id, uri), stream_curves(sweep.run_id, uri))
            sweep.close("FINISHED", count_outcomes(table), summary)
    show()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6000)
