"""The reference engine: one run at a time, trained by `pytorch_lightning.Trainer`."""

import inspect
import logging
import math
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import Tensor

from seedsweep.engine.early_stopping import Patience, StoppingRule
from seedsweep.outcomes import (
    GRADIENT_NORM,
    LOSS_STEP,
    STOPPED_EPOCH,
    SUBOPTIMALITY,
    WEIGHT_NORM,
    Outcome,
    Point,
    RunResult,
)
from seedsweep.problem.module import trained

PublishPoints = Callable[[list[Point]], None]
PruneRun = Callable[[list[Point]], bool]
MeasureGap = Callable[[Mapping[str, Tensor]], float]  # of the weights

# of Lightning's warnings, what a sweep would repeat for every run
QUIET = (
    *("does not have many workers", "GPU available but not used", "treespec, LeafSpec", "no `validation_step`"),
    "in eval mode at the start of training",
)

SEVERAL = "/dataloader_idx_"  # what Lightning puts between a name and the number of its loader, where there are several


class _EndError(Exception):
    """Leaves the Trainer before its end, with the outcome; never leaves this module."""

    def __init__(self, outcome: Outcome):
        super().__init__(outcome)
        self.outcome = outcome


class _Curves(pl.Callback):
    """Collects the points of the curves, and stops when told to, or at a loss not finite or beyond the threshold."""

    def __init__(
        self,
        log_every_n_steps: int,
        divergence_threshold: float | None,
        publish: PublishPoints | None,
        gap: MeasureGap | None,
        prune: PruneRun | None,
        stopping: StoppingRule | None,
        norms: bool,
    ):
        self.log_every_n_steps, self.threshold = log_every_n_steps, divergence_threshold or math.inf
        self.publish, self.gap, self.prune = publish, gap, prune
        self.patience, self.is_stopping = Patience(stopping, 1) if stopping else None, False
        self.norms, self.gradient_norms = norms, list[float]()  # those of the epoch's steps
        self.points: list[Point] = []
        self.step = self.epoch = 0
        self.seen = 0  # points that `prune` has seen
        self.logged: dict[str, dict[str, None]] = {}  # names of metrics by their stage, until they are added

    @contextmanager
    def listening(self, module: pl.LightningModule) -> Iterator[None]:
        """Learn in which stage the module logs which names; each of them is the mean over the rows of an epoch."""
        log, signature = module.log, inspect.signature(module.log)

        def listen(*args: Any, **kwargs: Any) -> None:
            call = signature.bind(*args, **kwargs)
            stage = module.trainer.state.stage
            self.logged.setdefault(stage.value if stage else "", {})[call.arguments["name"]] = None
            call.arguments["on_epoch"] = True
            log(*call.args, **call.kwargs)

        module.log = listen  # type: ignore[method-assign]
        try:
            yield
        finally:
            del module.log

    def on_train_batch_start(self, trainer: pl.Trainer, _module: Any, _batch: Any, _index: int) -> None:
        _switch_optimizers(trainer, "train")

    def on_train_batch_end(self, trainer: pl.Trainer, _module: Any, outputs: Any, _batch: Any, _index: int) -> None:
        if trainer.global_step == self.step or not outputs:  # gradients are being accumulated; or it gives no loss
            return
        loss = outputs["loss"].item() * trainer.accumulate_grad_batches  # by which Lightning has divided it
        step, self.epoch = trainer.global_step, trainer.current_epoch
        self.step = step
        diverged = not loss <= self.threshold or math.isinf(loss)  # the first is true for nan too
        if step % self.log_every_n_steps == 0 or diverged:
            self._add([Point(LOSS_STEP, step, self.epoch, loss)])
        if diverged:
            raise _EndError("diverged")

    def on_before_optimizer_step(self, _trainer: Any, module: pl.LightningModule, _optimizer: Any) -> None:
        if self.norms:  # before the gradient is clipped
            self.gradient_norms.append(_norm(value.grad for value in module.parameters() if value.grad is not None))

    def on_train_epoch_start(self, trainer: pl.Trainer, _module: Any) -> None:
        self._add_metrics(trainer, "train")  # what the module's own hook has logged after the one below

    def on_validation_start(self, trainer: pl.Trainer, _module: Any) -> None:
        _switch_optimizers(trainer, "eval")

    def on_validation_end(self, trainer: pl.Trainer, _module: Any) -> None:
        self._add_metrics(trainer, "validate")

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        _switch_optimizers(trainer, "eval")
        self._add_metrics(trainer, "train")
        if self.norms:
            means = {WEIGHT_NORM: _norm(value for value in module.parameters() if value.requires_grad)}
            if self.gradient_norms:
                means[GRADIENT_NORM] = math.fsum(self.gradient_norms) / len(self.gradient_norms)
            self.gradient_norms.clear()
            self._add([Point(name, trainer.global_step, self.epoch, value) for name, value in means.items()])
        if self.gap:
            self._add([Point(SUBOPTIMALITY, trainer.global_step, self.epoch, self.gap(_weights(module)))])
        is_over = trainer.current_epoch + 1 == trainer.max_epochs or trainer.global_step == trainer.max_steps
        if self.is_stopping and not is_over:
            is_over = True
            self._add([Point(STOPPED_EPOCH, trainer.global_step, self.epoch, self.epoch)])
        if self.prune:
            of_epoch, self.seen = self.points[self.seen :], len(self.points)
            if self.prune(of_epoch) and not is_over:
                raise _EndError("pruned")

    def on_train_end(self, trainer: pl.Trainer, _module: Any) -> None:
        self._add_metrics(trainer, "train")

    def on_test_end(self, trainer: pl.Trainer, _module: Any) -> None:
        self._add_metrics(trainer, "test")

    def _add_metrics(self, trainer: pl.Trainer, stage: str) -> None:
        """The epoch's metrics of that stage alone: the Trainer keeps those of stages that did not run again."""
        names = self.logged.pop(stage, {})
        values = trainer.callback_metrics.items()  # with an ending for each of several loaders
        metrics = {name: value.item() for name, value in values if name.split(SEVERAL)[0] in names}
        self._add([Point(key, trainer.global_step, self.epoch, value) for key, value in metrics.items()])
        if not all(map(math.isfinite, metrics.values())):
            raise _EndError("diverged")
        if self.patience and stage != "test" and self.patience.rule.metric in metrics:
            value = trainer.callback_metrics[self.patience.rule.metric].reshape(1).cpu().numpy()
            if self.patience.exhausted(np.zeros(1, dtype=int), value)[0]:
                self.is_stopping = trainer.should_stop = True

    def _add(self, points: list[Point]) -> None:
        self.points += points
        if self.publish:
            self.publish(points)


