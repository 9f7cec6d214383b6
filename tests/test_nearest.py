"""Which names are near to what was typed."""

import pytest

from seedsweep.nearest import did_you_mean, nearest

KEYS = (
    *("data", "data.name", "data.batch_size", "data.standardize", "model.name", "model.init"),
    *("optimizer", "optimizer.lr", "optimizer.betas", "optimizer.weight_decay", "optimizer.search.lr"),
    *("trainer.max_epochs", "trainer.max_members", "tracking.uri", "seed", "init_seed", "objective.metric"),
    *("hydra/launcher", "hydra.sweeper.n_trials", "hydra.launcher.n_jobs"),
)
OPTIONS = ("adam", "adamw", "keras_rmsprop", "momentum", "rmsprop", "sgd")
METRICS = ("train/loss", "val/loss", "test/loss", "val/accuracy")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lr", ["optimizer.lr"]),
        ("seeds", ["seed"]),
        ("epochs", ["trainer.max_epochs"]),
        ("batchsize", ["data.batch_size"]),
        ("metrik", ["objective.metric"]),
        ("optimzer", ["optimizer"]),
        ("launcher", ["hydra/launcher"]),
        ("n_trial", ["hydra.sweeper.n_trials"]),
        ("name", ["data.name", "model.name"]),
        ("trainer.max_epoch", ["trainer.max_epochs"]),
        ("train.max_epoch", ["trainer.max_epochs"]),
        ("model.lr", ["optimizer.lr"]),
        ("model.initializer", ["model.init"]),
        ("foo", []),
    ],
)
def test_a_key_is_near_by_its_last_component(typed: str, meant: list[str]) -> None:
    assert nearest(typed, KEYS) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("learning_rate", "optimizer.lr"),
        ("optimizer.learning_rate", "optimizer.lr"),
        ("wd", "optimizer.weight_decay"),
        ("bs", "data.batch_size"),
    ],
)
def test_initials_stand_for_a_name_and_a_name_for_its_initials(typed: str, meant: str) -> None:
    assert nearest(typed, KEYS) == [meant]


def test_a_common_parent_does_not_make_keys_alike() -> None:
    assert nearest("optimizer.momentum", KEYS) == []


@pytest.mark.parametrize(("typed", "meant"), [("adm", "adam"), ("SGD", "sgd"), ("rms", "rmsprop"), ("adamm", "adam")])
def test_an_option_is_found_in_any_case_and_by_its_beginning(typed: str, meant: str) -> None:
    assert nearest(typed, OPTIONS) == [meant]


def test_what_was_typed_as_a_whole_decides_between_equal_ends() -> None:
    assert nearest("val_loss", METRICS) == nearest("valid/loss", METRICS) == ["val/loss"]
    assert nearest("loss", METRICS) == ["train/loss", "val/loss", "test/loss"]


def test_nothing_is_said_where_nothing_is_near() -> None:
    assert did_you_mean("lbfgs", OPTIONS) == did_you_mean("", OPTIONS) == did_you_mean("sgd", ()) == ""
    assert did_you_mean("name", KEYS) == "; did you mean data.name or model.name?"
