"""A search is asked for jobs and told what they returned, round by round, and trains nothing twice."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient
from optuna.distributions import FloatDistribution
from optuna.storages import InMemoryStorage
from shared.commands import Ended, start
from shared.searches import RATES, SEARCH, results
from shared.stores import runs_in

import seedsweep
from seedsweep.errors import ConfigError
from seedsweep.search.aggregate import Aggregate
from seedsweep.search.counting import OWNER
from seedsweep.search.option_study import OptionStudy
from seedsweep.search.rounds import Search
from seedsweep.search.shared_study import SharedStudy
from seedsweep.search.spaces import SearchSpace
from seedsweep.search.storages import open_storage
from seedsweep.tracking.reader import load_runs


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
    (sweep,) = runs_in(client, "sweep")
    assert sweep.data.tags["seedsweep.planned"] == sweep.data.tags["seedsweep.finished"] == str(len(keys))
    trials = pd.read_csv(client.download_artifacts(sweep.info.run_id, "trials.csv", str(tmp_path)))
    searched = {run.data.tags["seedsweep.group"] for run in runs_in(client) if run.data.params["seed"] in "01"}
    assert set(trials["group"]) == searched
    assert len(searched) == 5


def test_search_takes_what_the_store_has(train: Callable[..., Ended], client: MlflowClient, tmp_path: Path) -> None:
    rates = ("optimizer.lr=0.1,0.2,0.3", "hydra/sweeper/sampler=grid", "hydra.sweeper.seeds=2")
    assert train("-m", "optimizer=adam", "trainer.max_epochs=1", rates[0], "seed=0,1", "compare=false").code == 0
    first = train(*SEARCH, *rates, "hydra.sweeper.confirm=1")
    assert first.code == 0, first.err
    of_search = seedsweep.load_runs("latest")
    assert len(of_search) == 8
    (parent,) = [sweep for sweep in runs_in(client, "sweep") if "seedsweep.search" in sweep.data.tags]
    assert parent.data.tags["seedsweep.copied"] == "6"
    values = of_search[of_search["seed"] < 2].groupby("optimizer.lr")["val/loss"].mean()
    actual = results(tmp_path / "out")
    assert actual["best_value"] == values.min()
    (tmp_path / "optuna.db").unlink()
    again = train(*SEARCH, *rates, "hydra.sweeper.confirm=1")
    assert again.code == 0, again.err
    assert len(runs_in(client)) == 6 + 8
    assert results(tmp_path / "out") == actual


@pytest.mark.slow
def test_processes_at_one_search_train_nothing_twice(tmp_path: Path, client: MlflowClient, uri: str) -> None:
    words = (*SEARCH, RATES, "hydra.sweeper.n_trials=6", "hydra.sweeper.n_jobs=1", "hydra.sweeper.seeds=2")
    processes = [start(*words, "hydra.sweeper.confirm=2", f"hydra.sweep.dir=out{number}") for number in range(3)]
    for process in processes:
        _, err = process.communicate()
        assert process.returncode == 0, err
    keys = [run.data.tags["seedsweep.key"] for run in runs_in(client)]
    assert len(keys) == len(set(keys))
    confirmed = [results(tmp_path / f"out{number}")["confirmed"] for number in range(3)]
    assert max(map(len, confirmed)) == 2


@pytest.mark.slow
def test_process_whose_trials_all_run_elsewhere_has_nothing_to_do(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/optuna.db")
    space = {"optimizer.lr": FloatDistribution(1e-3, 1, log=True)}
    study = SharedStudy("shared", storage, ["minimize"], None, None, space, 2)
    assert len(study.ask(2)) == 2
    named = ("hydra.sweeper.study_name=shared", "hydra.sweeper.n_trials=2", "hydra.sweeper.seeds=2")
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    process = start(*SEARCH, RATES, *named, cwd=tmp_path, env=os.environ | store)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "2 trials are there, and no more are asked for; 2 of them run in other processes" in out
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


Jobs = list[list[str]]
SPACE = {"lr": FloatDistribution(0.1, 1)}


def search(storage: InMemoryStorage, n_trials: int, seeds: Sequence[int] | None = (0, 1), **options: Any) -> Search:
    """A search of one study over a learning rate, without a command."""
    sampler = optuna.samplers.RandomSampler(seed=n_trials)
    study = SharedStudy("ours", storage, ["minimize"], sampler, None, SPACE, n_trials)
    space = SearchSpace(SPACE, {}, ("lr",), {})
    return Search([OptionStudy(study, space, seeds=seeds)], Aggregate(["minimize"]), **({"n_jobs": 2} | options))


def rate(job: Sequence[str]) -> float:
    return float(job[0].removeprefix("lr="))


def run(of: Search) -> list[Jobs]:
    """Train every job to its learning rate; the rounds."""
    rounds = []
    while jobs := of.ask():
        rounds.append(jobs)
        of.tell([rate(job) for job in jobs])
    return rounds


def seeds_of(jobs: Jobs) -> list[str]:
    return [job[1] for job in jobs]


def test_rounds_are_trials_over_seeds_and_at_last_the_best_with_fresh_ones() -> None:
    ours = search(InMemoryStorage(), 3, confirm=1, fresh=range(2, 4))
    rounds = run(ours)
    assert [seeds_of(jobs) for jobs in rounds] == [
        ["seed=0", "seed=1", "seed=0", "seed=1"],
        ["seed=0", "seed=1"],
        ["seed=2", "seed=3"],
    ]
    best = min(rate(job) for jobs in rounds for job in jobs)
    (confirmed,) = ours.confirmations
    assert (confirmed.params["lr"], confirmed.value, confirmed.optimism) == (best, best, 0)
    assert ours.ask() == []


def test_a_search_that_goes_on_trains_neither_trials_nor_confirmations_again() -> None:
    storage = InMemoryStorage()
    options: dict[str, Any] = {"confirm": 1, "fresh": range(2, 4)}
    first = search(storage, 2, **options)
    jobs = [job for jobs in run(first) for job in jobs]
    again = search(storage, 2, **options)
    assert again.expected == 2
    assert again.ask() == []
    assert again.confirmations == first.confirmations
    more = [job for jobs in run(search(storage, 4, **options)) for job in jobs]
    assert not [job for job in more if job in jobs]


def test_a_search_that_is_left_between_ask_and_tell_has_its_trials_run_again() -> None:
    storage = InMemoryStorage()
    jobs = search(storage, 2).ask()
    assert search(storage, 2).ask() == jobs


def test_a_job_that_raised_fails_its_trial_and_too_many_end_the_search() -> None:
    tolerant = search(InMemoryStorage(), 2, max_failure_rate=0.5)
    jobs = tolerant.ask()
    tolerant.tell([ValueError("diverged"), 1.0, *map(rate, jobs[2:])])
    assert tolerant.ask() == []
    assert [trial.state.name for trial in tolerant.studies[0].trials()] == ["FAIL", "COMPLETE"]
    strict = search(InMemoryStorage(), 2)
    strict.ask()
    with pytest.raises(ValueError, match="diverged"):
        strict.tell([ValueError("diverged"), 1.0, 1.0, 1.0])
    assert [trial.state.name for trial in strict.studies[0].trials()] == ["FAIL", "COMPLETE"]


def test_a_job_that_is_refused_is_not_launched() -> None:
    def refuse_the_first(job: Sequence[str]) -> None:
        refused.append(rate(job))
        if rate(job) == refused[0]:
            raise ConfigError("lr", rate(job), "must be another")

    refused: list[float] = []
    ours = search(InMemoryStorage(), 2, max_failure_rate=0.5, check=refuse_the_first)
    jobs = ours.ask()
    assert {rate(job) for job in jobs} == set(refused) - {refused[0]}
    ours.tell([rate(job) for job in jobs])
    assert [trial.state.name for trial in ours.studies[0].trials()] == ["FAIL", "COMPLETE"]


def test_without_seeds_a_job_is_trained_as_it_is_and_nothing_is_confirmed() -> None:
    rounds = run(search(InMemoryStorage(), 3, seeds=None, confirm=1))
    assert [len(jobs) for jobs in rounds] == [2, 1]
    assert all(len(job) == 1 for jobs in rounds for job in jobs)


def test_results_are_told_once_and_only_of_what_was_asked_for() -> None:
    ours = search(InMemoryStorage(), 2)
    with pytest.raises(RuntimeError, match="ask comes before tell"):
        ours.tell([1.0])
    jobs = ours.ask()
    ours.tell([rate(job) for job in jobs])
    with pytest.raises(RuntimeError, match="ask comes before tell"):
        ours.tell([rate(job) for job in jobs])
