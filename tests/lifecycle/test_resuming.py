"""What the store has is not trained again, and is all there is in the sweep that asks for it."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import runs_in

import seedsweep
from seedsweep.tracking import processes

Train = Callable[..., Ended]
WORDS = ("-m", "trainer.max_epochs=1", "compare=false", "optimizer=sgd,adam")


@pytest.mark.fast
def test_a_complete_sweep_answers_again_and_more_seeds_cost_only_themselves(train: Train, client: MlflowClient) -> None:
    first = train(*WORDS, "seed=0,1")
    again = train(*WORDS, "seed=0,1")
    assert "all 4 runs are in the store" in again.out
    assert [line for line in first.out.splitlines() if "lr=0.01" in line] == [
        line for line in again.out.splitlines() if "lr=0.01" in line
    ]
    assert (len(runs_in(client)), len(runs_in(client, "sweep"))) == (4, 1)
    assert "4 of 8 runs are in the store; training 4" in train(*WORDS, "seed=0,1,2,3").out
    copied = [run for run in runs_in(client) if "seedsweep.copied_from" in run.data.tags]
    assert len(copied) == 4
    for run in copied:
        source = client.get_run(run.data.tags["seedsweep.copied_from"])
        assert run.data.metrics == source.data.metrics
        assert seedsweep.load_model(run.info.run_id) is not None
    assert seedsweep.load_runs("latest")["job"].tolist() == list(range(8))
    assert "in the store" not in train(*WORDS, "seed=0,1", "tracking.reuse=false").out


def test_what_is_asked_of_a_run_now_decides_whether_it_counts(train: Train, uri: str) -> None:
    train(*WORDS, "seed=0")
    for more in ("trainer.norms=true", "trainer.log_every_n_steps=1", "metrics=[f1]", "trainer.engine=lightning"):
        assert "in the store" not in train(*WORDS, "seed=0", more).out
    assert "all 2 runs are in the store" in train(*WORDS, "seed=0", "trainer.max_members=1").out


def test_copies_on_a_server_are_those_of_a_database(train: Train, server: str) -> None:
    words = (*WORDS, f"tracking.uri={server}", "experiment=copies", "optimizer.lr=0.0123")  # nobody else's runs
    assert train(*words, "seed=0").code == 0
    assert "2 of 4 runs are in the store; training 2" in train(*words, "seed=0,1").out
    assert "all 4 runs are in the store" in train(*words, "seed=0,1").out
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("copies").experiment_id
    parents = client.search_runs([experiment], "tags.`seedsweep.kind` = 'sweep'")
    tags = [parent.data.tags for parent in parents]
    assert [tag.get("seedsweep.copied") for tag in tags] == ["2", None]
    assert tags[0]["seedsweep.copied_from"] == parents[1].info.run_id
    runs = client.search_runs([experiment], "tags.`seedsweep.kind` = 'run'")
    assert Counter(run.data.tags["seedsweep.key"] for run in runs).most_common()[0][1] == 2
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_job_keeps_its_number_where_others_are_in_the_store(train: Train, client: MlflowClient) -> None:
    words = ("-m", "trainer.max_epochs=1", "compare=false", "seed=${hydra:job.num}", "hydra/launcher=basic")
    assert train(*words, "optimizer.lr=0.1,0.2,0.3,0.4").code == 0
    runs = {run.data.params["optimizer.lr"]: run for run in runs_in(client)}
    assert [runs[rate].data.params["seed"] for rate in ("0.1", "0.2", "0.3", "0.4")] == ["0", "1", "2", "3"]
    for rate in ("0.2", "0.4"):
        client.delete_run(runs[rate].info.run_id)
    assert "2 of 4 runs are in the store; training 2" in train(*words, "optimizer.lr=0.1,0.2,0.3,0.4").out
    seeds = {run.data.params["optimizer.lr"]: run.data.params["seed"] for run in runs_in(client)}
    assert seeds == {"0.1": "0", "0.2": "1", "0.3": "2", "0.4": "3"}


def test_a_sweep_that_is_not_complete_says_so(train: Train, compare: Train, client: MlflowClient) -> None:
    assert train(*WORDS, "seed=0,1,2").code == 0
    (parent,), runs = runs_in(client, "sweep"), runs_in(client)
    client.delete_run(runs[0].info.run_id)
    for run, status in ((runs[1], "RUNNING"), (runs[2], "KILLED")):
        client.delete_tag(run.info.run_id, "seedsweep.outcome")
        client.update_run(run.info.run_id, status)
    name, counts = parent.info.run_id[:8], "3 of 6 runs have ended, 1 RUNNING, 1 KILLED, 1 never begun"
    client.set_terminated(parent.info.run_id, "KILLED")
    ended = compare("figures=null").out
    assert f"Sweep {name} was ended early: {counts}: its command goes on with it when it is typed again" in ended
    client.update_run(parent.info.run_id, "RUNNING")
    assert f"Sweep {name} is being trained by process {os.getpid()} of " in compare("figures=null").out
    gone = processes.this_process() | {"start": "0"}
    client.set_tag(parent.info.run_id, "seedsweep.owner", json.dumps(gone))
    assert f"Sweep {name} was killed: {counts}" in compare("figures=null").out
    assert train(*WORDS, "seed=0,1,2").code == 0
    assert f"Sweep {name}" not in compare("figures=null").out


def test_a_sweep_that_another_process_is_at_is_refused(
    train: Train, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(*WORDS, "seed=0")
    (parent,) = runs_in(client, "sweep")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        owner = processes.this_process() | {"pid": other.pid, "start": processes._start(other.pid)}
        client.set_tag(parent.info.run_id, "seedsweep.owner", json.dumps(owner))
        client.update_run(parent.info.run_id, "RUNNING")
        refused = train(*WORDS, "seed=0")
        assert refused.code == 1
        assert f"is being trained by process {other.pid}" in refused.err
        assert "srun" not in refused.err
        monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
        assert "start one, by srun --ntasks=1" in train(*WORDS, "seed=0").err
    assert train(*WORDS, "seed=0").code == 0
    assert client.get_run(parent.info.run_id).info.status == "FINISHED"
