"""Sweeps in groups: the same answers from chunk files, gone on with, and their runs never trained again."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import curves_by_name, runs_in

import seedsweep
from seedsweep.config import detail
from seedsweep.config.detail import chosen_detail
from seedsweep.errors import ConfigError
from seedsweep.lifecycle import run_many
from seedsweep.tracking.recorded_sweeps import find_sweeps
from seedsweep.tracking.weights import COPIED_FROM

Train = Callable[..., Ended]
WORDS = ("-m", "trainer.max_epochs=1", "compare=false", "optimizer=sgd,adam", "optimizer.lr=0.01,0.1")
IN_GROUPS = "tracking.detail=groups"
GRID = ("hydra/sweeper/sampler=grid", "hydra.sweeper.confirm=0")


def chunks(folder: str = "runs") -> list[Path]:
    return sorted(Path.cwd().glob(f"artifacts/*/*/artifacts/{folder}/*.*"))


@pytest.mark.fast
def test_a_sweep_in_groups_gives_the_answers_of_one_in_runs(train: Train, client: MlflowClient) -> None:
    printed = [
        train(*WORDS, "seed=0,1,2", "trainer.max_members=5", "tracking.reuse=false", f"tracking.detail={name}").out
        for name in ("runs", "groups")
    ]
    tables = [[line for line in out.splitlines() if " lr=0." in line and "3 of 3" in line] for out in printed]
    assert len(tables[0]) == 4
    assert tables[0] == tables[1]
    in_groups, in_runs = (seedsweep.open(sweep.run_id) for sweep in find_sweeps(os.environ["MLFLOW_TRACKING_URI"]))
    assert len(chunks()) == len(chunks("curves")) == 3
    assert repr(in_groups).splitlines()[1:] == repr(in_runs).splitlines()[1:]
    assert str(in_groups.compare().verdicts) == str(in_runs.compare().verdicts)
    own = ["run"]
    pd.testing.assert_frame_equal(in_groups.compare().bands, in_runs.compare().bands)
    pd.testing.assert_frame_equal(in_groups.compare().runs.drop(columns=own), in_runs.compare().runs.drop(columns=own))
    assert in_groups.model().state_dict().keys() == in_runs.model().state_dict().keys()
    assert len(runs_in(client)) == 12
    assert len(runs_in(client, "best")) == len(runs_in(client, "group")) == 4


def test_the_mean_curves_and_best_runs_are_those_of_a_comparison(
    train: Train, compare: Train, client: MlflowClient
) -> None:
    assert train(*WORDS, "seed=0,1,2", IN_GROUPS).code == 0
    own = {run.info.run_name: run.data.metrics for run in runs_in(client, "group")}
    runs = seedsweep.load_runs("latest")
    best = runs.loc[runs.groupby("group")["val/loss"].idxmin(), "run"]
    assert {run.info.run_id for run in runs_in(client, "best")} == set(best)
    assert compare("figures=null").code == 0
    compared = {run.info.run_name: run.data.metrics for run in runs_in(client, "group")}
    assert own.keys() == compared.keys()
    for name, metrics in own.items():
        assert metrics == pytest.approx(compared[name], rel=1e-9, nan_ok=True)


def test_the_best_runs_are_written_anew_where_a_sweep_in_groups_goes_on(train: Train, client: MlflowClient) -> None:
    words = (*WORDS, "seed=0,1,2", "trainer.max_members=5", IN_GROUPS)
    assert train(*words).code == 0
    chunks()[1].unlink()
    (parent,) = runs_in(client, "sweep")
    client.set_terminated(parent.info.run_id, "KILLED")
    assert train(*words).out.count("of 12 runs are in the store; training") == 1
    assert len(chunks()) == 3
    assert seedsweep.load_runs("latest")["job"].tolist() == list(range(12))
    assert len(runs_in(client, "best")) == len(runs_in(client, "group")) == 4
    assert len(runs_in(client, "sweep")) == 1
    assert "all 12 runs are in the store" in train(*words).out


def test_runs_in_chunks_are_never_trained_again(train: Train, client: MlflowClient) -> None:
    assert train(*WORDS, "seed=0", "tracking.detail=runs").code == 0
    assert "4 of 8 runs are in the store; training 4" in train(*WORDS, "seed=0,1", IN_GROUPS).out
    assert "4 of 8 runs are in the store; training 4" in train(*WORDS, "seed=1,2", "tracking.detail=runs").out
    assert "all 8 runs are in the store" in train(*WORDS, "seed=0,2", IN_GROUPS).out
    tags = [sweep.tags for sweep in find_sweeps(os.environ["MLFLOW_TRACKING_URI"])]
    assert [tag.get("seedsweep.copied") for tag in tags] == ["8", "4", "4", None]
    curves: dict[str, pd.DataFrame] = {}
    for sweep in find_sweeps(os.environ["MLFLOW_TRACKING_URI"]):
        runs = seedsweep.load_runs(sweep.run_id)
        assert set(runs["outcome"]) == {"finished"}
        points = seedsweep.load_curves(sweep.run_id).set_index("run")
        for name, run in zip(runs["name"], runs["run"], strict=True):
            own = points.loc[run].sort_values(["metric", "step"]).reset_index(drop=True)
            pd.testing.assert_frame_equal(own, curves.setdefault(name, own))
            assert seedsweep.load_model(run) is not None


@pytest.mark.parametrize(
    "words",
    [
        ("hydra/sweeper=until_sure", "hydra.sweeper.first_seeds=3", "hydra.sweeper.max_seeds=3"),
        ("hydra/sweeper=optuna", "hydra.sweeper.seeds=3", "hydra.sweeper.n_trials=4", *GRID),
    ],
    ids=["until sure", "a search"],
)
def test_sweeps_that_choose_their_runs_find_them_in_chunks(
    train: Train, client: MlflowClient, words: tuple[str, ...]
) -> None:
    assert train(*WORDS, "seed=0,1,2", "trainer.max_members=5", IN_GROUPS).code == 0
    in_groups = curves_by_name("latest")
    assert train(*WORDS, *words).code == 0
    assert sum(COPIED_FROM in run.data.tags for run in runs_in(client)) == 12
    chosen = curves_by_name("latest")
    assert chosen[chosen["name"].isin(in_groups["name"])].reset_index(drop=True).equals(in_groups)


@pytest.mark.parametrize("sweeper", ["until_sure", "optuna"])
def test_sweeps_that_choose_their_runs_are_not_in_groups(train: Train, sweeper: str) -> None:
    ended = train(*WORDS, f"hydra/sweeper={sweeper}", IN_GROUPS)
    assert ended.code == 1
    assert "tracking.detail=groups: is for grids of configurations; here it must be runs, or null" in ended.err
    assert "Traceback" not in ended.err


def test_what_is_asked_of_a_run_in_a_chunk_decides_whether_it_counts(train: Train, uri: str) -> None:
    train(*WORDS, "seed=0", IN_GROUPS)
    for more in ("trainer.norms=true", "trainer.log_every_n_steps=1", "metrics=[f1]", "trainer.engine=lightning"):
        assert "in the store" not in train(*WORDS, "seed=0", IN_GROUPS, more).out


def test_runs_that_train_one_by_one_are_mlflows_and_counted_with_those_in_chunks(
    train: Train, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = run_many.refuse_optimizer
    monkeypatch.setattr(
        run_many, "refuse_optimizer", lambda config: "adam" if "Adam" in str(config["optimizer"]) else refuse(config)
    )
    assert train(*WORDS[:4], "seed=0,1", IN_GROUPS).code == 0
    runs = seedsweep.load_runs("latest")
    assert (len(runs), len(runs_in(client))) == (4, 2)
    assert set(seedsweep.load_curves("latest")["run"]) == set(runs["run"])
    assert runs["job"].tolist() == [0, 1, 2, 3]
    assert len(runs_in(client, "group")) == 2


def test_sweeps_of_very_many_runs_are_in_groups_by_themselves_and_say_so(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detail, "MANY", 4)
    assert "4 runs: chunk files hold them" in train(*WORDS, "seed=0").out
    assert len(chunks()) == 1
    assert "chunk files" not in train(*WORDS, "seed=0,1", "tracking.detail=runs").out
    assert "chunk files" not in train(*WORDS[:4], "seed=1,2,3", "optimizer=adam").out
    went_on = train(*WORDS, "seed=0", "tracking.detail=runs")
    assert "all 4 runs are in the store" in went_on.out


def test_a_server_keeps_chunks_among_its_artifacts(train: Train, server: str) -> None:
    words = (*WORDS, f"tracking.uri={server}", "experiment=chunks")
    assert train(*words, "seed=0", "tracking.detail=runs").code == 0
    assert "4 of 8 runs are in the store; training 4" in train(*words, "seed=0,1", IN_GROUPS).out
    assert "all 4 runs are in the store" in train(*words, "seed=1", "tracking.detail=runs").out
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("chunks").experiment_id
    parents = client.search_runs([experiment], "tags.`seedsweep.kind` = 'sweep'")
    assert [parent.data.tags.get("seedsweep.copied") for parent in parents] == ["4", "4", None]
    first, grouped, last = (seedsweep.load_runs(parent.info.run_id, server) for parent in parents[::-1])
    for runs, sweep in ((first, parents[2]), (last, parents[0])):
        for name, value in zip(runs["name"], runs["val/loss"], strict=True):
            assert grouped.set_index("name")["val/loss"][name] == value
        of_name = seedsweep.load_curves(sweep.info.run_id, server).merge(runs[["run", "name"]], on="run")
        in_groups = seedsweep.load_curves(parents[1].info.run_id, server).merge(grouped[["run", "name"]], on="run")
        both = of_name.merge(in_groups, on=["name", "metric", "step", "epoch"])
        assert len(both) == len(of_name)
        assert both["value_x"].equals(both["value_y"])
    for run in (*grouped["run"], *last["run"]):
        assert seedsweep.load_model(run, server) is not None
    for kind in ("best", "group"):
        assert len(client.search_runs([experiment], f"tags.`seedsweep.kind` = '{kind}'")) == 4


@pytest.mark.parametrize(("asked", "runs", "chosen"), [(None, 99_999, "runs"), (None, 100_000, "groups")])
def test_the_detail_is_chosen_by_the_number_of_runs(asked: str | None, runs: int, chosen: str) -> None:
    assert chosen_detail(asked, runs) == chosen
    assert chosen_detail(asked, runs, ["runs"]) == "runs"
    assert chosen_detail("groups", 1) == "groups"
    with pytest.raises(ConfigError, match="tracking.detail=groups: is for grids"):
        chosen_detail("groups", runs, ["runs"])


@pytest.mark.parametrize("words", [("seed=0",), ("-m", "seed=0,1")])
def test_a_detail_that_there_is_not_is_refused(train: Train, words: tuple[str, ...]) -> None:
    ended = train(*words, "tracking.detail=group")
    assert ended.code == 1
    assert "tracking.detail=group: must be one of runs, groups" in ended.err
    assert not list(Path.cwd().glob("artifacts/*"))


def test_a_damaged_chunk_is_a_message(train: Train, compare: Train, client: MlflowClient) -> None:
    words = (*WORDS, "seed=0", IN_GROUPS)
    assert train(*words).code == 0
    chunks()[0].write_bytes(chunks()[0].read_bytes()[:1000])
    for ended in (train(*words), compare("figures=null")):
        assert ended.code == 1
        assert "is not what was written: its content does not go with its name" in ended.err
        assert "Traceback" not in ended.err
    others = train(*WORDS, "seed=0,1")
    assert others.code == 0
    assert "in the store" not in others.out
    chunks()[0].unlink()
    assert train(*words).code == 0
    assert set(seedsweep.load_runs("latest")["outcome"]) == {"finished"}