def _switch_optimizers(trainer: pl.Trainer, mode: str) -> None:
    """Have optimizers such as schedule-free ones show the weights that they train, or those that they evaluate."""
    for optimizer in trainer.optimizers:
        if switch := getattr(optimizer, mode, None):
            switch()


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
        trainer: other keywords of `pytorch_lightning.Trainer`.

    Returns:
        Outcome, points and the last weights.

    Raises:
        KeyboardInterrupt: on Ctrl-C, which Lightning alone would turn into an exit.
    """
    curves = _Curves(log_every_n_steps, divergence_threshold, publish, gap, prune, stopping, norms)
    callbacks = [curves, *trainer.pop("callbacks", [])]
    fitter = make_trainer(max_epochs=max_epochs, callbacks=callbacks, **trainer)
    with quiet(), _interruptible(), one_thread(), curves.listening(module):
        try:
            fitter.fit(module, datamodule=data)
            if fitter.progress_bar_callback:
                fitter.progress_bar_callback.disable()  # a second bar, for one batch
            if is_overridden("test_step", module) and is_overridden("test_dataloader", data):
                fitter.test(module, datamodule=data, verbose=False)
        except _EndError as end:
            return RunResult(end.outcome, curves.points, _weights(module))
        # of an optimizer that decomposes gradients, before the loss is looked at
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            if "non-finite" not in str(error):
                raise
            return RunResult("diverged", curves.points, _weights(module))
    return RunResult("finished", curves.points, _weights(module))


def _norm(tensors: Iterable[Tensor]) -> float:
    """The L2 norm of all their numbers."""
    norms = [torch.linalg.vector_norm(tensor.detach()) for tensor in tensors]
    return float(torch.linalg.vector_norm(torch.stack(norms)))


def make_trainer(**options: Any) -> pl.Trainer:
    """A Trainer that keeps nothing by itself: curves and weights are returned, and tracked elsewhere."""
    off = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    with quiet():
        return pl.Trainer(**{"enable_progress_bar": False} | off | options)


def _weights(module: pl.LightningModule) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in trained(module).state_dict().items()}


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
def one_thread() -> Iterator[None]:
    """How many threads share a sum decides its last bit: with one, curves are equal on every machine and launcher."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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
