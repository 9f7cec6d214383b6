"""From a data set to splits that are ready to train on: read, split and standardised."""

import hashlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from seedsweep.caching import forget
from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import Dataset, Table
from seedsweep.problem.fitting import fitted
from seedsweep.problem.standardization import mean_and_scale
from seedsweep.validation import check_integer

log = logging.getLogger(__name__)
_versions: dict[Dataset, object] = {}  # of the rows, as they were last read

EVALUATION_BATCH, EVALUATION_NUMBERS = 8192, 2**19  # rows, and numbers in them: only memory depends on these
# Initialization, data order and what a module samples as it trains never share bits, even from equal seeds.
ORDER_STREAM, MODULE_STREAM = 2**31, 2**30


@dataclass(frozen=True)
class Splits:
    """A data set ready to train on: features (n, d) float32 and target (n,) int64 of each split, and its origin.

    Rows that have a shape keep it: features (n, …). Of a regression the target is float32, and there are no classes;
    some rows have no target. `mean` and `scale` (d,) or (…) float64 are what standardisation subtracted and divided by,
    for each number of a row; of rows with a shape that nothing was done to they are a single 0 and 1. `target_scaling`
    is the same of a regression's target. `fingerprint` is a hash of all rows before it. `class_weights` (k,) are those
    of the loss, if not all are 1. `notes` say what was done to a table.
    """

    train: TensorDataset
    val: TensorDataset
    test: TensorDataset
    mean: Tensor
    scale: Tensor
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    fingerprint: str
    class_weights: Tensor | None = None
    target_scaling: tuple[float, float] = (0.0, 1.0)
    notes: tuple[str, ...] = ()

    @property
    def is_regression(self) -> bool:
        """Whether the target is a number."""
        return len(self.train.tensors) > 1 and not self.classes


def prepare(dataset: Dataset) -> Splits:
    """Read, split and standardise; kept in memory, since the runs of a sweep share few data sets."""
    version = dataset.version
    if _versions.setdefault(dataset, version) != version:
        _versions[dataset] = version
        forget()
    return _prepare(dataset, version)


@lru_cache(maxsize=8)
def _prepare(dataset: Dataset, _version: object) -> Splits:
    read = dataset.read()
    table = fitted(read)
    train = table.split[0]
    if table.notes:
        _say(f"{dataset.name}: {'; '.join(table.notes)}")
    check_integer("data.batch_size", dataset.batch_size, 1, len(train), "the number of training rows")
    scaled, mean, scale = _scaled(table.features, table.feature_names, train, dataset.standardize)
    target, scaling = table.target, (0.0, 1.0)
    if target is not None and not table.classes:
        column, (first,), (unit,) = _scaled(target[:, np.newaxis], ("target",), train, dataset.standardize)
        target, scaling = column[:, 0], (float(first), float(unit))
    tensors = [torch.from_numpy(values) for values in (scaled, target) if values is not None]
    train_set, val_set, test_set = (TensorDataset(*(values[rows] for values in tensors)) for rows in table.split)
    return Splits(
        train=train_set,
        val=val_set,
        test=test_set,
        mean=torch.from_numpy(mean),
        scale=torch.from_numpy(scale),
        feature_names=table.feature_names,
        classes=table.classes,
        fingerprint=_fingerprint(read),
        class_weights=None if table.class_weights is None else torch.from_numpy(table.class_weights).float(),
        target_scaling=scaling,
        notes=table.notes,
    )


@cache
def _say(line: str) -> None:
    """Say, once, what was done to a table."""
    log.warning("%s", line)


def _fingerprint(table: Table) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(table.features).data)
    digest.update(b"" if table.target is None else table.target.tobytes())
    digest.update(repr(table.features.shape).encode() if table.features.ndim > 2 else b"")
    return digest.hexdigest()[:16]


def _scaled(
    values: np.ndarray, names: Sequence[str], train: np.ndarray, rows: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers (n, …) as float32, standardized by what their `rows` say, with the mean and the scale (…) of that."""
    mean, scale = _standardization(values, train, rows)
    with np.errstate(over="ignore"):
        scaled = (values if rows == "none" else (values - mean) / scale).astype(np.float32, copy=False)
    if not np.isfinite(scaled).all():
        wrong = ~np.isfinite(scaled.reshape(len(scaled), -1)).all(axis=0)
        raise ConfigError("data.features", names[np.flatnonzero(wrong)[0]], "has values too large for 32-bit numbers")
    return scaled, mean, scale


def _standardization(features: np.ndarray, train: np.ndarray, rows: str) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the scale of each number in a row, over the training rows, over all rows (a leak), or 0 and 1."""
    shape = features.shape[1:]
    if rows == "none":
        return (np.zeros(shape), np.ones(shape)) if len(shape) == 1 else (np.zeros(()), np.ones(()))
    mean, scale = mean_and_scale((features[train] if rows == "train" else features).reshape(-1, math.prod(shape)))
    return mean.reshape(shape), scale.reshape(shape)


def evaluation_rows(columns: tuple[Tensor, ...]) -> int:
    """How many rows are evaluated at a time: fewer where they are long, as images are.

    Args:
        columns: features (n, …), and what else there is of each row.

    Returns:
        At least 64.
    """
    return max(64, min(EVALUATION_BATCH, EVALUATION_NUMBERS // max(1, columns[0][0].numel())))
