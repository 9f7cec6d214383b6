"""`hydra/sweeper=until_sure`: seeds are bought in rounds until the answer is there, and by nobody twice."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.killed import sweep_until
from shared.stores import runs_in

import seedsweep
from seedsweep.comparison.until_sure import Sequential

Train = Callable[..., Ended]
SURE = ("-m", "hydra/sweeper=until_sure", "trainer.max_epochs=1")
RATES = ("optimizer=sgd,adam", "optimizer.lr=0.01,0.5")
FEW = ("hydra.sweeper.max_seeds=15", "hydra.sweeper.confirm_seeds=3")


def sweep_of(client: MlflowClient) -> dict[str, str]:
    (parent,) = runs_in(client, "sweep")
    return dict(parent.data.tags)


def losses_of(runs: pd.DataFrame) -> np.ndarray:
    """The losses (cells, seeds) of the seeds that were decided by, nan where a cell got none."""
    decided = runs[runs["seed"] < 1000]
    names = list(dict.fromkeys(decided.sort_values("job")["group"]))
    return decided.pivot_table(index="group", columns="seed", values="val/loss").loc[names].to_numpy()


@pytest.mark.fast
def test_the_decision_follows_from_the_runs_that_are_recorded(
    train: Train, client: MlflowClient, tmp_path: Path
) -> None:
    ended = train(*SURE, *RATES, *FEW)
    assert ended.code == 0, ended.err
    runs, tags = seedsweep.load_runs("latest"), sweep_of(client)
    judge = Sequential(["sgd", "sgd", "adam", "adam"], max_seeds=15)
    state = judge.observe(losses_of(runs))
    assert state.sentence(0.95) in ended.out
    assert tags["seedsweep.answer"].startswith(state.sentence(0.95))
    assert state.runs + 2 * 3 == len(runs) == int(tags["seedsweep.finished"])
    assert "10 seeds, 40 of at most 60 runs: " in ended.out
    (parent,) = runs_in(client, "sweep")
    table = pd.read_csv(client.download_artifacts(parent.info.run_id, "cells.csv", str(tmp_path)))
    assert table["seeds"].sum() == state.runs
    assert table["fresh"].notna().sum() == 2


def test_an_option_wins_by_a_fraction_of_the_runs(train: Train, client: MlflowClient, compare: Train) -> None:
    ended = train(*SURE, "optimizer=sgd,adam", "optimizer.lr=1e-4,0.3", "hydra.sweeper.confirm_seeds=0")
    assert "wins; sure at 95 % after" in ended.out or "cannot be told apart" in ended.out
    assert len(runs_in(client)) < 400
    again = compare()
    assert sweep_of(client)["seedsweep.answer"].split(" | ")[0] in again.out
    assert "dropped after" in again.out


def test_a_sweep_that_was_ended_goes_on_and_decides_the_same(
    train: Train, client: MlflowClient, tmp_path: Path, empty_store: Path
) -> None:
    whole = train(*SURE, *RATES, *FEW)
    answer = sweep_of(client)["seedsweep.answer"]
    store = tmp_path / "killed.db"
    store.write_bytes(empty_store.read_bytes())
    words = (*SURE[1:], *RATES, *FEW)
    first = sweep_until(tmp_path, f"sqlite:///{store}", *words)
    store.write_bytes(empty_store.read_bytes())
    for fraction in (0.3, 0.6, 0.9):
        assert sweep_until(tmp_path, f"sqlite:///{store}", *words, at=int(fraction * first.events)).killed
    last = sweep_until(tmp_path, f"sqlite:///{store}", *words)
    assert last.code == 0, last.out
    killed = MlflowClient(f"sqlite:///{store}")
    assert sweep_of(killed)["seedsweep.answer"] == answer
    runs = runs_in(killed)
    assert {run.info.status for run in runs} == {"FINISHED"}
    keys = {run.data.tags["seedsweep.key"] for run in runs}
    assert len(keys) == len(runs) == len(runs_in(client)) == int(sweep_of(killed)["seedsweep.planned"])
    assert answer.split(" | ")[0] in whole.out


def test_more_seeds_go_on_with_the_same_sweep(train: Train, client: MlflowClient) -> None:
    few = ("optimizer=momentum,nesterov", "hydra.sweeper.margin=0", "hydra.sweeper.confirm_seeds=0")
    assert "not sure after 20 of at most 20 runs" in train(*SURE, *few, "hydra.sweeper.max_seeds=10").out
    more = train(*SURE, *few, "hydra.sweeper.max_seeds=20")
    assert more.code == 0, more.err
    runs = seedsweep.load_runs("latest")
    assert len(runs_in(client, "sweep")) == 1
    assert sorted(runs["seed"].unique()) == list(range(len(runs) // 2))
    assert len(runs) > 20


def test_seeds_that_chose_the_cells_do_not_judge_them(train: Train, client: MlflowClient) -> None:
    first = ("hydra.sweeper.max_seeds=10", "hydra.sweeper.confirm_seeds=0", "hydra.sweeper.margin=0")
    assert train(*SURE, "optimizer=sgd,adam", "optimizer.lr=0.3", *first).code == 0
    more = ("optimizer=sgd,adam", "optimizer.lr=0.1,0.3", *first)
    refused = train(*SURE, *more, "hydra.sweeper.first_seed=5")
    assert refused.code == 1
    assert "cells that are chosen after that need fresh seeds: hydra.sweeper.first_seed=10" in refused.err
    assert len(runs_in(client, "sweep")) == 1
    fresh = train(*SURE, *more)
    assert fresh.code == 0, fresh.err
    assert "Seeds begin at 10: sweep " in fresh.out
    assert seedsweep.load_runs("latest")["seed"].min() == 10
    for words in (more, ("optimizer=sgd,adam", "optimizer.lr=0.3", *first)):  # each goes on with its own sweep
        assert train(*SURE, *words).code == 0
    assert len(runs_in(client, "sweep")) == 2


def test_looks_of_a_strict_test_are_fixed_beforehand(train: Train) -> None:
    few = ("optimizer=sgd,adam", "optimizer.lr=0.3", "hydra.sweeper.test=strict", "hydra.sweeper.confirm_seeds=0")
    assert train(*SURE, *few, "hydra.sweeper.max_seeds=10").code == 0
    refused = train(*SURE, *few, "hydra.sweeper.max_seeds=20")
    assert "hydra.sweeper.max_seeds=20: was 10" in refused.err


def test_several_data_sets_have_an_answer_each_and_one_over_all(train: Train, client: MlflowClient) -> None:
    words = ("data=iris,wine", "model=softmax_regression", "optimizer=sgd,adam", "optimizer.lr=0.1")
    ended = train(*SURE, *words, "hydra.sweeper.max_seeds=15", "hydra.sweeper.confirm_seeds=2")
    assert ended.code == 0, ended.err
    answers = sweep_of(client)["seedsweep.answer"].split(" | ")
    assert [answer.split(": ")[0] for answer in answers] == ["iris", "wine", "over all", "iris", "wine"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("optimizer=sgd,adam", "seed=0,1"), "until_sure buys the seeds: hydra.sweeper.first_seeds=10"),
        (("optimizer=sgd",), "is the only option"),
        (("optimizer=sgd,adam", "hydra.sweeper.first_seeds=1"), "hydra.sweeper.first_seeds=1"),
        (("optimizer=sgd,adam", "hydra.sweeper.max_seeds=5"), "hydra.sweeper.max_seeds=5"),
        (("optimizer=sgd,adam", "hydra.sweeper.confidence=1"), "hydra.sweeper.confidence=1"),
        (("optimizer=sgd,adam", "hydra.sweeper.test=t"), "hydra.sweeper.test=t"),
        (("optimizer=sgd,adam", "hydra.sweeper.by=optimiser"), "did you mean optimizer?"),
        (("optimizer=sgd,adam", "hydra.sweeper.margin=-1"), "hydra.sweeper.margin=-1"),
        (("optimizer=sgd,adam", "init_seed=0", "order_seed=0"), "trains the same run"),
        (("optimizer=sgd,adam", "hydra.sweeper.first_seed=-1"), "hydra.sweeper.first_seed=-1"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_anything_is_recorded(
    train: Train, client: MlflowClient, words: tuple[str, ...], said: str
) -> None:
    ended = train(*SURE, *words)
    assert ended.code == 1
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not runs_in(client, "sweep")


def test_the_parent_run_says_how_far_it_has_come(train: Train, client: MlflowClient) -> None:
    assert train(*SURE, *RATES, *FEW).code == 0
    (parent,) = runs_in(client, "sweep")
    history = client.get_metric_history(parent.info.run_id, "bought_runs")
    assert history[0].value == 40
    assert json.loads(parent.data.tags["seedsweep.owner"])["pid"]
    assert int(parent.data.tags["seedsweep.seen_seeds"]) in (10, 15)
