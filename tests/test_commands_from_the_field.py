"""Commands that people report trouble with in public threads: each gets one line that says how to type it, or works."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import runs_in

from seedsweep.cli.unwritable import unwritable

REFUSED = {  # by the thread: the words of the command, and what is said of them
    "hydra-ecosystem/hydra#1577 =": (
        ["data=table", "data.path=epoch=9-step=8.csv"],
        "data.path=epoch=9-step=8.csv: must be KEY=VALUE.* quote other signs: 'data.path=\"epoch=9-step=8.csv\"'$",
    ),
    "hydra-ecosystem/hydra#2705 #": (["experiment=run#1"], "^experiment=run#1: .*: 'experiment=\"run#1\"'$"),
    "hydra-ecosystem/hydra#2891 not ASCII": (["experiment=李明"], "^experiment=李明: .*: 'experiment=\"李明\"'$"),
    "hydra-ecosystem/hydra#1577 quotes": (
        ["""experiment=say "a=b" it's"""],
        r"""quote other signs: 'experiment="say \\"a=b\\" it'"'"'s"'$""",
    ),
    "hydra-ecosystem/hydra#1577 ~": (["data.path=~/x.csv"], r"^data.path=~/x.csv: .*: data.path=\$HOME/x.csv$"),
    "hydra-ecosystem/hydra#1577 in a list": (["data.features=[a=b]"], "quote other signs: 'KEY=\"VALUE\"'$"),
    "a space after a comma": (["-m", "optimizer.lr=0.1,"], "^optimizer.lr=0.1,: .*no space: optimizer.lr=0.1"),
    "two commas": (["-m", "optimizer.lr=0.1,,0.2"], "^optimizer.lr=0.1,,0.2: .*no space: optimizer.lr=0.1,0.2$"),
    "spaces beside =": (["optimizer", "adam"], "^optimizer=: must be KEY=VALUE, .*without spaces: none beside ="),
    "hydra-ecosystem/hydra#446": (["--lr", "0.1"], "^--lr=0.1: is no flag; .* without dashes: lr=0.1$"),
    "hydra-ecosystem/hydra#446 =": (
        ["--optimizer=adam", "seed=1"],
        "^--optimizer=adam: is no flag; .*: optimizer=adam$",
    ),
    "hydra-ecosystem/hydra#1897": (
        ["optimizer.lr=0.1,0.2"],
        r"^optimizer.lr=0.1,0.2: is a sweep of several values: with -m; a list is written \[0.1,0.2\]$",
    ),
    "hydra-ecosystem/hydra#1897 range": (["seed=range(0,3)"], r"^seed=range\(0,3\): is a sweep .* with -m$"),
    "a range among values": (["-m", "seed=range(0,2),5"], r"^seed=range\(0,2\),5: a range or the like stands alone: "),
    "a range among choices": (
        ["-m", "hydra/sweeper=optuna", "optimizer.lr=range(1,3),5"],
        r"^optimizer.lr=range\(1,3\),5: has a range or the like as a choice",
    ),
    "a range among Hydra's values": (["-m", "hydra/sweeper=basic", "seed=range(0,2),5"], "^seed=range.*stands alone"),
    "ashleve/lightning-hydra-template#418": (
        ["experiment=${oc.env:SEEDSWEEP_UNSET}"],
        r"^experiment=\${oc.env:SEEDSWEEP_UNSET}: the environment has no SEEDSWEEP_UNSET: set it, or give a default: ",
    ),
    "ashleve/lightning-hydra-template#418 -m": (
        ["-m", "experiment=${oc.env:SEEDSWEEP_UNSET}", "seed=0,1"],
        r"^experiment=\${oc.env:SEEDSWEEP_UNSET}: the environment has no SEEDSWEEP_UNSET",
    ),
    "ashleve/lightning-hydra-template#418 hydra": (
        ["hydra.run.dir=${oc.env:SEEDSWEEP_UNSET}"],
        r"^hydra.run.dir=\${oc.env:SEEDSWEEP_UNSET}: the environment has no SEEDSWEEP_UNSET",
    ),
    "ashleve/lightning-hydra-template#303": (
        ["experiment=${env:HOME}"],
        r"^experiment=\${env:HOME}: Unsupported interpolation type env; there are oc.env, ",
    ),
    "a folder that cannot be made": (["hydra.run.dir=/proc/x"], "^hydra.run.dir=/proc/x: /proc/x cannot be written: "),
    "params of Hydra's sweeper": (
        ["-m", "hydra/sweeper=basic", "+hydra.sweeper.params.x=1"],
        r"^\+hydra.sweeper.params.x=1: hydra.sweeper.params is null, and takes no keys: sweep it by x=1$",
    ),
    "Lightning-AI/pytorch-lightning#8993": (["+trainer.num_nodes=2"], "^trainer.num_nodes=2: a run .* one process"),
    "Lightning-AI/pytorch-lightning#15899": (
        ["+trainer.overfit_batches=1"],
        r"^trainer.overfit_batches=1: .*: \+trainer.limit_train_batches=N trains on N$",
    ),
    "Trainer without metrics": (["+trainer.barebones=true"], "^trainer.barebones=True: measures nothing"),
    "Trainer without steps": (["+trainer.accumulate_grad_batches=0"], "must be an integer of at least 1"),
    "pytorch/pytorch#7716": (
        ["model=module", "model._target_=shared.own_modules.Normed", "data.batch_size=397"],
        "batch of .1, 4. .*Expected more than 1 value per channel.*data.drop_last=true leaves out a last batch of one",
    ),
}


