"""The Lightning module around a network: loss, accuracy and optimizer."""

from collections.abc import Callable, Iterable
from typing import Any

from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seedsweep.outcomes import SUBOPTIMALITY

METRICS = tuple(f"{stage}/{quantity}" for stage in ("train", "val", "test") for quantity in ("loss", "accuracy"))
METRICS += (SUBOPTIMALITY,)


def own_loss(kind: type) -> bool:
    """Whether networks of that class have a method `loss`, of the tensors of a minibatch, and thus no accuracy."""
    return callable(getattr(kind, "loss", None))


class Classifier(LightningModule):
    """Trains `net` on the mean cross-entropy (in nats) of its logits, (n,) or (n, k), with `optimizer(parameters)`.

    A network with a method `loss` is trained on that instead. `schedule(optimizer)`, if there is one, makes the
    schedule of the learning rate, which takes a step after each epoch.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        schedule: Callable[[Optimizer], LRScheduler] | None = None,
    ):
        super().__init__()
        self.net, self.optimizer, self.schedule = net, optimizer, schedule

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        return self._score(batch, "train")

    def validation_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> None:
        self._score(batch, "val")

    def test_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> None:
        self._score(batch, "test")

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizer = self.optimizer(self.parameters())
        return [optimizer], [self.schedule(optimizer)] if self.schedule else []

    def _score(self, batch: tuple[Tensor, ...], stage: str) -> Tensor:
        values = {f"{stage}/{quantity}": value for quantity, value in self._measure(batch).items()}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return values[f"{stage}/loss"]

    def _measure(self, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
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
