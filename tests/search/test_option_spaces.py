"""One search for several options: a study each, or several, with spaces of their own, and their winners compared."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from shared.commands import ROOT, Ended
from shared.stores import runs_in

import seedsweep
from seedsweep.config.composing import Composed
from seedsweep.outcomes import Column
from seedsweep.search.aggregate import Aggregate
from seedsweep.search.pruning import Pruning
from seedsweep.search.wilcoxon import SEEDS, WilcoxonSeedsPruner

Train = Callable[..., Ended]
OPTIMIZERS = "optimizer=sgd,adam"
SEARCH = ("-m", "hydra/sweeper=optuna", "hydra.sweeper.per=optimizer", "hydra.sweep.dir=out")
PER = (*SEARCH, "trainer.max_epochs=1")
SMALL = ("hydra.sweeper.n_trials=2", "hydra.sweeper.seeds=2", "hydra.sweeper.confirm=1")


def studies(folder: Path) -> dict[str, optuna.Study]:
    storage = f"sqlite:///{folder}/optuna.db"
    names = optuna.get_all_study_names(storage)
    return {name: optuna.load_study(study_name=name, storage=storage) for name in names}


def artifact(client: MlflowClient, name: str, folder: Path) -> pd.DataFrame:
    (sweep,) = runs_in(client, "sweep")
    return pd.read_csv(client.download_artifacts(sweep.info.run_id, name, str(folder)))


def test_each_option_has_its_own_study_with_its_own_space_and_the_same_budget(
    train: Train, client: MlflowClient, tmp_path: Path
) -> None:
    assert train(*PER, OPTIMIZERS, *SMALL).code == 0
    actual = studies(tmp_path)
    spaces = {name.rsplit(" | ")[-1]: study.trials[0].distributions for name, study in actual.items()}
    assert spaces == {
        "sgd": {"optimizer.lr": FloatDistribution(1e-3, 1e2, log=True)},
        "adam": {"optimizer.lr": FloatDistribution(1e-4, 10, log=True)},
    }
    assert [len(study.trials) for study in actual.values()] == [2, 2]
    runs = runs_in(client)
    assert {run.data.tags["seedsweep.engine"] for run in runs} == {"fleet"}
    assert len({run.data.tags["seedsweep.weights"].split("#")[0] for run in runs}) == 2  # a fleet, and the confirming
    assert not any(key.startswith("optimizer.search") for run in runs for key in run.data.params)


def test_override_takes_the_place_of_what_the_optimizers_would_search(train: Train, tmp_path: Path) -> None:
    assert train(*PER, OPTIMIZERS, *SMALL, "optimizer.lr=interval(0.1, 0.2)").code == 0
    spaces = [study.trials[0].distributions for study in studies(tmp_path).values()]
    assert spaces == [{"optimizer.lr": FloatDistribution(0.1, 0.2)}] * 2
    ended = train(*PER, OPTIMIZERS, *SMALL, "optimizer.lr=0.1")
    assert ended.code == 1
    assert "nothing is searched for optimizer=sgd" in ended.err


def test_block_of_one_optimizer_can_be_overridden(train: Train, tmp_path: Path) -> None:
    assert train(*PER, "optimizer=adam", *SMALL, "optimizer.search.lr='interval(0.1, 0.3)'").code == 0
    (study,) = studies(tmp_path).values()
    assert study.trials[0].distributions == {"optimizer.lr": FloatDistribution(0.1, 0.3)}


def test_optimizer_is_searched_as_it_says_where_nothing_else_is(train: Train, tmp_path: Path) -> None:
    command = ("-m", "hydra/sweeper=optuna", "optimizer=rmsprop", "trainer.max_epochs=1", "hydra.sweep.dir=out")
    assert train(*command, *SMALL).code == 0
    (study,) = studies(tmp_path).values()
    assert study.trials[0].distributions == {"optimizer.lr": FloatDistribution(1e-4, 10, log=True)}


def test_studies_of_an_option_have_neither_suggestions_nor_seeds_in_common(
    train: Train, client: MlflowClient, tmp_path: Path
) -> None:
    ended = train(*PER, OPTIMIZERS, *SMALL, "hydra.sweeper.studies=2", "hydra.sweeper.sampler.seed=1")
    assert ended.code == 0, ended.err
    actual = studies(tmp_path)
    assert len(actual) == 4
    suggested = [trial.params["optimizer.lr"] for study in actual.values() for trial in study.trials]
    assert len(set(suggested)) == 8
    trained = {
        name: {job[-2] for trial in study.trials for job in map(str.split, runs_of(trial))}
        for name, study in actual.items()
    }
    assert [seeds for _, seeds in sorted(trained.items())] == [{"seed=0", "seed=1"}, {"seed=2", "seed=3"}] * 2
    again = artifact(client, "confirmed.csv", tmp_path)
    assert again.groupby("study")["seed"].apply(list).tolist() == [[4, 5]] * 4
    assert "each option's winners, the luck of the search included" in ended.out


def runs_of(trial: Any) -> list[str]:
    return list(trial.user_attrs["seedsweep.runs"])


def test_search_is_kept_as_tables_tags_and_a_metric_of_its_parent_run(
    train: Train, client: MlflowClient, tmp_path: Path
) -> None:
    ended = train(*PER, OPTIMIZERS, *SMALL, "hydra.sweeper.n_jobs=1")
    (sweep,) = runs_in(client, "sweep")
    trials = artifact(client, "trials.csv", tmp_path)
    assert trials["state"].tolist() == ["finished"] * 4
    assert trials.groupby("option").size().to_dict() == {"sgd": 2, "adam": 2}
    groups = {run.data.tags["seedsweep.group"] for run in runs_in(client)}
    assert set(trials["group"]) == groups
    best = trials.loc[trials["value"].idxmin()]
    assert sweep.data.tags["seedsweep.best_params"] == f"{best['option']} optimizer.lr={best['optimizer.lr']:.4g}"
    history = client.get_metric_history(sweep.info.run_id, "best_value")
    assert [point.step for point in history] == [2, 4]
    assert history[-1].value == pytest.approx(trials["value"].min())
    kept = {
        (run.data.tags["seedsweep.study"], run.data.tags["seedsweep.trial"]): run for run in runs_in(client, "trial")
    }
    for row in trials.to_dict("records"):
        run = kept.pop((row["study"], str(row["number"])))
        assert run.data.metrics["value"] == pytest.approx(row["value"])
        assert float(run.data.params["optimizer.lr"]) == row["optimizer.lr"]
        assert (run.data.tags["seedsweep.group"], run.data.tags["seedsweep.state"]) == (row["group"], "finished")
        assert (run.info.status, run.data.tags["mlflow.parentRunId"]) == ("FINISHED", sweep.info.run_id)
    assert not kept
    page = re.search(r"The report: (.*)", ended.out)
    assert page
    assert "sgd" in Path(page[1]).read_text()
    assert f"optuna-dashboard sqlite:///{tmp_path}/optuna.db" in ended.out


def test_comparison_of_a_search_is_that_of_its_confirmed_winners(train: Train, compare: Train) -> None:
    assert train(*PER, OPTIMIZERS, *SMALL, "hydra.sweeper.studies=2").code == 0
    said = compare()
    assert said.code == 0, said.err
    assert "each option's winners" in said.out
    assert "search.html" in said.out


def test_comparison_of_a_search_whose_options_are_numbers_takes_no_other_question(train: Train, compare: Train) -> None:
    per = (*SEARCH[:2], "hydra.sweep.dir=out", "trainer.max_epochs=1", "hydra.sweeper.per=data.batch_size")
    assert train(*per, "data.batch_size=16,32", "optimizer.lr=interval(0.1, 1)", "optimizer=adam", *SMALL).code == 0
    said = compare()
    assert said.code == 0, said.err
    assert re.search("(16 and 32|32 and 16) cannot be told apart|(16|32) wins", said.out)
    refused = compare("metric=val/accuracy")
    assert (refused.code, refused.out) == (1, "")
    assert "metric=val/accuracy: is not asked of a search" in refused.err


def test_comparison_of_a_search_that_confirmed_nothing_says_so(train: Train, compare: Train) -> None:
    search = ("-m", "hydra/sweeper=optuna", "hydra.sweep.dir=out", "trainer.max_epochs=1", "optimizer=adam")
    ended = train(*search, "hydra.sweeper.n_trials=2")
    assert "a study of 2 trials has hardly begun" in ended.out
    said = compare()
    assert said.code == 1
    assert "has confirmed no trial has nothing to compare: search with hydra.sweeper.seeds=5" in said.err


def test_comparison_of_a_search_of_one_study_is_its_best_trials_on_fresh_seeds(train: Train, compare: Train) -> None:
    ended = train("-m", "hydra/sweeper=optuna", "hydra.sweep.dir=out", "trainer.max_epochs=1", "optimizer=adam", *SMALL)
    said = compare()
    assert said.code == 0, said.err
    table = ended.out[ended.out.index("the best trials, again with 2 fresh seeds") : ended.out.index("\n!")]
    assert table in said.out
    assert "search.html" in said.out


def test_results_name_the_best_of_every_study(train: Train, tmp_path: Path) -> None:
    assert train(*PER, OPTIMIZERS, *SMALL).code == 0
    actual = yaml.safe_load((tmp_path / "out" / "optimization_results.yaml").read_text())
    kept = studies(tmp_path)
    assert {item["study"]: item["best_value"] for item in actual["studies"]} == {
        name: study.best_value for name, study in kept.items()
    }
    assert actual["best_value"] == min(study.best_value for study in kept.values())
    assert {item["option"] for item in actual["confirmed"]} == {"sgd", "adam"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "hydra.sweeper.per=optimizer: must be given options"),
        (["optimizer=interval(0,1)"], "needs options"),
        ([OPTIMIZERS, "hydra.sweeper.studies=0"], "hydra.sweeper.studies=0"),
        (["optimizer=adam", "optimizer.search=3"], "optimizer.search=3: must have strings by key"),
        (["optimizer=adam", "optimizer.search.lr=nowhere(1)"], "nowhere"),
        (["optimizer=adam", "optimizer.search.lr=interval(0,1)"], "is a string: quote it for the shell, too"),
    ],
)
def test_wrong_options_are_answered_before_anything_is_recorded(
    train: Train, client: MlflowClient, wrong: list[str], said: str
) -> None:
    ended = train(*PER, *wrong)
    assert ended.code == 1
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not client.search_experiments(filter_string="name != 'Default'")


def test_runs_trained_one_by_one_are_pruned_too(train: Train, client: MlflowClient, tmp_path: Path, uri: str) -> None:
    longer = ("trainer.max_epochs=6", "hydra/sweeper/pruner=median", "hydra.sweeper.pruner.n_startup_trials=2")
    more = ("hydra.sweeper.n_trials=8", "hydra.sweeper.n_jobs=2", "hydra.sweeper.seeds=2", "hydra.sweeper.confirm=0")
    sampler = ("hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=0", "trainer.engine=lightning")
    ended = train(*SEARCH, "optimizer=adam", *longer, *more, *sampler)
    assert ended.code == 0, ended.err
    (study,) = studies(tmp_path).values()
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert pruned
    runs, curves = seedsweep.load_runs("latest", uri), seedsweep.load_curves("latest", uri)
    assert {run.data.tags["seedsweep.engine"] for run in runs_in(client)} == {"lightning"}
    assert (runs["outcome"] == "pruned").sum() == 2 * len(pruned)
    epochs = curves[curves["metric"] == "val/loss"].groupby("run")["epoch"].max() + 1
    assert epochs[runs.loc[runs["outcome"] == "pruned", "run"]].max() < 6


def test_wilcoxon_gives_up_what_is_worse_over_the_same_seeds() -> None:
    study = optuna.create_study(pruner=WilcoxonSeedsPruner(n_startup_trials=1))
    seeds = np.arange(5.0)
    space = {"x": FloatDistribution(0, 1)}
    best = create_trial(params={"x": 0.5}, distributions=space, value=2.0, user_attrs={f"{SEEDS}1": list(seeds)})

    def gives_up(values: np.ndarray) -> bool:
        trial = study.ask()
        trial.set_user_attr(f"{SEEDS}1", values.tolist())
        trial.report(float(values.mean()), 1)
        return trial.should_prune()

    assert not gives_up(seeds + 1)  # there is nothing to compare with
    study.add_trial(best)
    assert gives_up(seeds + 0.1)  # worse with each of five seeds: p = 1/32
    assert gives_up(np.array([1, 2, math.inf, math.inf, 5]))
    assert not gives_up(seeds - 0.1)
    assert not gives_up(seeds)
    assert not gives_up(seeds + np.array([1, -2, 3, -4, 5]))
    assert not gives_up((seeds + 1)[:3])  # other seeds


def test_every_optimizer_says_what_is_worth_searching() -> None:
    for file in (ROOT / "conf" / "optimizer").glob("*.yaml"):
        assert yaml.safe_load(file.read_text())["search"]["lr"].startswith("tag(log, interval(")


def test_shipped_search_runs_from_its_file(train: Train, client: MlflowClient) -> None:
    few = ("hydra.sweeper.n_trials=2", "hydra.sweeper.studies=1", "hydra.sweeper.seeds=2", "trainer.max_epochs=2")
    ended = train("-cd", str(ROOT / "sweeps"), "-cn", "lr_search", *few)
    assert ended.code == 0, ended.err
    assert len({run.data.params["optimizer"] for run in runs_in(client)}) == 6


@pytest.mark.slow
def test_killed_search_is_ended_and_finished_by_the_next(tmp_path: Path, client: MlflowClient, uri: str) -> None:
    store = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    search = (*PER, OPTIMIZERS, "hydra.sweeper.n_trials=6", "hydra.sweeper.seeds=2", "hydra.sweeper.n_jobs=1")
    command = [sys.executable, str(ROOT / "train.py"), *search]
    process = subprocess.Popen(command, cwd=tmp_path, env=os.environ | store, stdout=subprocess.DEVNULL)
    while process.poll() is None and not trials_of(client):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (left,) = runs_in(client, "sweep")
    assert left.info.status == "RUNNING"
    subprocess.run(command, cwd=tmp_path, env=os.environ | store, check=True, capture_output=True)
    for study in studies(tmp_path).values():
        counted = [trial for trial in study.trials if "seedsweep.unused" not in trial.user_attrs]
        assert [trial.state for trial in counted] == [TrialState.COMPLETE] * 6
        jobs = [job for trial in counted for job in runs_of(trial)]
        assert len(jobs) == len(set(jobs))
    assert {run.info.status for kind in ("sweep", "run") for run in runs_in(client, kind)} <= {"KILLED", "FINISHED"}
    assert json.loads(left.data.tags["seedsweep.owner"])["pid"] == process.pid


def trials_of(client: MlflowClient) -> str | None:
    return next((run.data.tags.get("seedsweep.best_value") for run in runs_in(client, "sweep")), None)


def test_searches_of_the_same_studies_are_compared_by_the_newest(
    train: Train, compare: Train, client: MlflowClient
) -> None:
    for confirmed in (2, 3):  # the second has nothing left to do but to confirm with a seed more
        more = (f"hydra.sweeper.confirm_seeds={confirmed}", "hydra.sweeper.studies=2", *SMALL)
        assert train(*PER, OPTIMIZERS, *more).code == 0
    ids = ",".join(run.info.run_id for run in runs_in(client, "sweep"))
    said = compare(f"sweep=[{ids}]")
    assert said.code == 0, said.err
    assert re.search(r"adam +2 +3 ", said.out)


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


@pytest.mark.parametrize("pruner", ["patient", "wilcoxon", "halving", "hyperband"])
def test_every_pruner_can_be_chosen(train: Train, pruner: str) -> None:
    ended = train(*PER, "optimizer=adam", *SMALL, f"hydra/sweeper/pruner={pruner}")
    assert ended.code == 0, ended.err


def test_study_goes_on_only_with_what_its_trials_have_in_common(train: Train) -> None:
    assert train(*PER, "optimizer=adam", *SMALL).code == 0
    for other, said in (("seeds=3", "seeds: was [0, 1], is [0, 1, 2]"), ("aggregate=worst", "aggregate: was mean")):
        ended = train(
            *PER,
            "optimizer=adam",
            *SMALL[:1],
            SMALL[2],
            f"hydra.sweeper.{other}",
            *([] if "seeds" in other else SMALL[1:2]),
        )
        assert ended.code == 1
        assert said in ended.err


def test_study_without_a_finished_trial_goes_on_whatever_was_agreed(train: Train) -> None:
    search = (*PER, "optimizer=adam", "hydra.sweeper.n_trials=2", "hydra.sweeper.study_name=one")
    refused = train(*search, "hydra.sweeper.seeds=2", "objective.select=first")  # when it had been asked for trials
    assert refused.code == 1
    assert train(*search, "hydra.sweeper.seeds=1", "objective.select=best").code == 0
    again = train(*search, "hydra.sweeper.seeds=2", "objective.select=best")
    assert "seeds: was [0], is [0, 1]" in again.err
