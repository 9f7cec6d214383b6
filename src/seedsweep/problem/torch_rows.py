"""Rows of torch's map-style datasets, in the shape that their items have."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from hydra.utils import to_absolute_path
from omegaconf import OmegaConf
from torch import Tensor
from torch.utils.data import IterableDataset

from seedsweep.config.instantiation import make
from seedsweep.config.params import leaves
from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import Labelled

KEPT = 2  # data sets whose rows stay in memory, for all ways to split and batch them


@dataclass(frozen=True)
class Rows:
    """Rows in their own shape, (n, …) float32 or float64, their targets (n,), and the classes' names.

    Classes are int64, and the numbers of a regression float64.
    """

    features: np.ndarray
    target: np.ndarray
    classes: tuple[str, ...] | None

    def labels(self) -> pd.Series:
        """The classes by their names, or numbers; of the names those that no row has are left out."""
        if self.classes is None:
            return pd.Series(self.target)
        return pd.Series(pd.Categorical.from_codes(self.target, pd.Index(self.classes)).remove_unused_categories())


@dataclass(frozen=True, kw_only=True)
class TorchDataset(Labelled):
    """A map-style dataset of torch, whose items are pairs of numbers in any shape and a class or number.

    `dataset` is the configuration that makes it: a `_target_`, and what that takes. All items are read once; what its
    transforms draw is drawn then, by torch's generator with the seed 0.
    """

    dataset: Mapping[str, Any] = field(hash=False)
    standardize: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.features is not None:
            raise ConfigError("data.features", list(self.features), "chooses columns, and a torch Dataset has none")
        if not isinstance(self.dataset, Mapping) or "_target_" not in self.dataset:
            raise ConfigError(
                "data.dataset", self.dataset, "must have a _target_ that makes a torch Dataset: data.dataset._target_=…"
            )

    @property
    def version(self) -> object:
        """When the files that the dataset is made of were written, as far as its arguments name them."""
        return _written([value for _, value in leaves(self.dataset) if isinstance(value, str)])

    def load(self) -> tuple[np.ndarray, pd.Series]:
        rows = _rows_of(OmegaConf.to_yaml(OmegaConf.create(dict(self.dataset))), self.version)
        return rows.features, rows.labels()


@lru_cache(maxsize=KEPT)
def _rows_of(config: str, _version: object) -> Rows:
    values: Any = OmegaConf.to_container(OmegaConf.create(config))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return read_rows("data.dataset", make("data.dataset", values, object))


def _written(paths: Sequence[str]) -> tuple[tuple[int, int], ...]:
    files = [file for file in map(to_absolute_path, paths) if os.path.isfile(file)]
    return tuple((status.st_mtime_ns, status.st_size) for status in map(os.stat, files))


def read_rows(key: str, dataset: Any) -> Rows:
    """Read all items of a map-style dataset.

    Args:
        key: of the configuration, for messages.
        dataset: has `__len__` and `__getitem__`, and perhaps `classes`, the names of its classes.

    Returns:
        Its rows; an item that is one number is a row of one.

    Raises:
        ConfigError: it is no map-style dataset, or one of its items is no pair of numbers and a class.
    """
    kind = type(dataset)
    is_map = hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and not isinstance(dataset, str | Mapping)
    if not is_map or isinstance(dataset, IterableDataset):
        allowed = (
            "must be a map-style dataset, with __len__ and __getitem__; for another a LightningDataModule is needed"
        )
        raise ConfigError(key, _name(dataset), allowed)
    if not len(dataset):
        raise ConfigError(key, _name(dataset), "has no items")
    features, targets = np.empty(0), list[int | float]()
    for index in range(len(dataset)):
        try:
            numbers, target = _pair(_item(dataset, index))
            targets.append(target)
            if not index:
                features = np.empty((len(dataset), *numbers.shape), np.promote_types(numbers.dtype, np.float32))
            elif numbers.shape != features.shape[1:]:
                raise ValueError(f"has an x of shape {numbers.shape}, and the first one has {features.shape[1:]}")
        except ValueError as error:
            raise _refusal(key, dataset, index, str(error)) from error
        with np.errstate(over="ignore"):
            features[index] = numbers
    finite = np.isfinite(features).reshape(len(features), -1).all(axis=1)
    if not finite.all():
        raise _refusal(key, dataset, int(finite.argmin()), "has an x in which a number is missing or infinite")
    array = np.array(targets)
    return Rows(features, array, _classes(key, dataset, array) if array.dtype.kind == "i" else None)


def _item(dataset: Any, index: int) -> Any:
    try:
        return dataset[index]
    except Exception as error:  # whatever a third party's dataset raises
        raise ValueError(f"cannot be read: {type(error).__name__}: {error}") from error


def _pair(item: Any) -> tuple[np.ndarray, int | float]:
    """The numbers of an item, (1,) where they are a single one, and its target; a `ValueError` says what is wrong."""
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise ValueError(f"is a {type(item).__name__}, not a pair (x, y)")
    x, y = item
    try:
        numbers = np.atleast_1d(x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x))
    except (TypeError, ValueError) as error:
        raise ValueError(f"has an x that is no array: {error}") from error
    if numbers.dtype.kind not in "biuf" or not numbers.size:
        kind = "an empty array" if numbers.dtype.kind in "biuf" else f"a {type(x).__name__}"
        raise ValueError(f"has {kind} as its x, not numbers; give the dataset a transform that makes a tensor")
    try:
        value = y.item() if isinstance(y, Tensor | np.ndarray | np.generic) else y
    except (RuntimeError, ValueError):  # of more than one number
        value = None
    if not isinstance(value, int | float) or not math.isfinite(value):
        shown = f"a {type(y).__name__} of {y.dtype}" if isinstance(y, Tensor) else repr(y)
        raise ValueError(f"has {shown} as its y, not an integer class or a number")
    return numbers, value if isinstance(value, float) else int(value)


def _classes(key: str, dataset: Any, target: np.ndarray) -> tuple[str, ...] | None:
    """The names that a dataset has for its classes, as torchvision's have, if it has any."""
    named = getattr(dataset, "classes", None)
    if not isinstance(named, Sequence) or isinstance(named, str) or not named:
        return None
    names = tuple(
        ", ".join(name) if isinstance(name, tuple) else str(name) for name in named
    )  # synonyms, of ImageNet's
    if len(set(names)) < len(names) or target.min() < 0 or target.max() >= len(names):
        allowed = (
            f"has {len(names)} names in `classes` for classes from {target.min()} to {target.max()}: give each one"
        )
        raise ConfigError(key, _name(dataset), allowed)
    return names


def _refusal(key: str, dataset: Any, index: int, wrong: str) -> ConfigError:
    return ConfigError(key, _name(dataset), f"its item {index} {' '.join(wrong.split())}")


def _name(dataset: Any) -> str:
    return f"{type(dataset).__module__}.{type(dataset).__qualname__}"
