"""Map-style datasets of torch as people bring them, and a network for their images."""

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset, TensorDataset


def digits() -> TensorDataset:
    """Images (1, 8, 8) of scikit-learn's digits."""
    bunch = load_digits()
    return TensorDataset(torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1), torch.tensor(bunch.target))


class Items(Dataset[Any]):
    """Sixty items that `item` makes, and what else is given."""

    made = 0

    def __init__(self, item: str = "plain", classes: list[str] | None = None):
        Items.made += 1
        self.item = getattr(self, item)
        if classes:
            self.classes = classes

    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> Any:
        return self.item(index)

    def plain(self, index: int) -> Any:
        return np.full((2, 3), index % 7, dtype=np.uint8), index % 3

    def number(self, index: int) -> Any:
        return index / 7, torch.tensor(index % 3)

    def drawn(self, index: int) -> Any:
        return torch.randn(4), index % 2

    def single(self, index: int) -> Any:
        return torch.zeros(3)

    def differing(self, index: int) -> Any:
        return torch.zeros(3 + index // 10), index % 3

    def infinite(self, index: int) -> Any:
        return torch.tensor([1.0, float("nan") if index == 7 else 0.0]), index % 3

    def text(self, index: int) -> Any:
        return "image.png", index % 3

    def continuous(self, index: int) -> Any:
        return torch.zeros(3), index / 2

    def worded(self, index: int) -> Any:
        return torch.zeros(3), "none"

    def raising(self, index: int) -> Any:
        raise FileNotFoundError("no images here")

    def negative(self, index: int) -> Any:
        return torch.zeros(3), index % 3 - 1


class Stream(IterableDataset[Any]):
    """Has no length."""

    def __iter__(self) -> Any:
        yield torch.zeros(3), 0


class Convolution(nn.Module):
    """A convolutional network for images (1, 8, 8)."""

    def __init__(self, classes: int, width: int = 4):
        super().__init__()
        layers = (nn.Conv2d(1, width, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(9 * width, classes))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits
