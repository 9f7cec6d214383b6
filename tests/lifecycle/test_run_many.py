"""What a sweep's jobs become through the real command: fleets where that can be, and the same runs as one by one."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from shared.commands import ENDLESS, Ended, start
from shared.forked import Forked
from shared.stores import runs_in
from shared.waiting import is_training, wait_for

import seedsweep

ALONE = "trainer.engine=lightning"
POINT = ["name", "metric", "step"]
Train = Callable[..., Ended]


def swept(train: Train, *words: str) -> pd.DataFrame:
    """The runs of a sweep."""
    ended = train("-m", *words)
    assert ended.code == 0, ended.err
    return seedsweep.load_runs("latest")


def curves(runs: pd.DataFrame) -> pd.DataFrame:
    """The points of the runs of one sweep, known by the runs' names."""
    points = seedsweep.load_curves(runs["sweep"][0]).merge(runs[["run", "name"]], on="run")
    return points.drop(columns="run").sort_values(POINT, ignore_index=True)


def engines(client: MlflowClient, runs: pd.DataFrame) -> set[str]:
    return {client.get_run(run).data.tags["seedsweep.engine"] for run in runs["run"]}


PROBLEMS = {
    "seeds": "seed=0,1",
    "initial weights and orders apart": "init_seed=0,1 order_seed=0,1",
    "initializers": "model.init=zeros,glorot_uniform seed=0,1",
    "hyperparameters": "optimizer=adam optimizer.betas=[0.9,0.999],[0.5,0.9] optimizer.lr=0.1",
    "optimizers": "optimizer=sgd,nesterov,adamw,keras_rmsprop",
    "schedules": "schedule=cosine,step,exponential,constant optimizer.lr=0.1",
    "numbers of epochs": "trainer.max_epochs=1,3",
    "batch sizes": "data.batch_size=16,32",
    "double precision": "trainer.precision=64-true,32-true optimizer=adam",
    "more classes": "data=iris model=softmax_regression optimizer=adam,sgd",
    "hidden layers": "data=iris model=mlp model.hidden=[4],[3,2] optimizer=adam",
    # of these seeds no row is so near the border that rounding would change its class, and with it an accuracy
    "saturated units": "data.standardize=none model=mlp model.activation=sigmoid model.hidden=[8] "
    "optimizer=adagrad optimizer.lr=0.1 seed=3,4,5 trainer.max_epochs=5",
    "every step tracked": "trainer.log_every_n_steps=1",
}


@pytest.mark.parametrize("words", PROBLEMS.values(), ids=PROBLEMS)
def test_fleet_has_the_curves_of_the_reference_engine(train: Train, client: MlflowClient, words: str) -> None:
    swept_words = (*([] if "max_epochs" in words else ["trainer.max_epochs=2"]), *words.split())
    together, alone = (swept(train, *swept_words, *more) for more in ((), (ALONE,)))
    assert engines(client, together) == {"fleet"}
    assert engines(client, alone) == {"lightning"}
    first, second = curves(together), curves(alone)
    assert first[[*POINT, "epoch"]].equals(second[[*POINT, "epoch"]])
    difference = (first["value"] - second["value"]).abs().max()
    assert difference <= (1e-4 if "mlp" in words else 1e-6)
    same = ["name", "group", "job", "outcome", "status", "optimizer.lr", "seed", "trainer.max_epochs"]
    pd.testing.assert_frame_equal(together[same], alone[same])


@pytest.mark.slow
@pytest.mark.fast
def test_wrong_order_and_wrong_rate_would_be_noticed(train: Train, uri: str) -> None:
    first = curves(swept(train, "trainer.max_epochs=2"))
    for wrong in ("order_seed=1", "optimizer.lr=0.0101", "init_seed=1"):
        second = curves(swept(train, "trainer.max_epochs=2", wrong))
        assert (first["value"] - second["value"]).abs().max() > 1e-5


def test_chunks_do_not_change_a_bit_and_have_a_file_each(train: Train, client: MlflowClient) -> None:
    words = ("seed=range(0,5)", "optimizer=adam,sgd", "trainer.max_epochs=2")
    whole, parts = swept(train, *words), swept(train, *words, "trainer.max_members=3", "tracking.reuse=false")
    assert curves(whole).equals(curves(parts))
    tags = [client.get_run(run).data.tags["seedsweep.weights"] for run in parts["run"]]
    assert len({tag.split("#")[0] for tag in tags}) == 4
    assert len({client.get_run(run).data.tags["seedsweep.weights"].split("#")[0] for run in whole["run"]}) == 1
    for one, other in zip(whole["run"], parts["run"], strict=True):
        for left, right in zip(*(seedsweep.load_model(run).parameters() for run in (one, other)), strict=True):
            assert torch.equal(left, right)


