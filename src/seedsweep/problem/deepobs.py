"""DeepOBS' problem `quadratic_deep`: noisy points and a quadratic loss with the curvatures of a deep network.

Points and curvatures are sampled by NumPy with the published seeds (Schneider et al., DeepOBS, ICLR 2019), and training
starts at a fixed point: a run's seed determines the order of the points alone.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Generator, Tensor, nn

from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import Dataset, Table

DIMENSIONS, POINTS, NOISE = 100, 1000, 0.6  # the points' standard deviation
HESSIAN_SEED, TRAIN_SEED, TEST_SEED = 42, 42, 43


@dataclass(frozen=True, kw_only=True)
class Points(Dataset):
    """Points around zero, without classes. The published test points are those of the validation, too.

    With `drop_last`, the test ends with its last full minibatch, as an epoch does and as DeepOBS' test does.
    """

    def read(self) -> Table:
        train, test = (
            np.random.RandomState(seed).normal(0, NOISE, (POINTS, DIMENSIONS)).astype(np.float32)
            for seed in (TRAIN_SEED, TEST_SEED)
        )
        test_rows = POINTS + np.arange(POINTS - POINTS % self.batch_size if self.drop_last else POINTS)
        return Table(
            features=np.concatenate([train, test]).astype(np.float64),
            target=None,
            feature_names=tuple(f"x{number}" for number in range(1, DIMENSIONS + 1)),
            classes=(),
            split=(np.arange(POINTS), test_rows, test_rows),
        )


class Quadratic(nn.Module):
    """A point θ (d,) that is trained on ½ (θ − x)ᵀ Q (θ − x); forward gives the losses (n,) of points (n, d).

    It starts at ones, whatever the `generator` is.
    """

    hessian: Tensor

    def __init__(self, features: int, classes: int = 0, generator: Generator | None = None):
        super().__init__()
        if classes:
            allowed = f"has no use for classes, and the data has {classes}; choose data=quadratic_deep"
            raise ConfigError("model", "quadratic", allowed)
        self.theta = nn.Parameter(torch.ones(features))
        self.register_buffer("hessian", torch.from_numpy(hessian(features).astype(np.float32)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        offset = self.theta - x
        return 0.5 * ((offset @ self.hessian) * offset).sum(dim=-1)

    def loss(self, x: Tensor) -> Tensor:
        """The training loss: the mean over the points (n, d) of a minibatch."""
        return self.forward(x).mean()


@lru_cache
def hessian(dimensions: int = DIMENSIONS) -> np.ndarray:
    """Q (d, d) float64, symmetric: nine tenths of its eigenvalues between 0 and 1, the others between 30 and 60."""
    random = np.random.RandomState(HESSIAN_SEED)
    steep = dimensions // 10
    eigenvalues = np.concatenate([random.uniform(0, 1, dimensions - steep), random.uniform(30, 60, steep)])
    rotation = _rotation(dimensions, random)
    matrix: np.ndarray = rotation.T @ (eigenvalues[:, None] * rotation)
    return matrix


def _rotation(dimensions: int, random: np.random.RandomState) -> np.ndarray:
    """A random rotation (d, d), uniformly distributed, by the subgroup algorithm (Diaconis & Shahshahani 1987)."""
    angle = 2 * np.pi * random.uniform()
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for size in range(3, dimensions + 1):
        mirror = -random.normal(size=size)
        mirror /= np.linalg.norm(mirror)
        mirror[0] += 1
        mirror /= np.linalg.norm(mirror)
        larger = np.eye(size)
        larger[1:, 1:] = rotation
        rotation = larger - 2 * np.outer(mirror, mirror @ larger)
    return -rotation
