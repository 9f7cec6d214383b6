"""The curves of a run that Lightning's Trainer trains: collected by a callback, which ends it where it must."""

import inspect
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from seedsweep.engine.early_stopping import Patience, StoppingRule
from seedsweep.engine.target import Target
from seedsweep.outcomes import (
    GRADIENT_NORM,
    LOSS_STEP,
    STOPPED_EPOCH,
    SUBOPTIMALITY,
    TO_TARGET,
    WEIGHT_NORM,
    Outcome,
    Point,
)
from seedsweep.problem.epoch_metrics import EpochMetrics
from seedsweep.problem.module import Learner, state_on_cpu

PublishPoints = Callable[[list[Point]], None]
PruneRun = Callable[[list[Point]], bool]
MeasureGap = Callable[[Mapping[str, Tensor]], float]  # of the weights

STAGES = {"train": "train", "validate": "val", "test": "test"}  # our names of Lightning's
SEVERAL = "/dataloader_idx_"  # what Lightning puts between a name and the number of its loader, where there are several


class EndError(Exception):
    """Leaves the Trainer before its end, with the outcome; never leaves the engine."""

    def __init__(self, outcome: Outcome):
        super().__init__(outcome)
        self.outcome = outcome


class Curves(pl.Callback):
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
        metrics: EpochMetrics | None,
        target: Target | None,
    ):
        self.log_every_n_steps, self.threshold = log_every_n_steps, divergence_threshold or math.inf
        self.publish, self.gap, self.prune = publish, gap, prune
        self.patience, self.is_stopping = Patience(stopping, 1) if stopping else None, False
        self.norms, self.gradient_norms = norms, list[float]()  # those of the epoch's steps
        self.epoch_metrics = metrics
        self.target, self.examples, self.start = target, 0, math.nan  # None once it is reached; rows seen; in seconds
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

    def on_train_start(self, _trainer: Any, _module: Any) -> None:
        self.start = time.perf_counter()

    def on_train_batch_start(self, trainer: pl.Trainer, _module: Any, _batch: Any, _index: int) -> None:
        _switch_optimizers(trainer, "train")

    def on_train_batch_end(self, trainer: pl.Trainer, _module: Any, outputs: Any, batch: Any, _index: int) -> None:
        self.examples += next((len(value) for value in tree_leaves(batch) if isinstance(value, Tensor)), 0)
        if trainer.global_step == self.step or not outputs:  # gradients are being accumulated; or it gives no loss
            return
        loss = outputs["loss"].item() * trainer.accumulate_grad_batches  # by which Lightning has divided it
        step, self.epoch = trainer.global_step, trainer.current_epoch
        self.step = step
        diverged = not loss <= self.threshold or math.isinf(loss)  # the first is true for nan too
        if step % self.log_every_n_steps == 0 or diverged:
            self._add([Point(LOSS_STEP, step, self.epoch, loss)])
        if diverged:
            raise EndError("diverged")

    def on_before_optimizer_step(self, _trainer: Any, module: pl.LightningModule, _optimizer: Any) -> None:
        if self.norms:  # before the gradient is clipped
            self.gradient_norms.append(_norm(value.grad for value in module.parameters() if value.grad is not None))

    def on_train_epoch_start(self, trainer: pl.Trainer, _module: Any) -> None:
        self._add_metrics(trainer, "train")  # what the module's own hook has logged after the one below

    def on_validation_start(self, trainer: pl.Trainer, _module: Any) -> None:
        _switch_optimizers(trainer, "eval")

    def on_validation_end(self, trainer: pl.Trainer, module: Any) -> None:
        if not trainer.sanity_checking:  # by some rows, before the first step
            self._add_metrics(trainer, "validate")
        elif isinstance(module, Learner):
            module.outputs.clear()

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
            self._add([Point(SUBOPTIMALITY, trainer.global_step, self.epoch, self.gap(state_on_cpu(module)))])
        is_over = trainer.current_epoch + 1 == trainer.max_epochs or trainer.global_step == trainer.max_steps
        if self.is_stopping and not is_over:
            is_over = True
            self._add([Point(STOPPED_EPOCH, trainer.global_step, self.epoch, self.epoch)])
        if self.prune:
            of_epoch, self.seen = self.points[self.seen :], len(self.points)
            if self.prune(of_epoch) and not is_over:
                raise EndError("pruned")

    def on_train_end(self, trainer: pl.Trainer, _module: Any) -> None:
        self._add_metrics(trainer, "train")
        if self.target:
            self._add([Point(name, trainer.global_step, self.epoch, math.inf) for name in TO_TARGET])

    def on_test_end(self, trainer: pl.Trainer, _module: Any) -> None:
        self._add_metrics(trainer, "test")

    def _add_metrics(self, trainer: pl.Trainer, stage: str) -> None:
        """The epoch's metrics of that stage alone: the Trainer keeps those of stages that did not run again."""
        names = self.logged.pop(stage, {})
        values = trainer.callback_metrics.items()  # with an ending for each of several loaders
        metrics = {name: value.item() for name, value in values if name.split(SEVERAL)[0] in names}
        if all(map(math.isfinite, metrics.values())):
            metrics |= self._of_outputs(trainer.lightning_module, STAGES[stage])
        self._add([Point(key, trainer.global_step, self.epoch, value) for key, value in metrics.items()])
        if not all(map(math.isfinite, metrics.values())):
            raise EndError("diverged")
        if self.target and stage != "test" and self.target.metric in metrics:
            self._look_at_target(trainer.global_step, metrics[self.target.metric])
        if self.patience and stage != "test" and self.patience.rule.metric in metrics:
            kind = np.float64 if trainer.lightning_module.dtype == torch.float64 else np.float32
            value = np.array([metrics[self.patience.rule.metric]], dtype=kind)
            if self.patience.exhausted(np.zeros(1, dtype=int), value)[0]:
                self.is_stopping = trainer.should_stop = True

    def _look_at_target(self, step: int, value: float) -> None:
        """Note what it took, if the target is reached."""
        if self.target and self.target.reached(value):
            took = (step, self.examples, time.perf_counter() - self.start)
            self._add([Point(name, step, self.epoch, value) for name, value in zip(TO_TARGET, took, strict=True)])
            self.target = None

    def _of_outputs(self, module: pl.LightningModule, split: str) -> dict[str, float]:
        """The metrics of all outputs of an epoch, those that have a value."""
        outputs = module.outputs.pop(split, None) if isinstance(module, Learner) else None
        if not self.epoch_metrics or not outputs:
            return {}
        predicted, target = (torch.cat(parts).unsqueeze(0) for parts in zip(*outputs, strict=True))
        values = {name: value.item() for name, value in self.epoch_metrics.values(predicted, target).items()}
        return {f"{split}/{name}": value for name, value in values.items() if math.isfinite(value)}

    def _add(self, points: list[Point]) -> None:
        self.points += points
        if self.publish:
            self.publish(points)


def _switch_optimizers(trainer: pl.Trainer, mode: str) -> None:
    """Have optimizers such as schedule-free ones show the weights that they train, or those that they evaluate."""
    for optimizer in trainer.optimizers:
        if switch := getattr(optimizer, mode, None):
            switch()


def _norm(tensors: Iterable[Tensor]) -> float:
    """The L2 norm of all their numbers."""
    norms = [torch.linalg.vector_norm(tensor.detach()) for tensor in tensors]
    return float(torch.linalg.vector_norm(torch.stack(norms)))
