"""The reference engine where Slurm is: a run is one process's, and the same as at home."""

import signal
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment, SLURMEnvironment
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities import rank_zero_only
from shared.commands import config
from shared.slurm import BATCH, INTERACTIVE, LOGIN, SECOND_TASK, inside

from seedsweep.engine.built_run import build
from seedsweep.engine.lightning import make_trainer, train
from seedsweep.outcomes import Point

DETECT = SLURMEnvironment.detect


class Look(pl.Callback):
    """What holds while a run is trained."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.rank, self.requeues = rank_zero_only.rank, signal.getsignal(signal.SIGUSR1) != signal.SIG_DFL
        self.environment = environment(trainer)


def environment(trainer: pl.Trainer) -> Any:
    return trainer._accelerator_connector.cluster_environment


def points(*callbacks: pl.Callback) -> list[Point]:
    job = build(config("tracking=none", "trainer.max_epochs=2"))
    return train(job.module, job.data, **job.trainer | {"callbacks": list(callbacks)}).points


@pytest.mark.parametrize("variables", [LOGIN, BATCH, SECOND_TASK, INTERACTIVE])
def test_a_run_is_the_same_and_alone_wherever_slurm_is(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, look = points(), Look()
    inside(variables, tmp_path, monkeypatch)
    monkeypatch.setattr(rank_zero_only, "rank", int(variables.get("SLURM_PROCID", 0)))  # as it is at Lightning's import
    assert points(look) == home
    assert isinstance(look.environment, LightningEnvironment)
    assert (look.rank, look.requeues) == (0, False)
    assert rank_zero_only.rank == int(variables.get("SLURM_PROCID", 0)), "for Trainers that somebody makes after it"
    assert SLURMEnvironment.detect is DETECT


def test_a_checkpoint_that_another_training_left_for_its_requeued_job_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = points()
    inside(BATCH, tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}}, tmp_path / "hpc_ckpt_1.ckpt")
    assert points() == home


@pytest.mark.parametrize("how", ["plugins", "strategy"])
def test_an_environment_that_somebody_names_is_taken(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside(BATCH | {"SLURM_NTASKS": "1", "SLURM_NNODES": "1"}, tmp_path, monkeypatch)
    named = SLURMEnvironment(auto_requeue=False)
    options = {"plugins": [named], "strategy": DDPStrategy(cluster_environment=named)}
    assert environment(make_trainer(accelerator="cpu", devices=1, **{how: options[how]})) is named
