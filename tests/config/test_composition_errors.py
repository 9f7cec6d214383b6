"""What Hydra refuses to compose is answered with the key or option that was probably meant."""

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from shared.commands import ROOT

from seedsweep.config.composition_errors import explained


def answer(*overrides: str, name: str = "config", folder: Path = ROOT / "conf") -> str:
    """What is said of a configuration that Hydra refuses to compose; empty where Hydra's own message stays."""
    with initialize_config_dir(str(folder), version_base="1.3"), pytest.raises(HydraException) as refused:
        compose(name, overrides=list(overrides))
    return str(explained(refused.value) or "")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("lr=0.1", "lr=0.1: there is no key lr; did you mean optimizer.lr?"),
        ("seeds=10", "seeds=10: there is no key seeds; 10 seeds are 'seed=range(0,10)', with -m"),
        ("n_seeds=3", "n_seeds=3: there is no key n_seeds; 3 seeds are 'seed=range(0,3)', with -m"),
        ("seeds=[1,2]", "seeds=[1,2]: there is no key seeds; did you mean seed?"),
        ("epochs=5", "epochs=5: there is no key epochs; did you mean trainer.max_epochs?"),
        ("max_epochs=5", "max_epochs=5: there is no key max_epochs; did you mean trainer.max_epochs?"),
        ("batch_size=32", "batch_size=32: there is no key batch_size; did you mean data.batch_size?"),
        ("optimzer=adam", "optimzer=adam: there is no key optimzer; did you mean optimizer?"),
        ("~optimzer", "~optimzer=null: there is no key optimzer; did you mean optimizer?"),
        ("metrik=val/loss", "metrik=val/loss: there is no key metrik; did you mean objective.metric?"),
        ("launcher=joblib", "launcher=joblib: there is no key launcher; did you mean hydra/launcher?"),
        ("trainer.max_epoch=3", "there is no key trainer.max_epoch; did you mean trainer.max_epochs?"),
        ("data.batchsize=8", "there is no key data.batchsize; did you mean data.batch_size?"),
        ("optimizer.learning_rate=1", "there is no key optimizer.learning_rate; did you mean optimizer.lr?"),
        ("hydra.launcher.job_dir=true", "did you mean hydra.launcher.job_dirs?"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(override: str, said: str) -> None:
    assert answer(override).endswith(said)


def test_a_key_that_is_near_to_none_is_answered_with_those_that_there_are() -> None:
    adam = "there is no key optimizer.size; optimizer=adam has optimizer.lr, optimizer.betas, optimizer.eps"
    assert adam in answer("optimizer=adam", "optimizer.size=0.9")
    assert answer("schedule.size=3").endswith("there is no key schedule.size; schedule=constant has none")
    assert answer("schedule.T_max=3").endswith("there is no key schedule.T_max; schedule=cosine has schedule.T_max")
    assert "there are data, model, optimizer, schedule, trainer, tracking, seed" in answer("foo=1")


def test_a_key_of_another_option_is_answered_with_that() -> None:
    momentum = "; optimizer=keras_rmsprop, optimizer=momentum, optimizer=muon have optimizer.momentum"
    assert answer("optimizer=adam", "optimizer.momentum=0.9").endswith(momentum)
    assert answer("optimizer=adam", "momentum=0.9").endswith(momentum)
    assert answer("path=x.csv").endswith("; data=banknote, data=openml, data=table have data.path")
    assert "hydra/launcher=joblib has hydra.launcher.n_jobs" in answer("hydra.launcher.n_jobs=4")


def test_an_argument_that_the_configuration_leaves_out_is_to_be_added() -> None:
    added = "optimizer.amsgrad=true: is not in the configuration; +optimizer.amsgrad=true adds it as an argument"
    assert answer("optimizer=adam", "optimizer.amsgrad=true") == f"{added} of torch.optim.Adam"
    assert answer("momentum=0.9").endswith("there is no key momentum; did you mean +optimizer.momentum?")
    assert answer("trainer.gradient_clip=1").endswith("did you mean trainer.gradient_clip_val?")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["optimizer=adm"], "; did you mean adam?"),
        (["trainer=dfault"], "trainer=dfault: must be one of default; did you mean default?"),
        (["hydra/launcher=flet"], "; did you mean fleet?"),
        (["hydra/sweeper=optuna", "hydra/sweeper/pruner=wilcox"], "; did you mean wilcoxon?"),
    ],
)
def test_an_unknown_option_is_answered_with_the_nearest(overrides: list[str], said: str) -> None:
    assert answer(*overrides).endswith(said)
    assert f"{overrides[-1]}: must be one of " in answer(*overrides)


def test_an_unknown_configuration_is_answered_with_the_nearest() -> None:
    assert re.fullmatch(r"--config-name=confg: must be one of .*compare, .*config.*\?", answer(name="confg"))
    assert answer(name="confg").endswith(", or be in a folder given with -cd; did you mean config?")
    assert answer(name="nothing_like_it").endswith(", or be in a folder given with -cd")


def test_a_key_that_is_added_though_it_exists_is_to_be_typed_without_a_plus() -> None:
    said = "there is a key experiment already; leave out the +, or write ++ if only some options have it"
    assert answer("+experiment=mine") == f"+experiment=mine: {said}"
    assert "there is a key optimizer already" in answer("+optimizer=adam")


def test_the_first_wrong_key_is_named_beside_right_ones() -> None:
    assert answer("optimizer=adam", "+trainer.accumulate_grad_batches=2", "seed=3", "sed=4").startswith("sed=4: ")


def test_keys_and_groups_of_somebodys_own_are_found(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "mysql.yaml").write_text("port: 1\ntable: ${name}s\n")
    (tmp_path / "config.yaml").write_text("name: x\nway: ${rows}\nrows: {first: 1}\nlist: [1, 2]\n")
    own = {"folder": tmp_path}
    assert answer("nam=y", **own) == "nam=y: there is no key nam; did you mean name?"
    assert answer("dbb=mysql", **own).endswith("did you mean db?")
    assert answer("+db=mysql", "db.prt=3", **own).endswith("there is no key db.prt; did you mean db.port?")
    assert answer("seeds=3", **own).endswith("there are name, way, rows, list, db")
    assert answer("db=mysql", **own) == "", "Hydra says how a group is added"
    assert answer("name", **own).startswith("name=: must be KEY=VALUE")
