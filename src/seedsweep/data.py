"""From a data set to minibatches: splits, standardisation, and the Lightning data module."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, TensorDataset

from seedsweep.checks import check_whole
from seedsweep.datasets import Dataset, Table
from seedsweep.errors import ConfigError

Batches = DataLoader[tuple[Tensor, ...]]

HELD_OUT = 0.3  # halved into validation and test
EVALUATION_BATCH = 8192  # rows; only memory depends on it
# Initialization, data order and what a module draws as it trains never share bits, even from equal seeds.
ORDER_STREAM, MODULE_STREAM = 2**31, 2**30


@dataclass(frozen=True)
class Splits:
    """A data set ready to train on: features (n, d) float32 and target (n,) int64 of each split, and its origin.

    `mean` and `scale` (d,) float32 are what standardisation subtracted and divided by; `fingerprint` is a hash of all
    rows before it.
    """

    train: TensorDataset
    val: TensorDataset
    test: TensorDataset
    mean: Tensor
    scale: Tensor
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    fingerprint: str


def prepare(dataset: Dataset) -> Splits:
    """Read, split and standardise; kept in memory, since the runs of a sweep share few data sets."""
    return _prepare(dataset, dataset.version)


@lru_cache(maxsize=8)
def _prepare(dataset: Dataset, _version: object) -> Splits:
    table = dataset.read()
    train, val, test = _split(table, dataset)
    check_whole("data.batch_size", dataset.batch_size, 1, len(train), "the number of training rows")
    mean, scale = _standardization(table.features, train, dataset.standardize)
    with np.errstate(over="ignore"):
        scaled = ((table.features - mean) / scale).astype(np.float32)
    if not np.isfinite(scaled).all():
        column = table.feature_names[np.flatnonzero(~np.isfinite(scaled).all(axis=0))[0]]
        raise ConfigError("data.features", column, "has values too large for 32-bit numbers")
    features = torch.from_numpy(scaled)
    target = torch.from_numpy(table.target)
    parts = [TensorDataset(features[rows], target[rows]) for rows in (train, val, test)]
    return Splits(
        train=parts[0],
        val=parts[1],
        test=parts[2],
        mean=torch.from_numpy(mean.astype(np.float32)),
        scale=torch.from_numpy(scale.astype(np.float32)),
        feature_names=table.feature_names,
        classes=table.classes,
        fingerprint=hashlib.sha256(table.features.tobytes() + table.target.tobytes()).hexdigest()[:16],
    )


def _split(table: Table, dataset: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row numbers of the training (70 %), validation (15 %) and test (15 %) rows."""

    def halves(rows: np.ndarray, size: float) -> list[np.ndarray]:
        strata = table.target[rows] if dataset.stratify else None
        parts: list[np.ndarray] = train_test_split(
            rows, test_size=size, random_state=dataset.split_seed, stratify=strata
        )
        return parts

    try:
        train, held_out = halves(np.arange(len(table.target)), HELD_OUT)
        val, test = halves(held_out, 0.5)
        complete = len(np.unique(table.target[train])) == len(table.classes)
    except ValueError:  # scikit-learn's word for too few rows
        complete = False
    if not complete:
        counts = np.bincount(table.target)
        allowed = (
            f"{len(table.target)} rows are too few to split 70/15/15 with every class among the training rows:"
            f" class {table.classes[counts.argmin()]} has {counts.min()} row(s)"
        )
        raise ConfigError("data.name", dataset.name, allowed)
    return train, val, test


def _standardization(features: np.ndarray, train: np.ndarray, rows: str) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the scale (d,) of each column, over the training rows, over all rows (a leak), or 0 and 1."""
    if rows == "none":
        return np.zeros(features.shape[1]), np.ones(features.shape[1])
    scaler = StandardScaler().fit(features[train] if rows == "train" else features)
    return scaler.mean_, scaler.scale_


class DataModule(LightningDataModule):
    """Minibatches of `splits`, the training rows in an order drawn from `order_seed`, anew for every epoch."""

    def __init__(self, splits: Splits, batch_size: int = 16, order_seed: int = 0):
        super().__init__()
        self.splits, self.batch_size = splits, batch_size
        self.order = torch.Generator().manual_seed(ORDER_STREAM + order_seed)

    def train_dataloader(self) -> Batches:
        return _batches(RandomSampler(self.splits.train, generator=self.order), self.batch_size, self.order)

    def val_dataloader(self) -> Batches:
        return _batches(SequentialSampler(self.splits.val), EVALUATION_BATCH)

    def test_dataloader(self) -> Batches:
        return _batches(SequentialSampler(self.splits.test), EVALUATION_BATCH)


def _batches(
    rows: RandomSampler | SequentialSampler, batch_size: int, generator: torch.Generator | None = None
) -> Batches:
    """A loader that gathers a whole minibatch with one index instead of collating its rows one by one.

    The minibatches equal those of `DataLoader(dataset, batch_size, shuffle=True, generator=generator)`.
    """
    batches = BatchSampler(rows, batch_size, drop_last=False)
    dataset: TensorDataset = rows.data_source  # type: ignore[assignment]
    return DataLoader(dataset, batch_size=None, sampler=batches, generator=generator or torch.Generator())
