"""The runs of a trial that is given up leave, in a fleet and one by one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState
from shared.commands import Ended
from shared.searches import ADAM, PER, PER_OPTION, RATES, SMALL, Train, studies
from shared.stores import runs_in

import seedsweep
from seedsweep.config.composing import Composed
from seedsweep.outcomes import STOPPED_EPOCH, Column
from seedsweep.search.aggregate import Aggregate
from seedsweep.search.pruning import Pruning
from seedsweep.tracking.reader import load_curves, load_runs


def test_pruned_trials_leave_their_fleet_and_are_not_confirmed(
    train: Callable[..., Ended], tmp_path: Path, uri: str
) -> None:
    longer = ("trainer.max_epochs=8", "hydra/sweeper/pruner=median", "hydra.sweeper.pruner.n_startup_trials=2")
    more = ("hydra.sweeper.n_trials=12", "hydra.sweeper.n_jobs=4", "hydra.sweeper.seeds=2", "hydra.sweeper.confirm=1")
    ended = train(*ADAM, RATES, *longer, *more, "hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=0")
    assert ended.code == 0, ended.err
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path}/optuna.db")
    pruned = study.get_trials(states=[optuna.trial.TrialState.PRUNED])
    assert pruned
    assert len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE])) == 12 - len(pruned)
    runs, curves = load_runs("latest", uri), load_curves("latest", uri)
    left = runs[runs["outcome"] == "pruned"]
    assert len(left) == 2 * len(pruned)
    epochs = curves[curves["metric"] == "val/loss"].groupby("run")["epoch"].max() + 1
    trained = dict(zip(left["optimizer.lr"], epochs[left["run"]], strict=True))
    for trial in pruned:
        assert trained[trial.params["optimizer.lr"]] == trial.last_step < 8
        assert trial.value == trial.intermediate_values[trial.last_step]
    assert set(epochs[runs.loc[runs["outcome"] == "finished", "run"]]) == {8}


def test_runs_trained_one_by_one_are_pruned_too(train: Train, client: MlflowClient, tmp_path: Path, uri: str) -> None:
    longer = ("trainer.max_epochs=6", "hydra/sweeper/pruner=median", "hydra.sweeper.pruner.n_startup_trials=2")
    more = ("hydra.sweeper.n_trials=8", "hydra.sweeper.n_jobs=2", "hydra.sweeper.seeds=2", "hydra.sweeper.confirm=0")
    sampler = ("hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=0", "trainer.engine=lightning")
    ended = train(*PER_OPTION, "optimizer=adam", *longer, *more, *sampler)
    assert ended.code == 0, ended.err
    (study,) = studies(tmp_path).values()
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert pruned
    runs, curves = seedsweep.load_runs("latest", uri), seedsweep.load_curves("latest", uri)
    assert {run.data.tags["seedsweep.engine"] for run in runs_in(client)} == {"lightning"}
    assert (runs["outcome"] == "pruned").sum() == 2 * len(pruned)
    epochs = curves[curves["metric"] == "val/loss"].groupby("run")["epoch"].max() + 1
    assert epochs[runs.loc[runs["outcome"] == "pruned", "run"]].max() < 6


def test_choice_that_is_suggested_twice_in_a_round_is_pruned_twice() -> None:
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.5))
    one, two, other = study.ask(), study.ask(), study.ask()
    pruning = Pruning("val/loss", Aggregate(["minimize"]))
    pruning.begin({one: [["x=1"]], two: [["x=1"]], other: [["x=2"]]})
    jobs = [Composed(position, (f"x={2 - position}",), {"trainer": {"max_epochs": 3}}, {}) for position in range(2)]
    column = Column("val/loss", 1, 0, 0, np.arange(2), np.array([0.4, 0.6]))
    assert pruning(jobs, [column]) == [1]
    assert pruning.pruned == {one, two}
    assert pruning.pruned_jobs == {"x=1"}


def test_run_that_stopped_early_counts_with_its_last_value() -> None:
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.5))
    trial = study.ask()
    pruning = Pruning("val/loss", Aggregate(["minimize"]))
    pruning.begin({trial: [["x=0"], ["x=1"]]})
    jobs = [Composed(position, (f"x={position}",), {"trainer": {"max_epochs": 4}}, {}) for position in range(2)]
    both, left = np.arange(2), np.array([1])
    stopped = Column(STOPPED_EPOCH, 1, 0, 0, np.array([0]), np.array([0.0]))
    assert pruning(jobs, [Column("val/loss", 1, 0, 0, both, np.array([0.4, 0.4])), stopped]) == []
    assert pruning(jobs, [Column("val/loss", 2, 1, 0, left, np.array([0.3]))]) == []
    assert pruning(jobs, [Column("val/loss", 3, 2, 0, left, np.array([0.8]))]) == [0, 1]
    assert pruning.pruned_jobs == {"x=1"}, "the other came to its end"
    assert study.trials[0].intermediate_values == pytest.approx({1: 0.4, 2: 0.35, 3: 0.6})


@pytest.mark.parametrize("pruner", ["patient", "wilcoxon", "halving", "hyperband"])
def test_every_pruner_can_be_chosen(train: Train, pruner: str) -> None:
    ended = train(*PER, "optimizer=adam", *SMALL, f"hydra/sweeper/pruner={pruner}")
    assert ended.code == 0, ended.err