EXHAUSTING = """
import torch

class Exhausting(torch.optim.SGD):
    def step(self, closure=None):
        (first, *_), wide = self.param_groups[0]["params"], 300
        if first.shape[-1] > wide and len(first) > 3:  # of a fleet
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().step(closure)
"""


def test_a_fleet_that_the_memory_does_not_hold_is_halved(
    train: Train, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exhausting.py").write_text(EXHAUSTING)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ("optimizer._target_=exhausting.Exhausting", "model=mlp", "model.hidden=[64]", "seed=range(0,7)")
    words = (*words, "trainer.max_epochs=2")
    whole, parts = swept(train, *words), swept(train, *words, "trainer.max_members=3", "tracking.reuse=false")
    assert engines(client, whole) == {"fleet"}
    assert set(whole["outcome"]) == {"finished"}
    assert len({client.get_run(run).data.tags["seedsweep.weights"].split("#")[0] for run in whole["run"]}) == 3
    assert curves(whole).equals(curves(parts))


def test_model_of_a_member_predicts_as_that_of_the_reference(train: Train, uri: str) -> None:
    words = ("seed=0,1", "optimizer=adam", "optimizer.lr=0.1", "model=mlp", "trainer.max_epochs=2")
    together, alone = swept(train, *words), swept(train, *words, ALONE)
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)) * 100
    for position in range(2):
        with torch.no_grad():
            left, right = (seedsweep.load_model(runs["run"][position])(x) for runs in (together, alone))
        assert torch.allclose(left, right, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(*(seedsweep.load_model(run)(x) for run in together["run"]), atol=1e-2)


def objectives(train: Train, *words: str) -> list[list[str]]:
    """The rows of the table of an untracked sweep, which shows the jobs' values."""
    ended = train("-m", "tracking=none", *words)
    assert ended.code == 0, ended.err
    return sorted(line.split() for line in ended.out.splitlines() if " of " in line and " lr=" in line)


@pytest.mark.parametrize(
    ("metric", "select"), [("val/loss", "last"), ("train/accuracy", "best"), ("val/loss", "best"), ("val/loss", "auc")]
)
def test_objectives_are_those_of_the_reference(train: Train, metric: str, select: str) -> None:
    words = ("optimizer=sgd,adam", "optimizer.lr=0.1,3", "trainer.max_epochs=3")
    words = (*words, f"objective.select={select}", f"objective.metric={metric}")
    together = objectives(train, *words)
    assert together == objectives(train, *words, ALONE)
    assert len(together) == 4


def test_diverging_member_touches_no_other(train: Train, client: MlflowClient) -> None:
    words = ("optimizer=sgd,adam", "seed=0,1", "trainer.max_epochs=2")
    with_it, without = swept(train, *words, "optimizer.lr=0.1,1e6"), swept(train, *words, "optimizer.lr=0.1")
    diverged = with_it["optimizer.lr"] == 1e6
    assert set(with_it[diverged]["outcome"]) == {"diverged"}
    assert set(with_it[~diverged]["outcome"]) == {"finished"}
    left = curves(with_it)
    left = left[left["name"].isin(without["name"])].reset_index(drop=True)
    assert left.equals(curves(without))
    assert runs_in(client, "sweep")[0].info.status == "FINISHED"


def test_diverged_runs_are_those_of_the_reference(train: Train, uri: str) -> None:
    words = ("optimizer=sgd,adam", "optimizer.lr=1e6,30", "trainer.max_epochs=2")
    together, alone = swept(train, *words), swept(train, *words, ALONE)
    assert together["outcome"].tolist() == alone["outcome"].tolist()
    assert "diverged" in together["outcome"].tolist()
    assert curves(together)[POINT].equals(curves(alone)[POINT])


@pytest.mark.fast
def test_table_has_every_group_and_no_nan(train: Train) -> None:
    words = ("-m", "optimizer=sgd,adam", "optimizer.lr=0.1,1e6", "seed=0,1", "trainer.max_epochs=1", "compare=true")
    ended = train(*words)
    assert "nan" not in ended.out
    assert "None" not in ended.out
    table = ended.out.partition("mean ± sd")[0]
    rows = [line.split() for line in table.splitlines() if " of " in line and " lr=" in line]
    assert sorted((row[0], row[1], row[2]) for row in rows) == [
        *[("adam", "lr=0.1", "2"), ("adam", "lr=1000000", "0")],
        *[("sgd", "lr=0.1", "2"), ("sgd", "lr=1000000", "0")],
    ]


@pytest.mark.slow
def test_verbose_says_where_the_time_went(uri: str) -> None:
    process = start("-m", "hydra.verbose=[seedsweep]", "seed=0,1", "trainer.max_epochs=1")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    (line,) = [line for line in (out + err).splitlines() if "2 runs: planning" in line]
    for part in ("planning", "training", "tracking"):
        assert f"{part} 0." in line or f"{part} 1." in line
    for part in ("composing and checking 2 jobs: ", "composing: ", "closing: "):
        assert part in out + err


def test_sweep_leaves_one_file_of_jobs_and_no_progress(train: Train, tmp_path: Path) -> None:
    train("-m", "hydra.sweep.dir=here", "seed=0,1", "trainer.max_epochs=1")
    assert sorted(file.name for file in (tmp_path / "here").iterdir()) == ["jobs.jsonl", "multirun.yaml"]


def test_password_of_the_store_is_not_in_the_file_of_jobs(train: Train, server: str, tmp_path: Path) -> None:
    address = server.replace("http://", "http://me:s3cret@")
    words = ("tracking=server", f"tracking.uri={address}", "seed=0,1", "trainer.max_epochs=1", "hydra.sweep.dir=here")
    words = (*words, "tracking.reuse=false")  # of other tests' runs on this server
    assert train("-m", *words).code == 0
    text = (tmp_path / "here" / "jobs.jsonl").read_text()
    assert "me:***@127.0.0.1" in text
    assert "s3cret" not in text


def long_fleet(client: MlflowClient) -> Forked:
    """A sweep whose fleet is being trained."""
    process = start("-m", *ENDLESS, "seed=range(0,6)", "hydra.sweep.dir=here")
    wait_for(lambda: is_training(Path("here")) or process.poll() is not None)
    assert process.poll() is None
    return process


@pytest.mark.slow
def test_killed_fleet_can_be_seen_to_be_unfinished(client: MlflowClient) -> None:
    process = long_fleet(client)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (parent,) = runs_in(client, "sweep")
    assert parent.info.status == "RUNNING"
    assert not [run for run in runs_in(client) if "seedsweep.outcome" in run.data.tags or run.info.status != "RUNNING"]
    assert seedsweep.load_runs("latest")["outcome"].tolist() == ["missing"] * 6


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_fleet_ends_as_killed(client: MlflowClient, number: signal.Signals, code: int) -> None:
    process = long_fleet(client)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert process.returncode == code
    assert "Traceback" not in out + err
    assert "Interrupted: the runs that had finished are recorded" in err
    (parent,) = runs_in(client, "sweep")
    assert parent.info.status == "KILLED"
    assert parent.data.tags["seedsweep.missing"] == "6"
    assert not [run for run in runs_in(client) if run.info.status == "RUNNING"]
    assert not list(Path("here").glob(".progress-*"))


def test_untracked_fleet_leaves_nothing(train: Train, client: MlflowClient) -> None:
    ended = train("-m", "tracking=none", "optimizer=sgd,adam", "trainer.max_epochs=1")
    assert ended.code == 0
    assert "2 runs: 2 finished" in ended.out
    assert not runs_in(client)


def test_server_holds_the_same_fleet_as_a_database(train: Train, uri: str, server: str) -> None:
    words = ("optimizer=sgd,adam", "optimizer.lr=0.1,1e6", "trainer.max_epochs=2")
    local = swept(train, *words)
    assert train("-m", *words, "tracking=server", f"tracking.uri={server}").code == 0
    remote = seedsweep.load_runs("latest", server)
    different = ["run", "sweep", "started", "seconds"]
    pd.testing.assert_frame_equal(local.drop(columns=different), remote.drop(columns=different))
    x = torch.ones(1, 4)
    for one, other in zip(local["run"], remote["run"], strict=True):
        assert torch.equal(seedsweep.load_model(one)(x), seedsweep.load_model(other, server)(x))
