"""One search for several options: each has its own space."""

from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient
from optuna.distributions import FloatDistribution
from shared.commands import OPTIMIZER_OPTIONS, ROOT
from shared.searches import OPTIMIZERS, PER, SMALL, Train, studies
from shared.stores import runs_in


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


def test_every_optimizer_says_what_is_worth_searching() -> None:
    for name in OPTIMIZER_OPTIONS:
        file = ROOT / "conf" / "optimizer" / f"{name}.yaml"
        assert yaml.safe_load(file.read_text())["search"]["lr"].startswith("tag(log, interval(")


def test_shipped_search_runs_from_its_file(train: Train, client: MlflowClient) -> None:
    few = ("hydra.sweeper.n_trials=2", "hydra.sweeper.studies=1", "hydra.sweeper.seeds=2", "trainer.max_epochs=2")
    ended = train("-cd", str(ROOT / "sweeps"), "-cn", "lr_search", *few)
    assert ended.code == 0, ended.err
    assert len({run.data.params["optimizer"] for run in runs_in(client)}) == 6
