"""Sweeps in the store, read back through MLflow's own client: their plans, counts and tables, however they end."""

import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from shared.commands import Ended, config, start
from shared.stores import runs_in
from shared.waiting import wait_for

import seedsweep
from seedsweep.config.completeness import resolve
from seedsweep.config.composing import Composed
from seedsweep.lifecycle.opening import open_sweep

ALONE = ("trainer.engine=lightning",)


def test_sweep_is_recorded_with_plan_counts_and_tables(train: Callable[..., Ended], client: MlflowClient) -> None:
    words = ("-m", "optimizer=sgd,adam", "optimizer.lr=0.1,1e6", "seed=0,1", "compare=true", "trainer.max_epochs=1")
    ended = train(*words)
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


def test_password_of_a_store_is_kept_nowhere(train: Callable[..., Ended], client: MlflowClient, server: str) -> None:
    address = server.replace("http://", "http://me:s3cret@")
    ended = train(
        "-m", "tracking=server", f"tracking.uri={address}", "seed=0,1", "trainer.max_epochs=1", "tracking.reuse=false"
    )
    assert ended.code == 0
    assert "s3cret" not in ended.out + ended.err
    there = MlflowClient(tracking_uri=server)
    parent = runs_in(there, "sweep")[-1]
    stored = str(parent.to_dictionary()) + Path(there.download_artifacts(parent.info.run_id, "config.yaml")).read_text()
    assert "me:***@127.0.0.1" in stored
    assert "s3cret" not in stored


def test_untracked_sweep_shows_its_table_and_leaves_nothing(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("-m", "tracking=none", "optimizer=sgd,adam", "trainer.max_epochs=1")
    assert ended.code == 0
    assert "adam lr=0.01" in ended.out
    assert len(client.search_experiments()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_sweep_ends_as_killed(client: MlflowClient, slow_or_broken: None, number: signal.Signals) -> None:
    process = start("-m", *ALONE, "optimizer._target_=slow_or_broken.Slow", "trainer.max_epochs=2", "seed=range(0,4)")
    wait_for(lambda: [run for run in runs_in(client) if run.info.status == "FINISHED"])
    process.send_signal(number)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)  # impatience must not leave it unfinished
    out, err = process.communicate(timeout=300)
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
