"""`hydra/sweeper=optuna`: the language of hydra-optuna-sweeper, trials over seeds, and the best of them confirmed."""

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from optuna.distributions import CategoricalDistribution, FloatDistribution
from shared.commands import ROOT, Ended
from shared.stores import runs_in

from seedsweep.errors import ConfigError
from seedsweep.search.aggregate import Aggregate
from seedsweep.search.confirm import at_the_end, different
from seedsweep.search.counting import OWNER
from seedsweep.search.shared_study import SharedStudy
from seedsweep.search.storages import open_storage
from seedsweep.search.tables import sentence
from seedsweep.tracking.reader import load_curves, load_runs

ADAM = ("-m", "hydra/sweeper=optuna", "optimizer=adam", "hydra.sweep.dir=out")
SEARCH = (*ADAM, "trainer.max_epochs=1")
RATES = "optimizer.lr=tag(log, interval(1e-3, 1))"
APP = """
import hydra

@hydra.main(version_base=None, config_path=".", config_name="config")
def sphere(config):
    {body}

sphere()
"""
TPE_ONLY = """
      consider_prior: true
      n_startup_trials: 4"""
OFFICIAL = """
defaults:
  - override hydra/sweeper: optuna
  - override hydra/sweeper/sampler: tpe
hydra:
  sweeper:
    sampler:
      seed: 123
      consider_prior: true
      n_startup_trials: 4
    direction: minimize
    study_name: sphere
    storage: null
    n_trials: 12
    n_jobs: 1
    max_failure_rate: 0.0
    params:
      x: range(-5.5, 5.5, step=0.5)
      y: choice(-5, 0, 5)
x: 1
y: 1
z: foo
"""


def results(folder: Path) -> dict[str, Any]:
    actual: dict[str, Any] = yaml.safe_load((folder / "optimization_results.yaml").read_text())
    return actual


