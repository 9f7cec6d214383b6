"""Modules as people bring them: Lightning's, with steps and names of their own, and torch's that cannot be trained."""

from typing import Any

import torch
from pytorch_lightning import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import Metric

Batch = tuple[Tensor, Tensor]


def margin_loss(scores: Tensor, target: Tensor) -> Tensor:
    """The mean of the squared hinge of scores (n, 1)."""
    return (1 - (2 * target - 1) * scores.squeeze(1)).clamp(min=0).square().mean()


class Margins(LightningModule):
    """A Lightning module with a loss, names and an optimizer of its own, for two classes."""

    def __init__(self, hidden: int = 3, rate: float = 0.05, features: int = 4):
        super().__init__()
        self.save_hyperparameters()
        self.rate = rate
        self.layers = nn.Sequential(nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        features, target = batch
        loss = margin_loss(self.layers(features), target)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._measure("valid", batch)

    def test_step(self, batch: Batch) -> None:
        self._measure("test", batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.rate)

    def _measure(self, stage: str, batch: Batch) -> None:
        output = self.layers(batch[0])
        right = ((output.squeeze(1) > 0) == batch[1]).float().mean()
        self.log_dict({f"{stage}_loss": margin_loss(output, batch[1]), f"{stage}_acc": right})


class Unvalidated(LightningModule):
    """Has a training step alone, and no optimizer."""

    def __init__(self, features: int):
        super().__init__()
        self.layer = nn.Linear(features, 1)

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        loss = margin_loss(self.layer(batch[0]), batch[1])
        self.log("fit_loss", loss, on_step=False, on_epoch=True)
        return {"loss": loss}


class Hooked(Margins):
    """Logs in a hook that only the Trainer calls."""

    def on_train_epoch_end(self) -> None:
        self.log("epochs_score", float(self.current_epoch + 1))


class Repeating(Margins):
    """Gives its losses one name."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = margin_loss(self.layers(batch[0]), batch[1])
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("loss", margin_loss(self.layers(batch[0]), batch[1]))


class Sided(Margins):
    """Takes several loaders of validation rows."""

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        super().validation_step(batch, batch_idx)


class Indexed(Margins):
    """Depends on the number of the batch."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) * (2 if batch_idx % 2 else 1)


class Annealed(Margins):
    """Depends on the epoch."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) * (1 + self.current_epoch)


class Manual(Margins):
    """Takes the steps of its optimizer itself."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.automatic_optimization = False

    def training_step(self, batch: Batch, batch_idx: int) -> None:  # type: ignore[override]
        optimizer: Any = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(super().training_step(batch, batch_idx))
        optimizer.step()


class Network(nn.Module):
    """A linear layer, whose forward pass the classes below get wrong."""

    def __init__(self, features: int, outputs: int = 2):
        super().__init__()
        self.layer = nn.Linear(features, outputs)

    def forward(self, x: Tensor) -> Any:
        return self.layer(x)


class Pair(Network):
    def forward(self, x: Tensor) -> Any:
        return self.layer(x), x


class Column(Network):
    def __init__(self, features: int):
        super().__init__(features, 1)


class Wide(Network):
    def __init__(self, features: int):
        super().__init__(features, 7)


class Narrow(Network):
    def __init__(self) -> None:
        super().__init__(3)


class Lazy(Network):
    def __init__(self) -> None:
        super().__init__(1)
        self.layer = nn.LazyLinear(2)


class Constant(Network):
    def forward(self, x: Tensor) -> Any:
        return torch.zeros(len(x), 2)


class Forwardless(nn.Module):
    def __init__(self, features: int):
        super().__init__()
        self.layer = nn.Linear(features, 2)


class Empty(nn.Module):
    def forward(self, x: Tensor) -> Any:
        return x[:, :2]


class Normed(nn.Module):
    """Cannot be trained on a minibatch of a single row."""

    def __init__(self, features: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, 2), nn.BatchNorm1d(2))

    def forward(self, x: Tensor) -> Any:
        return self.layers(x)


class Clouds(LightningDataModule):
    """Two clouds of points, in minibatches of its own."""

    def __init__(self, rows: int = 64, batch_size: int = 8):
        super().__init__()
        self.rows, self.batch_size = rows, batch_size

    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(1)
        target = torch.arange(self.rows) % 2
        features = torch.randn(self.rows, 4, generator=generator) + 2 * target.unsqueeze(1)
        self.points = TensorDataset(features, target)

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.points, self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.points, self.rows)


class TwoSides(Clouds):
    """Validates on two sets of rows."""

    def val_dataloader(self) -> list[DataLoader[Any]]:
        return [DataLoader(self.points, size) for size in (self.rows, self.batch_size)]


class Heights(Clouds):
    """Has the sum of the features as a target (n, 1), in whole numbers if it is said so."""

    def __init__(self, whole: bool = False):
        super().__init__()
        self.whole = whole

    def setup(self, stage: str) -> None:
        super().setup(stage)
        features = self.points.tensors[0]
        heights = features.sum(dim=1, keepdim=True)
        self.points = TensorDataset(features, heights.round().squeeze(1) if self.whole else heights)


class Flat(Network):
    """Gives predictions (n,)."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(x)[:, 0]


class Unready(LightningDataModule):
    """Cannot be read."""

    def train_dataloader(self) -> Any:
        raise FileNotFoundError("no images here")


class Growing(Metric):
    """Counts its updates, and goes on after a reset."""

    count = 0

    def update(self, scores: Tensor, target: Tensor) -> None:
        self.count += 1

    def compute(self) -> Tensor:
        return torch.tensor(self.count)


class Hits(Metric):
    """How many rows are right, under a name that does not say that more are better."""

    hits: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("hits", torch.tensor(0))

    def update(self, scores: Tensor, target: Tensor) -> None:
        self.hits += ((scores > 0.5) == (target > 0)).sum()

    def compute(self) -> Tensor:
        return self.hits


class Concordance(Hits):
    """The same, which says it."""

    higher_is_better = True
