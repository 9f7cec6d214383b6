"""What is in the store, read back through MLflow's own client."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import psycopg
import pytest
import torch
from mlflow import MlflowClient
from shared.commands import Ended, config, start
from shared.stores import runs_in
from shared.waiting import wait_for
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import seedsweep
from seedsweep.config.completeness import resolve
from seedsweep.config.composing import Composed
from seedsweep.config.planned_run import PlannedRun, canonical
from seedsweep.errors import ConfigError
from seedsweep.outcomes import Point, RunResult
from seedsweep.sweep.lifecycle import open_sweep
from seedsweep.tracking import reader as reading
from seedsweep.tracking.parquet import write_runs
from seedsweep.tracking.run_writer import record_run

SLOW = "import time, torch\nclass Slow(torch.optim.SGD):\n    def step(self, closure=None):\n"
SLOW += "        time.sleep(0.05)\n        return super().step(closure)\n"
BROKEN = "import torch\nclass Broken(torch.optim.SGD):\n    def step(self, closure=None):\n"
BROKEN += "        if self.param_groups[0]['lr'] == 0.5:\n            raise RuntimeError('the step broke')\n"
BROKEN += "        return super().step(closure)\n"


ALONE = ("trainer.engine=lightning",)


@pytest.fixture
def slow_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optimizers that somebody else wrote, importable here and in processes started from here."""
    (tmp_path / "slow_or_broken.py").write_text(SLOW + BROKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_run_is_recorded_as_the_design_promises(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("optimizer=adam", "optimizer.lr=1e-1", "seed=3")
    assert ended.code == 0
    assert "adam lr=0.1 seed=3: finished  val/loss 0." in ended.out
    (run,) = runs_in(client)
    assert client.get_experiment(run.info.experiment_id).name == "breast_cancer/logistic_regression"
    assert (run.info.run_name, run.info.status) == ("adam lr=0.1 seed=3", "FINISHED")
    tags = {key.removeprefix("seedsweep."): value for key, value in run.data.tags.items()}
    assert (tags["outcome"], tags["engine"], tags["group"]) == ("finished", "lightning", "adam lr=0.1")
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


def test_sweep_is_recorded_with_plan_counts_and_tables(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("-m", "optimizer=sgd,adam", "optimizer.lr=0.1,1e6", "seed=0,1", "trainer.max_epochs=1")
    assert ended.code == 0
    (parent,) = runs_in(client, "sweep")
    tags = {key.removeprefix("seedsweep."): value for key, value in parent.data.tags.items()}
    assert parent.info.status == "FINISHED"
    assert [tags[key] for key in ("planned", "finished", "diverged", "failed", "missing")] == ["8", "4", "4", "0", "0"]
    assert tags["command"].endswith(
        "trainer.max_epochs=1 " + " ".join(["hydra/job_logging=disabled", "hydra/hydra_logging=disabled"])
    )
    assert tags["version.torch"].startswith("2.")
    children = runs_in(client)
    assert len(children) == 8
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.info.run_name for run in children} >= {"sgd lr=0.1 seed=0", "adam lr=1000000 seed=1"}
    assert {run.data.tags["seedsweep.outcome"] for run in children} == {"finished", "diverged"}
    assert {run.info.status for run in children} == {"FINISHED"}
    folder = Path(client.download_artifacts(parent.info.run_id, ""))
    assert sorted(file.name for file in folder.iterdir()) == [
        "config.yaml",
        "curves.parquet",
        "plan.csv",
        "report",
        "runs.parquet",
        "summary.csv",
        "weights",
    ]
    plan, runs = pd.read_csv(folder / "plan.csv"), pd.read_parquet(folder / "runs.parquet")
    assert plan["name"].tolist() == runs["name"].tolist()
    pd.testing.assert_frame_equal(runs, seedsweep.load_runs("latest"), check_dtype=False)
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "curves.parquet"), seedsweep.load_curves(parent.info.run_id))
    table = [line.split() for line in ended.out.splitlines() if re.match(r" *(sgd|adam) lr=\S+ +\d of \d", line)]
    assert [(row[0], row[1], row[2:5]) for row in table][2:] == [
        ("sgd", "lr=1000000", ["0", "of", "2"]),
        ("adam", "lr=1000000", ["0", "of", "2"]),
    ]
    summary = pd.read_csv(folder / "summary.csv")
    assert summary["diverged"].tolist() == [0, 0, 2, 2]
    assert parent.data.tags["mlflow.note.content"].startswith("| group | finished | diverged | val/loss |")