@pytest.mark.parametrize(("words", "said"), REFUSED.values(), ids=REFUSED)
def test_what_people_type_wrong_is_answered_in_a_line(
    train: Callable[..., Ended], client: MlflowClient, words: list[str], said: str
) -> None:
    ended = train(*words)
    assert ended.code == 1, ended.out
    assert len(ended.err.splitlines()) == 1, ended.err
    assert re.search(said, ended.err.strip()), ended.err
    assert len(client.search_experiments()) == 1, "nothing but MLflow's own"


def test_a_log_in_a_folder_that_there_is_not_is_named_with_its_key() -> None:
    error = ValueError("Unable to configure handler 'file'")
    error.__cause__ = FileNotFoundError(2, "No such file or directory", "/outputs/x/y.log")
    said = "hydra.job.name=x/y: /outputs/x/y.log cannot be written: No such file or directory"
    assert unwritable(error, ["seed=1", "hydra.job.name=x/y"]) == said
    assert unwritable(error, ["seed=1"]) == said.partition(": ")[2]
    assert unwritable(FileNotFoundError(2, "No such file", "a.csv"), []) is None, "which is for a traceback"


def test_flags_may_stand_between_overrides(train: Callable[..., Ended]) -> None:
    """hydra-ecosystem/hydra#3053"""
    ended = train("optimizer=adam", "-m", "seed=0,1", "tracking=none", "-cn", "config", "trainer.max_epochs=1")
    assert "2 runs: 2 finished" in ended.out, ended.err


def test_a_comparison_says_which_variable_the_environment_lacks(compare: Callable[..., Ended]) -> None:
    ended = compare("tracking.uri=${oc.env:SEEDSWEEP_UNSET}")
    assert (ended.code, ended.err.count("\n")) == (1, 1), ended.err
    assert "the environment has no SEEDSWEEP_UNSET" in ended.err


def test_runs_of_somebody_else_in_the_environment_are_left_alone(
    train: Callable[..., Ended], client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mlflow/mlflow#2227"""
    theirs = client.create_run("0")
    monkeypatch.setenv("MLFLOW_RUN_ID", theirs.info.run_id)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    ended = train("trainer.max_epochs=1", "experiment=ours")
    assert ended.code == 0, ended.err
    (run,) = runs_in(client)
    assert client.get_experiment(run.info.experiment_id).name == "ours"
    assert client.get_run(theirs.info.run_id).data.metrics == {}


def test_a_store_of_an_older_mlflow_is_refused_with_its_upgrade(train: Callable[..., Ended], tmp_path: Path) -> None:
    """mlflow/mlflow#6703"""
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        store.execute("UPDATE alembic_version SET version_num = 'bd07f7e963c5'")
    store.close()
    ended = train("trainer.max_epochs=1")
    assert (ended.code, ended.err.count("\n")) == (1, 1), ended.err
    assert re.search(r"made by an older MLflow .*: after a backup, mlflow db upgrade sqlite:////.*mlflow.db", ended.err)


def test_any_text_names_an_experiment(train: Callable[..., Ended], client: MlflowClient) -> None:
    """hydra-ecosystem/hydra#2891"""
    name = '李/明 🎉 #1=x, "q" \\ 50%'
    escaped = name.replace('"', '\\"')
    for mode in ((), ("-m",)):
        assert train(*mode, f'experiment="{escaped}"', "trainer.max_epochs=1").code == 0
    assert client.get_experiment_by_name(name) is not None
