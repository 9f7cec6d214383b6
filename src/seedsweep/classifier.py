"""The Lightning module around a network: loss, accuracy and optimizer."""

from collections.abc import Callable, Iterable

from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim import Optimizer

METRICS = tuple(f"{stage}/{quantity}" for stage in ("train", "val", "test") for quantity in ("loss", "accuracy"))


class Classifier(LightningModule):
    """Trains `net` on the mean cross-entropy (in nats) of its logits, (n,) or (n, k), with `optimizer(parameters)`."""

    def __init__(self, net: nn.Module, optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]):
        super().__init__()
        self.net, self.optimizer = net, optimizer

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self._score(batch, "train")

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._score(batch, "val")

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._score(batch, "test")

    def configure_optimizers(self) -> Optimizer:
        return self.optimizer(self.parameters())

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
