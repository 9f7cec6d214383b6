"""A wrong search is answered in a line, with its key, before anything is recorded."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.searches import RATES, SEARCH


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([RATES, "hydra.sweeper.direction=maximize"], "hydra.sweeper.direction=maximize: objective.metric=val/loss"),
        ([RATES, "objective.metric=val/accuracy"], "needs maximize"),
        ([RATES, "objective.metric=val/nothing"], "objective.metric=val/nothing: must be one of train/loss"),
        ([RATES, "seed=1", "hydra.sweeper.seeds=2"], "hydra.sweeper.seeds=2: seed is given"),
        ([RATES, "hydra.sweeper.seeds=[1,1]"], "different seeds"),
        ([RATES, "hydra.sweeper.aggregate=best"], "must be one of mean, median, worst, mean_sd"),
        ([RATES, "hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials=0: must be an integer"),
        ([RATES, "hydra/sweeper/sampler=grid"], "cannot be searched by a grid"),
        ([RATES, "hydra/sweeper/sampler=annealing"], "must be one of cmaes, gp, grid"),
        ([RATES, "+hydra.sweeper.sampler.sed=1"], "; did you mean seed?"),
        ([RATES, "hydra.sweeper.sampler._target_=os.path"], "must be a subclass"),
        ([RATES, "hydra/sweeper/pruner=guess"], "must be one of"),
        ([RATES, "hydra.sweeper.storage=postgresql+psycopg://me:secret@127.0.0.1:1/x"], "cannot be used"),
        ([RATES, "hydra.sweeper.custom_search_space=nowhere.at_all"], "hydra.sweeper.custom_search_space=nowhere"),
        (["optimizer.lr=0.1"], "nothing is searched"),
        (["optimizer.lr=tag(log, interval(0, 1))"], "logarithm"),
        (["optimizer.lr=interval(-2,-1)"], "must be a finite number greater than 0"),
        (
            ["optimizer.lrr=interval(0,1)"],
            "optimizer.lrr=0.0 to 1.0: there is no key optimizer.lrr; did you mean optim",
        ),
        ([RATES, "lr=0.1"], "lr=0.1: there is no key lr; did you mean optimizer.lr?"),
        ([RATES, "+lr=0.1"], "+lr=0.1: nothing uses a key lr; did you mean optimizer.lr?"),
        ([RATES, "seeds=5"], "seeds=5: there is no key seeds; did you mean hydra.sweeper.seeds?"),
        ([RATES, "hydra.sweeper.n_trial=9"], "did you mean hydra.sweeper.n_trials?"),
        (["seed=range(0,3)"], "the luckiest seed win; hydra.sweeper.seeds=5 trains every trial with five"),
        ([RATES, "hydra.sweeper.pruner=median"], "choose its option by hydra/sweeper/pruner=median"),
        ([RATES, "hydra.sweeper.sampler=random"], "choose its option by hydra/sweeper/sampler=random"),
        (
            [RATES, "+hydra.sweeper.n_trial=9"],
            "there is no key n_trial; did you mean n_trials?",
        ),
        ([RATES, "hydra.sweeper.seeds=[2147483647]"], "after which there is room for fresh ones"),
    ],
)
def test_wrong_search_is_answered_before_anything_is_recorded(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path, wrong: list[str], said: str
) -> None:
    ended = train(*SEARCH, *wrong)
    assert ended.code == 1
    assert said in ended.err
    assert "secret" not in ended.err
    assert "Traceback" not in ended.err
    assert not client.search_experiments(filter_string="name != 'Default'")
    assert not (tmp_path / "optuna.db").exists() or not optuna.get_all_study_names(f"sqlite:///{tmp_path}/optuna.db")


@pytest.mark.parametrize("metric", ["test/loss", "steps_to_target"])
def test_pruner_needs_a_metric_of_every_epoch(train: Callable[..., Ended], metric: str) -> None:
    words = (f"objective.metric={metric}", "trainer.target.value=0.3")
    ended = train(*SEARCH, RATES, "hydra/sweeper/pruner=median", *words)
    assert ended.code == 1
    assert "a pruner needs a metric of every epoch" in ended.err
