"""The Lightning module of a run: one's own, or the one around a network, with loss, accuracy and optimizer."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerConfig, OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
MakeSchedule = Callable[[Optimizer], LRScheduler]


def own_loss(kind: type) -> bool:
    """Whether networks have a loss of their own, and thus no accuracy.

    Args:
        kind: their class.

    Returns:
        Whether it has a method `loss`, of the tensors of a minibatch.
    """
    return callable(getattr(kind, "loss", None))


def lightning_module(
    net: nn.Module,
    optimizer: MakeOptimizer | None,
    schedule: MakeSchedule | None = None,
    interval: str = "epoch",
) -> LightningModule:
    """The Lightning module that trains a network.

    Args:
        net: a network, or a Lightning module, which is trained by its own steps.
        optimizer: makes the optimizer of parameters; None for that of the module's own `configure_optimizers`.
        schedule: makes the schedule of the learning rate, if there is one.
        interval: when the schedule takes a step, after each `epoch` or each `step` of the optimizer.

    Returns:
        A `Classifier` around the network; a Lightning module as it is, but for its optimizer.
    """
    if not isinstance(net, LightningModule):
        assert optimizer  # noqa: S101  as `engine.validation` has seen to
        return Classifier(net, optimizer, schedule, interval)
    if optimizer:
        own = partial(_optimization, net, optimizer, schedule, interval)
        net.configure_optimizers = own  # type: ignore[method-assign]
    return net


def trained(module: LightningModule) -> nn.Module:
    """The network that a Lightning module trains, whose weights are kept.

    Args:
        module: as `lightning_module` gives it.

    Returns:
        The network that the module is around, or the module itself where it is one's own.
    """
    return module.net if isinstance(module, Classifier) else module


def _optimization(
    module: LightningModule, make: MakeOptimizer, schedule: MakeSchedule | None, interval: str
) -> OptimizerConfig | OptimizerLRSchedulerConfig:
    """What `configure_optimizers` returns."""
    optimizer = make(module.parameters())
    if schedule is None:
        return {"optimizer": optimizer}
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule(optimizer), "interval": interval}}


class Classifier(LightningModule):
    """Trains `net` on the mean cross-entropy (in nats) of its logits, (n,) or (n, k), with `optimizer(parameters)`.

    A network with a method `loss` is trained on that instead. `schedule(optimizer)`, if there is one, makes the
    schedule of the learning rate, which takes a step after each `interval`.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: MakeOptimizer,
        schedule: MakeSchedule | None = None,
        interval: str = "epoch",
    ):
        super().__init__()
        self.net, self.optimizer, self.schedule, self.interval = net, optimizer, schedule, interval

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        return self._score(batch, "train")

    def validation_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> None:
        self._score(batch, "val")

    def test_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> None:
        self._score(batch, "test")

    def configure_optimizers(self) -> OptimizerConfig | OptimizerLRSchedulerConfig:
        return _optimization(self, self.optimizer, self.schedule, self.interval)

    def _score(self, batch: tuple[Tensor, ...], stage: str) -> Tensor:
        values = {f"{stage}/{quantity}": value for quantity, value in self.measure(batch).items()}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return values[f"{stage}/loss"]

    def measure(self, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Loss and accuracy of a minibatch.

        Args:
            batch: features (n, d) and target (n,), or whatever the network's own loss takes.

        Returns:
            Means over the rows, by their names.
        """
        if own_loss(type(self.net)):
            net: Any = self.net
            return {"loss": net.loss(*batch)}
        features, target = batch
        logits = self.net(features)
        if logits.ndim == 1:
            loss = binary_cross_entropy_with_logits(logits, target.to(logits.dtype))
            correct = (logits > 0) == (target > 0)
        else:
            loss = cross_entropy(logits, target)
            correct = logits.argmax(dim=1) == target
        return {"loss": loss, "accuracy": correct.float().mean()}
