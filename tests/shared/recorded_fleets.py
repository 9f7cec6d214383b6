"""A fleet of five members as it is recorded, and all that MLflow says of it afterwards."""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from mlflow import MlflowClient

from seedsweep.config.completeness import resolve
from seedsweep.config.plan import Plan
from seedsweep.config.planned_run import PlannedRun, plan_run
from seedsweep.engine.built_run import build
from seedsweep.outcomes import Column, FleetResult
from seedsweep.tracking.fleet_writer import record_fleet
from seedsweep.tracking.sweep_writer import SweepRecord
from shared.commands import config

START = 1_700_000_000_000
JOBS = ("adam seed=0", "adam seed=1", "sgd seed=0", "rmsprop", "nadam")


class Clock:
    """The time in all of this process, which stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now / 1000


@lru_cache(maxsize=1)
def plans() -> list[PlannedRun]:
    runs = []
    for job, (optimizer, *seed) in enumerate(map(str.split, JOBS)):
        choices = {"optimizer": optimizer, "data": "breast_cancer"}
        runs.append(plan_run(resolve(config(f"optimizer={optimizer}", *seed)), choices, (), "0" * 16, job))
    runs[1] = replace(runs[1], shared_params=(*runs[1].shared_params, {"data.path": "long\t'\\n\n\\é" * 1000}))
    runs[3] = replace(runs[3], experiment="another", name="long " * 60)
    return runs


def measured() -> FleetResult:
    """Five members, the fourth of which diverges at step 50, and the fifth at step 75."""
    columns, random, everyone = [], np.random.default_rng(0), np.arange(5)
    for step, members in ((25, everyone), (50, everyone), (75, np.array([0, 1, 2, 4])), (100, np.array([0, 1, 2]))):
        for metric in ("train/loss_step", "val/loss", "train/loss"):
            at = START + 10 * step + len(columns)
            columns.append(Column(metric, step, step // 50, at, members, random.normal(size=len(members))))
    columns[3].values[3] = math.inf
    columns[4].values[3] = -math.inf
    columns[6].values[3] = math.nan
    columns.append(Column("test/loss", 100, 2, START + 2000, np.array([0, 1, 2]), np.array([0.0, -1e-300, 1e300])))
    weights = {"linear.weight": torch.randn(5, 1, 4), "linear.bias": torch.randn(5, 1)}
    return FleetResult(["finished", "finished", "finished", "diverged", "diverged"], columns, weights)


@lru_cache(maxsize=1)
def network() -> dict[str, str]:
    return build(config()).network


def in_bulk(uri: str, sweep: str | None, result: FleetResult, published: int = 0) -> None:
    with record_fleet({"uri": uri, "sweep": sweep}, plans(), "fleet", "0" * 16) as record:
        for column in result.columns[:published]:
            record.publish([column])
        record.finish(result, network())


def content(client: MlflowClient, sweep: str) -> dict[str, Any]:
    """All that MLflow's client says of the runs of a sweep, but for the ids, by the runs' names."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    actual = {}
    for run in client.search_runs(experiments, f"tags.mlflow.parentRunId = '{sweep}'"):
        run = client.get_run(run.info.run_id)
        run_id = run.info.run_id
        histories = {
            name: [(repr(p.value), p.step, p.timestamp) for p in client.get_metric_history(run_id, name)]
            for name in run.data.metrics
        }
        tags = {key: value.replace(sweep, "SWEEP") for key, value in run.data.tags.items() if "weights" not in key}
        about = {key: str(value).replace(run_id, "ID") for key, value in dict(run.info).items()}
        actual[run.info.run_name] = {
            "info": about,
            "tags": tags,
            "params": run.data.params,
            "latest": {name: repr(value) for name, value in run.data.metrics.items()},
            "histories": histories,
            "inputs": run.inputs.to_dictionary(),
            "outputs": run.outputs.to_dictionary(),
        }
    return actual


def opened(uri: str) -> tuple[MlflowClient, str]:
    plan = Plan()
    for run in plans():
        plan.add(run)
    sweep = SweepRecord(uri, plan, "sweep", "")
    return MlflowClient(uri), sweep.run_id
