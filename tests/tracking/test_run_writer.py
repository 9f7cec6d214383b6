"""Runs in the store, read back through MLflow's own client, while they train and after they end."""

import math
import signal
from collections.abc import Callable
from unittest.mock import Mock

import pytest
from mlflow import MlflowClient
from shared.commands import ENDLESS, Ended, config, start
from shared.stores import runs_in
from shared.waiting import wait_for

import seedsweep
from seedsweep.config.planned_run import PlannedRun
from seedsweep.outcomes import Point, RunResult
from seedsweep.tracking.database_client import DatabaseClient
from seedsweep.tracking.run_writer import record_run


def test_run_is_recorded_as_the_design_promises(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("optimizer=adam", "optimizer.lr=1e-1", "seed=3")
    assert ended.code == 0
    assert "adam lr=0.1 seed=3: finished  val/loss 0." in ended.out
    (run,) = runs_in(client)
    assert client.get_experiment(run.info.experiment_id).name == "breast_cancer/logistic_regression"
    assert (run.info.run_name, run.info.status) == ("adam lr=0.1 seed=3", "FINISHED")
    tags = {key.removeprefix("seedsweep."): value for key, value in run.data.tags.items()}
    assert (tags["outcome"], tags["engine"], tags["group"]) == ("finished", "fleet", "adam lr=0.1")
    assert len(tags["key"]) == len(tags["data"]) == 16
    params = run.data.params
    assert (params["optimizer"], params["data"], params["model"]) == ("adam", "breast_cancer", "logistic_regression")
    assert (params["optimizer.lr"], params["seed"], params["order_seed"]) == ("0.1", "3", "3")
    assert (params["optimizer.betas"], params["data.stratify"]) == ("[0.9, 0.999]", "true")
    assert not [key for key in params if key.startswith(("tracking", "experiment"))]
    assert run.data.metrics["optimizer.lr"] == 0.1
    steps = {key: [p.step for p in client.get_metric_history(run.info.run_id, key)] for key in run.data.metrics}
    every = [25, 50, 75, 100, 125]
    assert steps["train/loss"] == steps["train/accuracy"] == steps["val/loss"] == steps["val/accuracy"] == every
    assert steps["test/loss"] == steps["test/accuracy"] == [125]
    assert steps["train/loss_step"] == [50, 100]
    epochs = {p.step: p.value for p in client.get_metric_history(run.info.run_id, "epoch")}
    assert epochs == {25: 0, 50: 1, 75: 2, 100: 3, 125: 4}
    assert [artifact.path for artifact in client.list_artifacts(run.info.run_id)] == ["weights.safetensors"]


def test_run_without_its_objective_fails_and_is_counted(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("-m", "+trainer.limit_val_batches=0", "seed=0,1", "trainer.max_epochs=1")
    assert ended.code == 1
    assert "2 of 2 runs failed" in ended.err
    assert {run.info.status for run in runs_in(client)} == {"FAILED"}
    assert runs_in(client, "sweep")[0].info.status == "FAILED"


def test_infinite_values_come_back_as_infinite(uri: str, client: MlflowClient) -> None:
    planned = PlannedRun(0, "name", "group", "0" * 16, "here", ({"optimizer.lr": "0.1"},))
    values = [math.inf, -math.inf, math.nan]
    with record_run({"uri": uri, "sweep": None}, planned, "lightning", "0" * 16) as record:
        points = [Point("train/loss_step", step, 0, value) for step, value in enumerate(values)]
        record.publish(points)
        record.finish(RunResult("diverged", points), {})
    read = seedsweep.load_curves()["value"].tolist()
    assert read[:2] == values[:2]
    assert math.isnan(read[2])


def test_many_params_and_points_are_written_in_parts(uri: str, client: MlflowClient) -> None:
    params = {f"optimizer.p{index}": str(index) for index in range(250)}
    points = [Point("train/loss", step, step, 0.5) for step in range(2000)]
    planned = PlannedRun(0, "name", "group", "0" * 16, "here", (params,))
    with record_run({"uri": uri, "sweep": None}, planned, "lightning", "0" * 16) as record:
        record.publish(points)
        record.finish(RunResult("finished", points), {})
    (run,) = runs_in(client)
    assert run.data.params == params
    assert len(seedsweep.load_curves()) == 2000


def test_a_signal_while_points_are_written_leaves_none_without_its_epoch(
    uri: str, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned, point = PlannedRun(0, "name", "group", "0" * 16, "here", ({},)), Point("train/loss", 3, 1, 0.5)
    record = record_run({"uri": uri, "sweep": None}, planned, "lightning", "0" * 16)
    record.add([(point, 0)])
    with monkeypatch.context() as patch:
        patch.setattr(DatabaseClient, "write_batch", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            record.flush()
    record.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert runs_in(client)[0].info.status == "KILLED"
    assert seedsweep.load_curves()[["step", "epoch", "value"]].to_numpy().tolist() == [[3, 1, 0.5]]


LONG = {
    "fleet": (*ENDLESS, "trainer.engine=fleet"),
    "lightning": ("optimizer._target_=slow_or_broken.Slow", "trainer.max_epochs=200", "trainer.engine=lightning"),
}


@pytest.mark.slow
@pytest.mark.parametrize("engine", LONG)
def test_curves_of_a_long_run_appear_while_it_trains(client: MlflowClient, slow_or_broken: None, engine: str) -> None:
    process = start(*LONG[engine], "trainer.log_every_n_steps=5")
    try:
        wait_for(lambda: [run for run in runs_in(client) if "train/loss" in run.data.metrics])
        (run,) = runs_in(client)
        assert run.info.status == "RUNNING"
        assert "seedsweep.outcome" not in run.data.tags
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert runs_in(client)[0].info.status == "KILLED"


@pytest.mark.slow
@pytest.mark.parametrize("engine", LONG)
def test_terminated_run_is_killed_and_exits_as_such(client: MlflowClient, slow_or_broken: None, engine: str) -> None:
    process = start(*LONG[engine])
    wait_for(lambda: runs_in(client))
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 143, err
    assert runs_in(client)[0].info.status == "KILLED"


def test_equal_configurations_have_equal_keys(train: Callable[..., Ended], client: MlflowClient) -> None:
    same = ("optimizer.lr=0.10", "optimizer.lr=1e-1", "optimizer.lr=.1 objective.select=best experiment=other")
    for overrides in (*same, "optimizer.lr=0.2", "optimizer.lr=0.1 data.split_seed=1"):
        train(*overrides.split(), "trainer.max_epochs=1")
    keys = [run.data.tags["seedsweep.key"] for run in runs_in(client)]
    assert len(keys) == 5
    assert len(set(keys)) == 3


def test_run_of_a_library_call_needs_no_hydra_application(uri: str, client: MlflowClient) -> None:
    value = seedsweep.run(config("optimizer=adam", "trainer.max_epochs=1"))
    (run,) = runs_in(client)
    assert run.info.run_name == "Adam lr=0.01 seed=0"
    assert value == run.data.metrics["val/loss"]