def test_failing_run_is_recorded_and_the_sweep_goes_on(
    train: Callable[..., Ended], client: MlflowClient, slow_or_broken: None
) -> None:
    rates = "optimizer.lr=0.1,0.5,0.2"
    ended = train("-m", *ALONE, "optimizer._target_=slow_or_broken.Broken", rates, "trainer.max_epochs=1")
    assert ended.code == 1
    assert "1 of 3 runs failed" in ended.err
    assert "RuntimeError: the step broke" in ended.err
    (parent,) = runs_in(client, "sweep")
    assert (parent.info.status, parent.data.tags["seedsweep.failed"]) == ("FAILED", "1")
    statuses = {run.data.params["optimizer.lr"]: run.info.status for run in runs_in(client)}
    assert statuses == {"0.1": "FINISHED", "0.5": "FAILED", "0.2": "FINISHED"}
    failed = next(run for run in runs_in(client) if run.info.status == "FAILED")
    assert failed.data.tags["seedsweep.outcome"] == "failed"
    text = Path(client.download_artifacts(failed.info.run_id, "traceback.txt")).read_text()
    assert text.startswith("Traceback")
    assert "the step broke" in text


def test_run_without_its_objective_fails_and_is_counted(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("-m", "+trainer.limit_val_batches=0", "seed=0,1", "trainer.max_epochs=1")
    assert ended.code == 1
    assert "2 of 2 runs failed" in ended.err
    assert {run.info.status for run in runs_in(client)} == {"FAILED"}
    assert runs_in(client, "sweep")[0].info.status == "FAILED"


def test_password_of_a_store_is_kept_nowhere(train: Callable[..., Ended], client: MlflowClient, server: str) -> None:
    address = server.replace("http://", "http://me:s3cret@")
    ended = train("-m", "tracking=server", f"tracking.uri={address}", "seed=0,1", "trainer.max_epochs=1")
    assert ended.code == 0
    assert "s3cret" not in ended.out + ended.err
    there = MlflowClient(tracking_uri=server)
    parent = runs_in(there, "sweep")[-1]
    stored = str(parent.to_dictionary()) + Path(there.download_artifacts(parent.info.run_id, "config.yaml")).read_text()
    assert "me:***@127.0.0.1" in stored
    assert "s3cret" not in stored


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


def test_untracked_sweep_shows_its_table_and_leaves_nothing(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("-m", "tracking=none", "optimizer=sgd,adam", "trainer.max_epochs=1")
    assert ended.code == 0
    assert "adam lr=0.01" in ended.out
    assert len(client.search_experiments()) == 1


@pytest.mark.slow
def test_curves_of_a_long_run_appear_while_it_trains(client: MlflowClient, slow_or_broken: None) -> None:
    process = start("optimizer._target_=slow_or_broken.Slow", "trainer.max_epochs=200", "trainer.log_every_n_steps=5")
    try:
        wait_for(lambda: [run for run in runs_in(client) if "train/loss" in run.data.metrics])
        (run,) = runs_in(client)
        assert run.info.status == "RUNNING"
        assert "seedsweep.outcome" not in run.data.tags
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert runs_in(client)[0].info.status == "KILLED"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_sweep_ends_as_killed(client: MlflowClient, slow_or_broken: None, number: signal.Signals) -> None:
    process = start("-m", *ALONE, "optimizer._target_=slow_or_broken.Slow", "trainer.max_epochs=2", "seed=range(0,4)")
    wait_for(lambda: [run for run in runs_in(client) if run.info.status == "FINISHED"])
    process.send_signal(number)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)  # impatience must not leave it unfinished
    out, err = process.communicate(timeout=60)
    assert process.returncode not in (0, 1)
    assert "Traceback" not in err
    (parent,) = runs_in(client, "sweep")
    assert parent.info.status == "KILLED"
    assert not [run for run in runs_in(client) if run.info.status == "RUNNING"]
    assert int(parent.data.tags["seedsweep.missing"]) >= 2
    assert seedsweep.load_runs("latest")["outcome"].value_counts()["missing"] >= 2
    assert "of 4" in out


@pytest.mark.parametrize("swallow", [False, True])
def test_interrupt_that_a_library_turned_into_its_own_error_still_kills_the_sweep(
    client: MlflowClient, tmp_path: Path, swallow: bool
) -> None:
    def interrupted() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            if not swallow:
                raise AttributeError("as OmegaConf does") from None

    def composed(overrides: Sequence[str], number: int) -> Composed:
        return Composed(number, tuple(overrides), resolve(config(*overrides)), {})

    with pytest.raises(SystemExit) as end:  # noqa: SIM117
        with open_sweep("sweep", [["seed=0"]], composed, tmp_path):
            interrupted()
    assert end.value.code == 130
    assert runs_in(client, "sweep")[0].info.status == "KILLED"


@pytest.mark.slow
def test_terminated_run_is_killed_and_exits_as_such(client: MlflowClient, slow_or_broken: None) -> None:
    process = start("optimizer._target_=slow_or_broken.Slow", "trainer.max_epochs=50")
    wait_for(lambda: runs_in(client))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert runs_in(client)[0].info.status == "KILLED"


@pytest.mark.slow
def test_killed_sweep_can_be_seen_to_be_unfinished(client: MlflowClient, slow_or_broken: None) -> None:
    process = start("-m", *ALONE, "optimizer._target_=slow_or_broken.Slow", "trainer.max_epochs=2", "seed=range(0,4)")
    wait_for(lambda: [run for run in runs_in(client) if run.info.status == "FINISHED"])
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (parent,) = runs_in(client, "sweep")
    assert parent.info.status == "RUNNING"
    runs = seedsweep.load_runs("latest")
    assert len(runs) == 4
    assert runs["outcome"].tolist()[0] == "finished"
    assert runs["outcome"].tolist()[2:] == ["missing", "missing"]


def test_model_comes_back_ready_to_predict(train: Callable[..., Ended], client: MlflowClient) -> None:
    for model in ("logistic_regression", "mlp model.hidden=[3,2]", "softmax_regression"):
        train(*f"model={model} optimizer=adam optimizer.lr=0.1".split())
    for run in runs_in(client):
        model = seedsweep.load_model(run.info.run_id)
        data = load_breast_cancer(as_frame=True)
        columns = ["mean radius", "mean texture", "mean smoothness", "mean concavity"]
        _, x, _, y = train_test_split(
            data.data[columns], data.target, test_size=0.3, random_state=42, stratify=data.target
        )
        _, x, _, y = train_test_split(x, y, test_size=0.5, random_state=42, stratify=y)
        with torch.no_grad():
            logits = model(torch.tensor(x.to_numpy(), dtype=torch.float32))
        predicted = logits > 0 if logits.ndim == 1 else logits.argmax(1)
        accuracy = (predicted.int().numpy() == y).mean()
        assert accuracy == pytest.approx(run.data.metrics["test/accuracy"])
        assert not model.training


def test_store_cannot_make_load_model_call_anything(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    train("trainer.max_epochs=1")
    (run,) = runs_in(client)
    file = client.download_artifacts(run.info.run_id, "weights.safetensors", str(tmp_path))
    save_file(
        load_file(file), file, metadata={"class": "subprocess.Popen", "arguments": json.dumps({"args": ["true"]})}
    )
    client.log_artifact(run.info.run_id, file)
    with pytest.raises(TypeError, match="subprocess.Popen"):
        seedsweep.load_model(run.info.run_id)


def test_equal_configurations_have_equal_keys(train: Callable[..., Ended], client: MlflowClient) -> None:
    same = ("optimizer.lr=0.10", "optimizer.lr=1e-1", "optimizer.lr=.1 objective.select=best experiment=other")
    for overrides in (*same, "optimizer.lr=0.2", "optimizer.lr=0.1 data.split_seed=1"):
        train(*overrides.split(), "trainer.max_epochs=1")
    keys = [run.data.tags["seedsweep.key"] for run in runs_in(client)]
    assert len(keys) == 5
    assert len(set(keys)) == 3


def test_numbers_have_one_canonical_form() -> None:
    assert {canonical(value) for value in (0.01, 1e-2, float(".01"))} == {"0.01"}
    assert [canonical(value) for value in (1, 1.0, 1e-5, 1e20, True, None, [2.0, 0.5], "text")] == [
        *("1", "1", "1e-05", "1e+20", "true", "null", "[2, 0.5]", "text")
    ]


def test_run_of_a_library_call_needs_no_hydra_application(uri: str, client: MlflowClient) -> None:
    value = seedsweep.run(config("optimizer=adam", "trainer.max_epochs=1"))
    (run,) = runs_in(client)
    assert run.info.run_name == "Adam lr=0.01 seed=0"
    assert value == run.data.metrics["val/loss"]


def test_server_holds_the_same_as_a_database(train: Callable[..., Ended], client: MlflowClient, server: str) -> None:
    command = ("-m", "optimizer=sgd,adam", "trainer.max_epochs=2")
    assert train(*command).code == 0
    assert train(*command, "tracking=server", f"tracking.uri={server}").code == 0
    local, remote = seedsweep.load_runs("latest"), seedsweep.load_runs("latest", server)
    different = ["run", "sweep", "started", "seconds"]
    pd.testing.assert_frame_equal(local.drop(columns=different), remote.drop(columns=different))
    curves = [seedsweep.load_curves("latest", where).drop(columns="run") for where in (None, server)]
    order = ["metric", "step", "value"]
    first, second = (frame.sort_values(order, ignore_index=True) for frame in curves)
    pd.testing.assert_frame_equal(first, second)
    x = torch.zeros(1, 4)
    assert torch.equal(seedsweep.load_model(local["run"][0])(x), seedsweep.load_model(remote["run"][0], server)(x))


def test_curves_are_tidy(train: Callable[..., Ended], uri: str) -> None:
    train("-m", "seed=0,1", "trainer.max_epochs=2")
    curves = seedsweep.load_curves("latest")
    assert list(curves) == ["run", "metric", "step", "epoch", "value"]
    counts = curves.groupby("metric").size().to_dict()
    assert counts == {
        "train/loss": 4,
        "train/accuracy": 4,
        "val/loss": 4,
        "val/accuracy": 4,
        "test/loss": 2,
        "test/accuracy": 2,
        "train/loss_step": 2,
    }
    assert curves["epoch"].tolist() == (curves["step"] // 26).tolist()


def test_runs_are_numbers_where_params_are(train: Callable[..., Ended], uri: str) -> None:
    train("-m", "optimizer.lr=0.1,1e-3", "trainer.max_epochs=1")
    runs = seedsweep.load_runs()
    assert runs["optimizer.lr"].tolist() == [0.1, 0.001]
    assert runs["seed"].dtype.kind == "i"
    assert runs["optimizer"].tolist() == ["sgd", "sgd"]
    assert runs["data.positive_class"].isna().all()


def test_unknown_sweep_is_answered_with_those_there_are(train: Callable[..., Ended], uri: str) -> None:
    with pytest.raises(ConfigError, match="there are no sweeps yet"):
        seedsweep.load_runs("latest")
    train("-m", "seed=0,1", "trainer.max_epochs=1")
    with pytest.raises(ConfigError, match=r"sweep=foo: no such sweep; the newest are \w+ \(seed=0,1"):
        seedsweep.load_curves("foo")


def test_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing has been recorded there yet"):
        seedsweep.load_runs(tracking_uri=f"sqlite:///{tmp_path}/none.db")
    assert not list(tmp_path.iterdir())


def test_table_in_parts_has_the_missing_runs_in_their_places(
    train: Callable[..., Ended], client: MlflowClient, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("+seconds=60", f"+note={'long' * 2000}")  # a column of its own, and more than MLflow takes
    assert train("-m", "optimizer=sgd,adam", "seed=range(0,4)", "trainer.max_epochs=1", *given).code == 0
    for run in runs_in(client):
        if run.data.tags["seedsweep.job"] in ("0", "3", "4", "5"):
            client.delete_run(run.info.run_id)
    monkeypatch.setattr(reading, "RUNS", 2)
    whole = reading.load_runs("latest", uri)
    whole.to_parquet(tmp_path / "whole.parquet", index=False)
    write_runs(reading.stream_runs("latest", uri), tmp_path / "parts.parquet")
    assert whole["job"].tolist() == list(range(8))
    pd.testing.assert_frame_equal(*(pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("parts", "whole")))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_make_one_store_at_once_all_find_it_made(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = f"sqlite:///{tmp_path}/new.db"
    if kind == "postgresql":
        server = request.getfixturevalue("postgres")
        with psycopg.connect(server.uri("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE made_at_once")
        uri = server.uri("made_at_once")
    count = f"len(connect({uri!r}, create=True).search_experiments())"
    make = f"from seedsweep.tracking.connection import connect; print({count})"
    command = [sys.executable, "-c", make]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [process.communicate() for process in processes]
    assert [out for out, _ in ended] == ["1\n"] * 3, ended