def application(folder: Path, config: str, *arguments: str, body: str = "return config.x**2 + config.y**2") -> str:
    """An application that is not ours, run to its end in a process of its own; what it printed."""
    (folder / "app.py").write_text(APP.format(body=body))
    (folder / "config.yaml").write_text(config)
    command = [sys.executable, "app.py", "-m", "hydra.sweep.dir=out", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`consider_prior`")
def test_configuration_of_the_official_sweeper_runs_unchanged(tmp_path: Path) -> None:
    application(tmp_path, OFFICIAL)
    actual = results(tmp_path / "out")
    with pytest.warns(FutureWarning, match="consider_prior"):
        sampler = optuna.samplers.TPESampler(seed=123, consider_prior=True, n_startup_trials=4)
    study = optuna.create_study(sampler=sampler)
    study.optimize(
        lambda trial: (
            trial.suggest_float("x", -5.5, 5.0, step=0.5) ** 2 + trial.suggest_categorical("y", [-5, 0, 5]) ** 2
        ),
        n_trials=12,
    )
    assert actual == {"name": "optuna", "best_params": study.best_params, "best_value": study.best_value}


@pytest.mark.slow
def test_solutions_of_several_objectives_are_written(tmp_path: Path) -> None:
    config = OFFICIAL.replace(TPE_ONLY, "").replace("direction: minimize", "direction: [minimize, maximize]")
    application(tmp_path, config, "hydra/sweeper/sampler=nsgaii", body="return config.x, config.y")
    solutions = results(tmp_path / "out")["solutions"]
    assert solutions
    assert all([item["params"]["x"], item["params"]["y"]] == item["values"] for item in solutions)


@pytest.mark.slow
def test_grid_is_searched_once_without_its_end(tmp_path: Path) -> None:
    config = OFFICIAL.replace(TPE_ONLY, "").replace("range(-5.5, 5.5, step=0.5)", "range(0, 3)")
    config = config.replace("n_trials: 12", "n_trials: 100")
    printed = application(tmp_path, config, "hydra/sweeper/sampler=grid", "hydra/launcher=basic")
    jobs = {line.split(" : ")[1] for line in printed.splitlines() if " : " in line}
    assert jobs == {f"x={x} y={y}" for x in range(3) for y in (-5, 0, 5)}


@pytest.mark.slow
def test_failures_are_tolerated_up_to_their_rate(tmp_path: Path) -> None:
    body = "return 1 / config.x"
    config = OFFICIAL.replace("range(-5.5, 5.5, step=0.5)", "0,1").replace("n_jobs: 1", "n_jobs: 6")
    config = config.replace(TPE_ONLY, "").replace("sampler: tpe", "sampler: random")
    application(tmp_path, config, "hydra.sweeper.max_failure_rate=0.9", body=body)
    assert results(tmp_path / "out")["best_params"]["x"] == 1
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        application(tmp_path, config, "hydra.sweeper.study_name=other", body=body)


@pytest.mark.slow
def test_search_without_a_best_trial_says_so(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no trial came to its end"):
        application(tmp_path, OFFICIAL, "hydra.sweeper.max_failure_rate=1", body="return 1 / 0")


def test_trial_is_the_mean_over_its_seeds_and_the_best_are_confirmed(
    train: Callable[..., Ended], tmp_path: Path, uri: str
) -> None:
    ended = train(*SEARCH, RATES, "hydra.sweeper.n_trials=4", "hydra.sweeper.seeds=3", "hydra.sweeper.confirm=2")
    assert ended.code == 0, ended.err
    runs = load_runs("latest", uri)
    trained = runs.groupby("group")["seed"].apply(sorted).tolist()
    assert sorted(trained) == [[0, 1, 2]] * 2 + [[0, 1, 2, 3, 4, 5]] * 2
    actual = results(tmp_path / "out")
    of_search = runs[runs["seed"] < 3].groupby("optimizer.lr")["val/loss"].mean()
    assert actual["best_value"] == pytest.approx(of_search.min(), rel=1e-12)
    assert actual["best_params"]["optimizer.lr"] == pytest.approx(of_search.idxmin())
    confirming = runs[runs["seed"] >= 3].groupby("optimizer.lr")["val/loss"].mean().sort_values()
    assert [item["value"] for item in actual["confirmed"]] == pytest.approx(confirming.tolist())
    best = actual["confirmed"][0]
    assert best["optimism"] == pytest.approx(best["value"] - best["searched"])
    assert best["low"] < best["value"] < best["high"]
    assert "Confirmed: optimizer.lr=" in ended.out


def test_search_goes_on_where_it_ended_and_trains_nothing_twice(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path
) -> None:
    more = ("hydra.sweeper.seeds=2", "hydra.sweeper.confirm=1", "hydra.sweeper.sampler.seed=1")
    told = (
        "of 2 trials × 2 seeds",
        "going on: 2 of 5 trials are there",
        "5 trials are there, and no more are asked for",
    )
    for n_trials, words in zip((2, 5, 5), told, strict=True):
        ended = train(*SEARCH, *more, RATES, f"hydra.sweeper.n_trials={n_trials}")
        assert ended.code == 0
        assert f"Search: the study {RATES} optimizer=adam trainer.max_epochs=1" in ended.out
        assert words in ended.out
        assert "The report: " in ended.out
        more = more[::-1]  # the order of the words is no other search
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{tmp_path}/optuna.db")
    assert study.n_trials == 5
    keys = [run.data.tags["seedsweep.key"] + run.data.params["seed"] for run in runs_in(client)]
    assert len(keys) == len(set(keys))
    assert len(runs_in(client, "sweep")) == 2
    newest = max(runs_in(client, "sweep"), key=lambda run: run.info.start_time)
    trials = pd.read_csv(client.download_artifacts(newest.info.run_id, "trials.csv", str(tmp_path)))
    searched = {run.data.tags["seedsweep.group"] for run in runs_in(client) if run.data.params["seed"] in "01"}
    assert set(trials["group"]) == searched
    assert len(searched) == 5


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
        ([RATES, "+hydra.sweeper.sampler.sed=1"], "hydra.sweeper.sampler.sed=1: TPESampler of Optuna"),
        ([RATES, "hydra.sweeper.sampler._target_=os.path"], "must be a subclass"),
        ([RATES, "hydra/sweeper/pruner=guess"], "must be one of"),
        ([RATES, "hydra.sweeper.storage=postgresql+psycopg://me:secret@127.0.0.1:1/x"], "cannot be used"),
        ([RATES, "hydra.sweeper.custom_search_space=nowhere.at_all"], "hydra.sweeper.custom_search_space=nowhere"),
        (["optimizer.lr=0.1"], "nothing is searched"),
        (["optimizer.lr=tag(log, interval(0, 1))"], "logarithm"),
        (["optimizer.lr=interval(-2,-1)"], "must be a finite number greater than 0"),
        (["optimizer.lrr=interval(0,1)"], "To append to your config use +optimizer.lrr=…"),
        (["seed=range(0,3)"], "the luckiest seed win; hydra.sweeper.seeds=5 trains every trial with five"),
        ([RATES, "hydra.sweeper.pruner=median"], "are chosen by hydra/sweeper/pruner=median"),
        ([RATES, "hydra.sweeper.sampler=random"], "are chosen by hydra/sweeper/sampler=random"),
        ([RATES, "+hydra.sweeper.n_trial=9"], "hydra.sweeper.n_trial=9: no such key; there are sampler"),
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


@pytest.mark.slow
def test_process_whose_trials_all_run_elsewhere_has_nothing_to_do(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/optuna.db")
    space = {"optimizer.lr": FloatDistribution(1e-3, 1, log=True)}
    study = SharedStudy("shared", storage, ["minimize"], None, None, space, 2)
    assert len(study.ask(2)) == 2
    named = ("hydra.sweeper.study_name=shared", "hydra.sweeper.n_trials=2", "hydra.sweeper.seeds=2")
    command = [sys.executable, str(ROOT / "train.py"), *SEARCH, RATES, *named]
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    ended = subprocess.run(command, cwd=tmp_path, env=os.environ | store, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "2 trials are there, and no more are asked for; 2 of them run in other processes" in ended.stdout
    assert [trial.state.name for trial in study.study.trials] == ["RUNNING"] * 2


def test_trial_whose_job_is_wrong_fails_and_the_others_of_its_round_are_trained(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path
) -> None:
    rates = ("optimizer.lr=0.1,0,0.2", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_jobs=3")
    ended = train(*SEARCH, *rates, "hydra.sweeper.max_failure_rate=0.5")
    assert ended.code == 0, ended.err
    (name,) = optuna.get_all_study_names(f"sqlite:///{tmp_path}/optuna.db")
    trials = optuna.load_study(study_name=name, storage=f"sqlite:///{tmp_path}/optuna.db").trials
    states = {trial.params["optimizer.lr"]: trial.state.name for trial in trials}
    assert states == {0.1: "COMPLETE", 0: "FAIL", 0.2: "COMPLETE"}
    assert sorted(float(run.data.params["optimizer.lr"]) for run in runs_in(client)) == [0.1, 0.2]


def test_search_ends_beside_a_trial_whose_values_another_process_has_not_all_drawn(
    train: Callable[..., Ended], tmp_path: Path
) -> None:
    spaces = ("optimizer.eps=tag(log, interval(1e-9, 1e-6))", "optimizer=adam,adamw", "hydra.sweeper.study_name=shared")
    first = [word for word in SEARCH if word != "optimizer=adam"]
    assert train(*first, *spaces, "hydra.sweeper.n_trials=1").code == 0
    study = optuna.load_study(study_name="shared", storage=f"sqlite:///{tmp_path}/optuna.db")
    distribution = study.trials[0].distributions["optimizer.eps"]
    owner = {OWNER: {"host": "another", "system": "", "pid": 1, "start": "1"}}
    half = {"params": {"optimizer.eps": 1e-8}, "distributions": {"optimizer.eps": distribution}}
    study.add_trial(optuna.create_trial(state=optuna.trial.TrialState.RUNNING, user_attrs=owner, **half))
    ended = train(*first, *spaces, "hydra.sweeper.n_trials=3")
    assert ended.code == 0, ended.err
    assert "1 trial still in other processes" in ended.out


def test_null_and_whole_numbers_stay_what_they_are_in_the_tables(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path
) -> None:
    more = ("trainer.max_members=null,1,2", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_jobs=3")
    assert train(*SEARCH, *more).code == 0
    (sweep,) = runs_in(client, "sweep")
    file = client.download_artifacts(sweep.info.run_id, "trials.csv", str(tmp_path))
    trials = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert sorted(trials["trainer.max_members"]) == ["1", "2", "null"]
    assert sorted(run.data.params["trainer.max_members"] for run in runs_in(client, "trial")) == ["1", "2", "null"]


def test_confirmed_trials_that_seeds_cannot_tell_apart_are_named() -> None:
    noise = [0.0, 0.1, -0.1, 0.05, -0.05]
    rows = []
    for number, level in enumerate((1.0, 1.01, 3.0)):
        about = {"study": "s", "number": number, "rank": number + 1, "setting": f"lr={number}", "searched": 1.0}
        about |= {"fresh": level, "low": level - 0.1, "high": level + 0.1}
        values = [level + (-1) ** number * item for item in noise]
        rows += [about | {"seed": seed, "value": value} for seed, value in enumerate(values)]
    said = sentence(pd.DataFrame(rows), "val/loss")
    assert said == (
        "Confirmed: lr=0: val/loss 1 [0.9, 1.1] with 5 fresh seeds, 1 in the search; with these seeds it cannot be told"
        " apart from lr=1"
    )


def test_winner_at_an_end_of_its_range_is_doubted() -> None:
    space = {"lr": FloatDistribution(1e-4, 1, log=True)}
    actual = [optuna.create_trial(params={"lr": rate}, distributions=space, value=0.0) for rate in (0.9, 0.5, 1e-4)]
    assert [len(at_the_end(trial)) for trial in actual] == [1, 0, 1]
    assert at_the_end(actual[0]) == ["the best lr, 0.9, is at an end of what was searched, 0.0001 to 1: widen it"]


def test_aggregates_are_those_that_a_hand_gets() -> None:
    runs = [[1.0], [2.0], [6.0]]
    values = {
        name: Aggregate(["minimize"], name, 2.0).value(runs)[0] for name in ("mean", "median", "worst", "mean_sd")
    }
    assert values == pytest.approx({"mean": 3, "median": 2, "worst": 6, "mean_sd": 3 + 2 * math.sqrt(7)})
    assert Aggregate(["maximize"], "worst").value(runs) == [1.0]
    assert Aggregate(["maximize"], "mean_sd").value(runs) == pytest.approx([3 - math.sqrt(7)])


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_diverged_run_is_the_worst_of_a_trial(lost: float) -> None:
    for direction, worst in (("minimize", math.inf), ("maximize", -math.inf)):
        assert Aggregate([direction], "mean").value([[0.5], [lost], [0.4]]) == [worst]
        assert Aggregate([direction], "median").value([[0.5], [lost], [0.4]]) == [
            {"minimize": 0.5, "maximize": 0.4}[direction]
        ]


def test_unknown_aggregate_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.risk=-1"):
        Aggregate(["minimize"], "mean_sd", -1)


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


def test_pruner_needs_a_metric_of_every_epoch(train: Callable[..., Ended]) -> None:
    ended = train(*SEARCH, RATES, "hydra/sweeper/pruner=median", "objective.metric=test/loss")
    assert ended.code == 1
    assert "a pruner needs a metric of every epoch" in ended.err


def test_best_of_trials_that_are_alike_is_confirmed_for_all_of_them() -> None:
    space = {"lr": FloatDistribution(1e-4, 10, log=True), "kind": CategoricalDistribution(["a", "b"])}

    def trial(lr: float, kind: str, value: float) -> optuna.trial.FrozenTrial:
        return optuna.trial.create_trial(params={"lr": lr, "kind": kind}, distributions=space, value=value)

    ranked = [trial(1.0, "a", 0.1), trial(1.1, "a", 0.2), trial(1.1, "b", 0.3), trial(0.5, "a", 0.4)]
    assert different(ranked, 3) == [ranked[0], ranked[2], ranked[3]]
    assert different(ranked, 4) == [ranked[0], ranked[2], ranked[3], ranked[1]]
    assert different(ranked, 1) == [ranked[0]]
    assert different(ranked[:2], 5) == ranked[:2]


@pytest.mark.slow
def test_result_that_is_not_a_number_is_a_failed_trial(tmp_path: Path) -> None:
    config = OFFICIAL.replace("range(-5.5, 5.5, step=0.5)", "0,1").replace("n_jobs: 1", "n_jobs: 6")
    config = config.replace(TPE_ONLY, "").replace("sampler: tpe", "sampler: random")
    printed = application(
        tmp_path, config, "hydra.sweeper.max_failure_rate=0.9", body="return float('nan') if config.x else 3.0"
    )
    assert results(tmp_path / "out")["best_params"]["x"] == 0
    assert "not a number" in printed


@pytest.mark.slow
def test_numbers_of_numpy_are_kept_by_a_storage(tmp_path: Path) -> None:
    body = "import numpy; return numpy.float32(config.x)"
    application(tmp_path, OFFICIAL, f"hydra.sweeper.storage=sqlite:///{tmp_path}/o.db", body=body)
    assert results(tmp_path / "out")["best_value"] >= -5.5
