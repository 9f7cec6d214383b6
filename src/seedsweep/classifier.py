"""The Lightning module around a network: loss, accuracy and optimizer."""

from collections.abc import Callable, Iterable

from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

METRICS = tuple(f"{stage}/{quantity}" for stage in ("train", "val", "test") for quantity in ("loss", "accuracy"))


class Classifier(LightningModule):
    """Trains `net` on the mean cross-entropy (in nats) of its logits, (n,) or (n, k), with `optimizer(parameters)`.

    `schedule(optimizer)`, if there is one, makes the schedule of its learning rate, which takes a step an epoch.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        schedule: Callable[[Optimizer], LRScheduler] | None = None,
    ):
        super().__init__()
        self.net, self.optimizer, self.schedule = net, optimizer, schedule

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self._score(batch, "train")

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._score(batch, "val")

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._score(batch, "test")

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizer = self.optimizer(self.parameters())
        return [optimizer], [self.schedule(optimizer)] if self.schedule else []

    def _score(self, batch: tuple[Tensor, Tensor], stage: str) -> Tensor:
        features, target = batch
        logits = self.net(features)
        if logits.ndim == 1:
            loss = binary_cross_entropy_with_logits(logits, target.to(logits.dtype))
            correct = (logits > 0) == (target > 0)
        else:
            loss = cross_entropy(logits, target)
            correct = logits.argmax(dim=1) == target
        values = {f"{stage}/loss": loss, f"{stage}/accuracy": correct.float().mean()}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(target))
        return loss
