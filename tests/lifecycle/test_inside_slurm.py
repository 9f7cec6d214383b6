"""Commands on a login node and inside an allocation, by Slurm's variables and on a real Slurm: all is as at home."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from shared.commands import ROOT, Ended, start_anew
from shared.forks import forks
from shared.slurm import BATCH, INTERACTIVE, LOGIN, SECOND_TASK, Slurm, inside
from shared.stores import curves_by_name, runs_in
from shared.waiting import wait_for

import seedsweep

TRAIN = (sys.executable, str(ROOT / "train.py"))
SWEEP = ("-m", "optimizer=sgd,adam", "seed=0,1", "trainer.max_epochs=2", "compare=false")
ALONE = ("trainer.engine=lightning",)
PARALLEL = (*ALONE, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
ANEW = "tracking.reuse=false"


@pytest.fixture
def quick(tmp_path: Path) -> str:
    """A `python` whose scripts run in forks of one that has imported everything: only the variables, the folder and the
    streams are those of the job."""
    forks().stand_in(tmp_path / "quick")
    return str(tmp_path / "quick" / "python")


def assert_equal_curves(client: MlflowClient) -> None:
    """All the sweeps of the store have the same curves, to the last bit."""
    first, *others = (curves_by_name(parent.info.run_id) for parent in runs_in(client, "sweep"))
    assert others
    for other in others:
        pd.testing.assert_frame_equal(first, other, check_exact=True)


@pytest.mark.parametrize("variables", [BATCH, SECOND_TASK, INTERACTIVE])
def test_commands_give_the_same_inside_an_allocation(
    variables: dict[str, str],
    train: Callable[..., Ended],
    compare: Callable[..., Ended],
    client: MlflowClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert train(*SWEEP, *ALONE).code == train("seed=0").code == 0
    inside(variables, tmp_path, monkeypatch)
    assert train(*SWEEP, *ALONE, ANEW).code == train("seed=0").code == 0
    one, other = (run.data.metrics for run in runs_in(client) if "mlflow.parentRunId" not in run.data.tags)
    assert one == other
    assert_equal_curves(client)
    assert train(*SWEEP, ANEW).code == 0
    assert compare().code == 0
    losses = seedsweep.sweep(lambda rate, seed: rate / 2 + seed, rate=[1, 2], seeds=2, processes=2).runs["objective"]
    assert losses.tolist() == [0.5, 1.5, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("variables", [LOGIN, BATCH])
def test_nothing_is_said_of_slurm_where_nothing_is_wrong(
    variables: dict[str, str], uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside(variables, tmp_path, monkeypatch)
    process = start_anew(*SWEEP, *ALONE)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert "4 runs: 4 finished" in out


@pytest.mark.parametrize("words", [(), PARALLEL])
def test_a_batch_job_has_the_curves_of_home(
    words: tuple[str, ...], train: Callable[..., Ended], client: MlflowClient, slurm: Slurm, quick: str
) -> None:
    assert train(*SWEEP, *words[:1]).code == 0
    job = slurm.submit(f"exec {shlex.join([quick, *TRAIN[1:], *SWEEP, *words, ANEW])}", "--nodes=2", "--ntasks=4")
    assert slurm.wait(job) == "COMPLETED", Path("log").read_text()
    assert "4 runs: 4 finished" in Path("log").read_text()
    assert_equal_curves(client)


def test_two_tasks_of_a_step_train_a_sweep_once(
    train: Callable[..., Ended], client: MlflowClient, slurm: Slurm, quick: str
) -> None:
    """Whichever is later is told so, or finds the sweep complete."""
    ended = slurm.run("srun", "--nodes=2", "--ntasks=2", quick, *TRAIN[1:], *SWEEP, *ALONE)
    assert ended.returncode == int("start one, by srun --ntasks=1" in ended.stderr), ended.stderr
    (parent,) = runs_in(client, "sweep")
    assert parent.info.status == "FINISHED"
    assert len(runs_in(client)) == 4
    assert train(*SWEEP, *ALONE, ANEW).code == 0
    assert_equal_curves(client)


@pytest.mark.parametrize("launch", ["exec", "srun --ntasks=1"])
def test_a_cancelled_job_leaves_its_sweep_killed_with_what_had_finished(
    launch: str, client: MlflowClient, slurm: Slurm
) -> None:
    endless = ("-m", *ALONE, "seed=0", "trainer.max_epochs=1,1000000", "compare=false")
    job = slurm.submit(f"{launch} {shlex.join([*TRAIN, *endless])}", "--ntasks=2")
    wait_for(lambda: {run.info.status for run in runs_in(client)} == {"FINISHED", "RUNNING"})
    slurm.run("scancel", job, check=True)
    assert slurm.wait(job) == "CANCELLED"
    log = Path("log").read_text()
    assert "Interrupted: the runs that had finished are recorded" in log, log
    (parent,) = runs_in(client, "sweep")
    assert parent.info.status == "KILLED"
    assert seedsweep.load_runs("latest")["outcome"].tolist() == ["finished", "missing"]
