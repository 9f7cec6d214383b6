"""What identifies a run: keys stay what they were, or nothing that was recorded would be recognised."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import open_dict
from shared.commands import ROOT

from seedsweep.config.completeness import resolve
from seedsweep.config.params import canonical, setting
from seedsweep.config.planned_run import PlannedRun, plan_run


def planned(overrides: str, *labels: str) -> PlannedRun:
    """The run that a command would train, on data with a fingerprint that is made up."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", overrides=overrides.split(), return_hydra_config=True)
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return plan_run(resolve(config), choices, labels, "f" * 16)


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        ("seed=1", "48d7ba76ccb82445"),
        ("optimizer=adam model=mlp seed=2", "909d91120bac67fa"),
        ("data=iris model=softmax_regression schedule=cosine", "67f91a6980a05516"),
        ("data=quadratic_deep model=quadratic optimizer=rmsprop", "9f1335cae2a4a48a"),
        ("model.init=he_normal data.batch_size=8 init_seed=3 order_seed=4", "6d0fdbed5f8fb5bd"),
        ("optimizer.lr=1e-2 data=digits model=mlp model.hidden=[64,32]", "c511367d6fb3c2c5"),
    ],
)
def test_keys_are_those_that_were_recorded_before(overrides: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(overrides).key == key


def test_a_key_depends_on_what_is_trained_alone() -> None:
    usual = planned("seed=1")
    assert (
        planned("seed=1 trainer.engine=lightning trainer.norms=true experiment=other optimizer.search.lr=x").key
        == usual.key
    )
    assert planned("seed=1 data.batch_size=8").key != usual.key
    assert planned("seed=1 trainer.early_stopping.patience=3").key != usual.key
    assert planned("seed=2 init_seed=1 order_seed=1").key == usual.key


def test_a_name_has_the_labels_and_the_seeds() -> None:
    run = planned("optimizer=adam data.batch_size=8 seed=3", "optimizer", "data.batch_size", "seed")
    assert (run.group, run.name) == ("adam lr=0.01 batch_size=8", "adam lr=0.01 batch_size=8 seed=3")
    assert planned("init_seed=1 order_seed=2").name == "sgd lr=0.01 init_seed=1 order_seed=2"


def test_params_are_recorded_as_long_as_mlflow_takes_them() -> None:
    runs = [PlannedRun(0, "a", "a", "0", "e", ({"x": "1", "path": "y" * 7000 + end}, {"x": "2"})) for end in "ab"]
    recorded = [run.recorded_params for run in runs]
    assert [params["x"] for params in recorded] == ["2", "2"]
    assert [len(params["path"]) for params in recorded] == [6000, 6000]
    assert recorded[0]["path"] != recorded[1]["path"], "though they begin alike"
    assert len(runs[0].params["path"]) == 7001


@pytest.mark.parametrize(
    ("value", "string"),
    [(0.01, "0.01"), (1e-5, "1e-05"), (1.0, "1"), (True, "true"), (None, "null"), ([1.0, "a"], "[1, a]"), ("x", "x")],
)
def test_each_value_has_one_string(value: object, string: str) -> None:
    assert canonical(value) == string


def test_a_setting_is_shown_with_four_digits() -> None:
    assert setting({"optimizer.lr": 0.123456, "model": "mlp", "n": 3}) == "optimizer.lr=0.1235 model=mlp n=3"


def test_groups_of_long_values_have_short_names_that_differ() -> None:
    columns = ",".join(f"column_{number}" for number in range(1000))
    names = {planned(f"data.features=[{columns},{last}]", "data.features").group for last in "xy"}
    assert len(names) == 2
    assert max(map(len, names)) < 150
