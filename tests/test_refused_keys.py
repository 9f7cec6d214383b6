"""Keys that do not exist are refused, whatever their prefix: one message names the key, the value and the remedy."""

import re
from collections.abc import Callable

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from mlflow import MlflowClient
from omegaconf import open_dict
from shared.commands import ROOT, Ended

from seedsweep.config.additions import added, check_additions
from seedsweep.config.completeness import resolve
from seedsweep.config.composition_errors import explained
from seedsweep.engine.validation import check
from seedsweep.errors import ConfigError


def answer(*overrides: str) -> str:
    """What a run with these overrides is refused with, before anything is recorded; empty where it is not."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        try:
            config = compose("config", overrides=list(overrides), return_hydra_config=True)
            hydra = config.hydra.copy()
            with open_dict(config):
                del config["hydra"]
            loader = GlobalHydra.instance().config_loader()
            check_additions(added([*hydra.overrides.hydra, *hydra.overrides.task]), config, hydra, loader)
            check(resolve(config))
        except HydraException as error:
            return str(explained(error) or f"unexplained: {error}")
        except ConfigError as error:
            return str(error)
    return ""


REFUSED = {  # the last override is the wrong one: its key and its value stand in front of what is said
    "lr=0.1": "did you mean optimizer.lr?",
    "learning_rate=0.1": "did you mean optimizer.lr?",
    "optimizer.learning_rate=0.1": "did you mean optimizer.lr?",
    "optimizer.learningrate=0.1": "did you mean optimizer.lr?",
    "trainer.lr=0.1": "did you mean optimizer.lr?",
    "+lr=0.1": "did you mean optimizer.lr?",
    "++lr=0.1": "did you mean optimizer.lr?",
    "~lr=0.1": "did you mean optimizer.lr?",
    "epochs=5": "did you mean trainer.max_epochs?",
    "n_epochs=5": "did you mean trainer.max_epochs?",
    "+epochs=5": "did you mean trainer.max_epochs?",
    "trainer.epochs=5": "did you mean trainer.max_epochs?",
    "iterations=5": "did you mean trainer.max_epochs?",
    "trainer.max_steps=5": "+trainer.max_steps=5 adds it as an argument of pytorch_lightning.Trainer",
    "seeds=10": "10 seeds are 'seed=range(0,10)', with -m",
    "+seeds=10": "10 seeds are 'seed=range(0,10)', with -m",
    "num_seeds=10": "10 seeds are 'seed=range(0,10)', with -m",
    "n_seed=10": "10 seeds are 'seed=range(0,10)', with -m",
    "seeds=[1,2]": "did you mean seed?",
    "random_state=1": "did you mean seed?",
    "batch=32": "did you mean data.batch_size?",
    "batch_size=32": "did you mean data.batch_size?",
    "bs=32": "did you mean data.batch_size?",
    "data.batch=32": "did you mean data.batch_size?",
    "shuffle=false": "did you mean trainer.reshuffle?",
    "normalize=true": "did you mean data.standardize?",
    "data.standardise=none": "did you mean data.standardize?",
    "dataset=iris": "did you mean data?",
    "path=x.csv": "data=banknote, data=openml, data=table have data.path",
    "target=y": "data=banknote, data=openml, data=table have data.target",
    "data=table data.path=x.csv data.target=y data.sep=comma": "did you mean data.separator?",
    "+data.path=x.csv": "seedsweep.datasets.ScikitLearn has no argument path",
    "+data.name.x=1": "data.name is a value, breast_cancer, and takes no keys",
    "data=mnist": "must be one of banknote, breast_cancer",
    "optimizer=adm": "did you mean adam?",
    "optimizer=Adam": "did you mean adam?",
    "optimizer=all": "is a sweep of all options: with -m",
    "optimiser=adam": "did you mean optimizer?",
    "opt=adam": "did you mean optimizer?",
    "+optimizer=adam": "there is a key optimizer already; leave out the +",
    "+optimizer@second=adam": "nothing uses a key optimizer@second",
    "momentum=0.9": "did you mean +optimizer.momentum?",
    "optimizer.momentum=0.9": "+optimizer.momentum=0.9 adds it as an argument of torch.optim.SGD",
    "optimizer=adam optimizer.momentum=0.9": "optimizer=momentum, optimizer=muon have optimizer.momentum",
    "betas=[0.9,0.99]": "optimizer=adam, optimizer=adamax, optimizer=adamw have optimizer.betas",
    "optimizer=adam optimizer.beta1=0.9": "did you mean optimizer.betas?",
    "wd=0.1": "did you mean optimizer.weight_decay?",
    "+optimizer.lrr=1": "torch.optim.SGD has no argument lrr; did you mean lr?",
    "optimizer=lion +optimizer.learning_rate=1": "did you mean optimizer.lr?",
    "optimizer=adan +optimizer.foo=1": "optimizer=adan has optimizer.lr, optimizer.betas",
    "+optimizer.search.lrr=1": "did you mean optimizer.search.lr?",
    "model=MLP": "did you mean mlp?",
    "net=mlp": "did you mean model?",
    "hidden=[3]": "model=mlp, model=rnn have model.hidden",
    "+model.width=3": "seedsweep.model.LogisticRegression has no argument width",
    "+model.init.gain=1": "model.init is a value, glorot_uniform, and takes no keys",
    "scheduler=cosine": "did you mean schedule?",
    "schedule=cos": "did you mean cosine?",
    "schedule.T_max=5": "schedule=cosine has schedule.T_max",
    "+schedule.T_max=5": "is of no schedule; choose one, such as schedule=cosine",
    "patience=3": "did you mean trainer.early_stopping.patience?",
    "+trainer.early_stopping.patient=1": "there are patience, monitor, min_delta, mode|did you mean patience?",
    "+trainer.foo=1": "pytorch_lightning.Trainer has no argument foo",
    "gpus=1": "did you mean trainer.accelerator?",
    "metric=val/loss": "did you mean objective.metric?",
    "+objective.metrik=val/loss": "did you mean objective.metric?",
    "tracking_uri=x": "did you mean tracking.uri?",
    "+tracking.url=x": "did you mean tracking.uri?",
    "experiment_name=x": "did you mean experiment?",
    "+experiment=x": "there is a key experiment already; leave out the +",
    "+seed.x=1": "seed is a value, 0, and takes no keys",
    "n_trials=4": "have hydra.sweeper.n_trials",
    "n_jobs=4": "hydra/launcher=joblib has hydra.launcher.n_jobs",
    "hydra.launcher.n_jobs=4": "hydra/launcher=joblib has hydra.launcher.n_jobs",
    "sweeper=optuna": "did you mean hydra/sweeper?",
    "hydra.sweeper=optuna": "is a group: choose its option by hydra/sweeper=optuna",
    "hydra.launcher=joblib": "is a group: choose its option by hydra/launcher=joblib",
    "+hydra.job.names=x": "did you mean hydra.job.name?",
    "+hydra.sweeper.max_batch=1": "did you mean hydra.sweeper.max_batch_size?",
    "foo=1": "there are data, model, optimizer, schedule, trainer, tracking, seed",
    "+foo.bar=1": "there are data, model, optimizer, schedule, trainer, tracking, seed",
    "optimizer=adam optimizer.betas=0.9": "must be 2 numbers, such as [0.9, 0.999]",
    "optimizer=adam optimizer.betas=[0.9]": "must be 2 numbers, such as [0.9, 0.999]",
    "optimizer=adam optimizer.eps=x": "must be a number, such as 1e-08",
    "optimizer=adam +optimizer.amsgrad=x": "must be true or false",
    "schedule=step schedule.step_size=x": "must be a number",
    "optimizer.lr==3": "must be KEY=VALUE, as in optimizer.lr=0.1",
}


@pytest.mark.parametrize(("overrides", "remedy"), REFUSED.items(), ids=REFUSED)
def test_a_key_that_does_not_exist_is_refused_with_the_remedy(overrides: str, remedy: str) -> None:
    typed = overrides.split()
    said = answer(*typed)
    assert any(said.startswith(f"{key}: ") for key in (typed[-1], typed[-1].lstrip("+"))), said
    assert any(one in said for one in remedy.split("|")), said
    assert "\n" not in said


@pytest.mark.parametrize(
    "overrides",
    [
        "+hydra.job.env_set.X=1",
        "optimizer=adam +optimizer.amsgrad=true",
        "optimizer=adan +optimizer.clip_global_grad_norm=1",
        "+optimizer.search.momentum=1",
        "+trainer.gradient_clip_val=1",
    ],
)
def test_a_plus_adds_below_groups_that_take_more(overrides: str) -> None:
    assert answer(*overrides.split()) == ""


COMMANDS = {
    "lr=0.1": "^lr=0.1: there is no key lr; did you mean optimizer.lr",
    "+hydra.job.names=x": r"^\+hydra.job.names=x: nothing uses a key",
    "-m +hydra.job.names=x seed=0,1": r"^\+hydra.job.names=x: nothing uses a key",
    "-m hydra.sweeper=optuna": "^hydra.sweeper=optuna: is a group: choose its option by hydra/sweeper=optuna",
    "-m +hydra.sweeper.foo=1": r"^\+hydra.sweeper.foo=1: nothing uses a key hydra.sweeper.foo: leave it out",
    "-m optimizer=lion,adam +optimizer.learning_rate=1": r"^\+optimizer.learning_rate=1: nothing uses a key",
    "-m +hydra.sweeper.params.x=1": "^x=1: there is no key x",
    "-m hydra/sweeper=optuna +hydra.sweeper.params.x=1": "^x=1: there is no key x",
    "-m hydra/sweeper=until_sure +hydra.sweeper.params.x=1": "^x=1: there is no key x",
    "-m +hydra.sweeper.params.seed=1,2": """: quote what is to be swept by it: '.*params.seed="1,2"'""",
    "optimizer=3": "^optimizer=3: must be one of adadelta",
    "optimizer.lr=-1": "^optimizer.lr=-1: must be",
    "=3": "^=3: must be KEY=VALUE",
    "optimizer.lr": "^optimizer.lr=: must be KEY=VALUE",
}


@pytest.mark.parametrize(("typed", "said"), COMMANDS.items(), ids=COMMANDS)
def test_the_command_ends_with_one_message_and_records_nothing(
    train: Callable[..., Ended], client: MlflowClient, typed: str, said: str
) -> None:
    ended = train(*typed.split())
    assert ended.code == 1
    lines = ended.err.splitlines()
    assert len(lines) == 1, ended.err
    assert re.search(said, lines[0])
    assert len(client.search_experiments()) == 1, "nothing but MLflow's own"


def test_all_is_every_option_that_can_be_chosen_as_it_is(train: Callable[..., Ended]) -> None:
    ended = train("-m", "tracking=none", "schedule=all", "trainer.max_epochs=1", "data=iris", "model=mlp")
    assert ended.code == 0, ended.err
    assert "7 runs: 7 finished" in ended.out
    ended = train("-m", "tracking=none", "data=all", "trainer.max_epochs=0")
    assert "data=all without openml (needs data.data_id); table (needs data.path); torch (needs data" in ended.err
    ended = train("-m", "tracking=none", "optimizer=all", "trainer.max_epochs=0")
    assert "optimizer=all without own (needs a LightningModule of your own)" in ended.err


def test_keys_of_the_sweepers_own_params_are_swept(train: Callable[..., Ended]) -> None:
    ended = train("-m", "tracking=none", '+hydra.sweeper.params.seed="1,2"', "trainer.max_epochs=1")
    assert "2 runs: 2 finished" in ended.out, ended.err
