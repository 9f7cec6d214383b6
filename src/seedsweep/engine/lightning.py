"""The reference engine: one run at a time, trained by `pytorch_lightning.Trainer`."""

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import SIGTERMException
from pytorch_lightning.utilities.model_helpers import is_overridden

from seedsweep.engine.curves import Curves, EndError, MeasureGap, PruneRun, PublishPoints
from seedsweep.engine.early_stopping import StoppingRule
from seedsweep.engine.one_thread import one_thread
from seedsweep.engine.target import Target
from seedsweep.outcomes import RunResult
from seedsweep.problem.epoch_metrics import EpochMetrics
from seedsweep.problem.module import state_on_cpu

# of Lightning's warnings, what a sweep would repeat for every run
QUIET = (
    *("does not have many workers", "GPU available but not used", "treespec, LeafSpec", "no `validation_step`"),
    "in eval mode at the start of training",
)
DETECT_SLURM = SLURMEnvironment.__dict__["detect"]


def train(
    module: pl.LightningModule,
    data: pl.LightningDataModule,
    *,
    max_epochs: int = 5,
    log_every_n_steps: int = 50,
    divergence_threshold: float | None = None,
    publish: PublishPoints | None = None,
    gap: MeasureGap | None = None,
    prune: PruneRun | None = None,
    stopping: StoppingRule | None = None,
    norms: bool = False,
    metrics: EpochMetrics | None = None,
    target: Target | None = None,
    **trainer: Any,
) -> RunResult:
    """Train a module on data, then test it; a training that diverges or is pruned ends there, without a test.

    Every epoch's metrics become points of the curves, and the loss of every `log_every_n_steps`-th minibatch.

    Args:
        module: with its optimizer; its parameters are trained in place.
        data: train, validation and test minibatches.
        max_epochs: how long.
        log_every_n_steps: steps from one `train/loss_step` to the next.
        divergence_threshold: a minibatch's loss that is not finite, or is greater than this, has diverged.
        publish: gets the points as they come.
        gap: measures the suboptimality after every epoch.
        prune: gets the points of every epoch, and says whether the training ends here, if it is not over.
        stopping: by which the training ends before `max_epochs`, as one that comes to its end.
        norms: whether the norms of gradients and weights are measured in every epoch.
        metrics: of all outputs of a split, which a `Learner` then has to keep.
        target: until which steps, rows and seconds are counted.
        trainer: other keywords of `pytorch_lightning.Trainer`.

    Returns:
        Outcome, points and the last weights.

    Raises:
        KeyboardInterrupt: on Ctrl-C, which Lightning alone would turn into an exit.
    """
    curves = Curves(log_every_n_steps, divergence_threshold, publish, gap, prune, stopping, norms, metrics, target)
    callbacks = [curves, *trainer.pop("callbacks", [])]
    fitter = make_trainer(max_epochs=max_epochs, callbacks=callbacks, **trainer)
    with quiet(), _in_one_process(), _interruptible(), one_thread(), curves.listening(module):
        try:
            fitter.fit(module, datamodule=data)
            if fitter.progress_bar_callback:
                fitter.progress_bar_callback.disable()  # a second bar, for one batch
            if is_overridden("test_step", module) and is_overridden("test_dataloader", data):
                fitter.test(module, datamodule=data, verbose=False)
        except EndError as end:
            return RunResult(end.outcome, curves.points, state_on_cpu(module))
        # of an optimizer that decomposes gradients, before the loss is looked at
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            if "non-finite" not in str(error):
                raise
            return RunResult("diverged", curves.points, state_on_cpu(module))
    return RunResult("finished", curves.points, state_on_cpu(module))


def make_trainer(**options: Any) -> pl.Trainer:
    """A Trainer that keeps nothing by itself: curves and weights are returned, and tracked elsewhere."""
    off = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    with quiet(), _in_one_process():
        return pl.Trainer(**{"enable_progress_bar": False} | off | options)


@contextmanager
def quiet() -> Iterator[None]:
    """Without Lightning's words on devices, loaders and workers, which a sweep would repeat for every run."""
    log = logging.getLogger("pytorch_lightning.utilities.rank_zero")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for warning in QUIET:
                warnings.filterwarnings("ignore", f".*{warning}.*")
            yield
    finally:
        log.setLevel(level)


@contextmanager
def _in_one_process() -> Iterator[None]:
    """A run is one process's, also where Slurm started it: by itself Lightning takes it for one of SLURM_NTASKS ranks.

    It would refuse more tasks or nodes than one, have Slurm requeue the job, load the `hpc_ckpt_*.ckpt` that other
    trainings left in the folder, and silence the loggers of all tasks but the first; outside of a job it warns wherever
    there is an `srun`. To name another environment by a plugin is not enough, as `fit` and `test` ask for Slurm again.
    An environment that somebody names is taken.
    """
    rank = rank_zero_only.rank  # type: ignore[attr-defined]  # of SLURM_PROCID
    SLURMEnvironment.detect = staticmethod(lambda: False)  # type: ignore[method-assign]
    rank_zero_only.rank = 0  # type: ignore[attr-defined]
    try:
        yield
    finally:
        SLURMEnvironment.detect = DETECT_SLURM  # type: ignore[method-assign]
        rank_zero_only.rank = rank  # type: ignore[attr-defined]


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C is KeyboardInterrupt again: the Trainer turns it into SystemExit(1) and ignores every later one."""
    try:
        yield
    except SystemExit as end:
        if isinstance(end, SIGTERMException):  # it has no exit code
            raise SystemExit(128 + signal.SIGTERM) from end
        if isinstance(end.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from end
        raise
