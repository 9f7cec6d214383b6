"""Where the rows come from: one class per kind of source, each a choice of the `data` group."""

import logging
import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.problem.bundled_files import read_bundled
from seedsweep.problem.class_weights import class_weights
from seedsweep.problem.columns import feature_columns, named_columns
from seedsweep.problem.gaps import MISSING, complete_rows
from seedsweep.problem.targets import class_codes, is_continuous, regression_target, without_unused
from seedsweep.problem.train_test import cut_in_two
from seedsweep.validation import check_boolean, check_choice, check_integer

log = logging.getLogger(__name__)
HELD_OUT = 0.3  # halved into validation and test
FEWEST = 4  # rows of which each part gets one
STANDARDIZE = ("train", "all", "none")
TASKS = ("classification", "regression")
CATEGORICAL = ("one_hot", "refuse")
Split = tuple[np.ndarray, np.ndarray, np.ndarray]
Weights = str | float | tuple[float, ...] | None  # of the classes


@dataclass(frozen=True)
class Table:
    """Rows of numbers with a class each: features (n, d) float64, target (n,) int64 in 0…k-1, and the names of both.

    Rows that have a shape keep it, as images do: features (n, …), in the order of their names row by row. Of a
    regression the target is float64, and there are no classes. `split` are the indices of the training, validation and
    test rows. Rows without a target have none. `class_weights` (k,) are those in the loss, if not all are 1.

    A table as it came from somebody may have gaps, which are NaN, and, if it `may_lose_columns`, some that say nothing;
    `notes` say what was done to it.
    """

    features: np.ndarray
    target: np.ndarray | None
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    split: Split
    class_weights: np.ndarray | None = None
    may_lose_columns: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dataset(ABC):
    """A data set and how it is batched; the keys of every file in `conf/data`."""

    name: str
    batch_size: int = 16
    drop_last: bool = False
    standardize: str = "train"

    def __post_init__(self) -> None:
        if isinstance(self.name, (list, dict)):
            raise ConfigError("data.name", self.name, "must be one value, not several")
        check_integer("data.batch_size", self.batch_size, 1)
        check_boolean("data.drop_last", self.drop_last)
        check_choice("data.standardize", self.standardize, STANDARDIZE)

    @property
    def version(self) -> object:
        """What changes when the rows may have changed since they were last read."""
        return None

    @abstractmethod
    def read(self) -> Table:
        """The rows as numbers and classes; raises `ConfigError` where they are not."""


@dataclass(frozen=True, kw_only=True)
class Labelled(Dataset):
    """A data set with a target for each row, a class or a number, and how it is split."""

    features: tuple[str, ...] | None = None
    task: str | None = None
    positive_class: str | int | None = None
    class_weights: Weights = None
    split_seed: int = 42
    stratify: bool = True
    missing: str = "refuse"
    categorical: str = "one_hot"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("data.missing", self.missing, MISSING)
        check_choice("data.categorical", self.categorical, CATEGORICAL)
        for key in ("features", "target"):
            self._check_names(key)
        if self.features is not None:  # a list of the configuration; a tuple can be hashed
            names = [self.features] if isinstance(self.features, str) else self.features
            object.__setattr__(self, "features", tuple(map(str, names)))
            if repeated := [name for name in self.features if self.features.count(name) > 1]:
                raise ConfigError("data.features", repeated[0], "is named twice")
        for key in ("path", "target", "positive_class"):
            if isinstance(getattr(self, key, None), (list, dict)):
                raise ConfigError(f"data.{key}", getattr(self, key), "must be one value, not several")
        if self.task is not None:
            check_choice("data.task", self.task, TASKS)
        if isinstance(self.class_weights, list):
            object.__setattr__(self, "class_weights", tuple(self.class_weights))
        if isinstance(self.class_weights, dict):
            allowed = "must be a list, of a number for each class in their order, or balanced, or null"
            raise ConfigError("data.class_weights", self.class_weights, allowed)
        check_integer("data.split_seed", self.split_seed, 0, 2**32 - 1)
        check_boolean("data.stratify", self.stratify)

    @abstractmethod
    def load(self) -> tuple[pd.DataFrame | np.ndarray, pd.Series]:
        """The columns, or rows in a shape of their own, and the target as the source has them."""

    @property
    def may_lose_columns(self) -> bool:
        """Whether a column is left out that is the same in all training rows; pixels are not, that many images lack."""
        return True

    def load_noted(self) -> tuple[pd.DataFrame | np.ndarray, pd.Series, tuple[str, ...]]:
        """The same, and what was done to the source."""
        return *self.load(), ()

    def read(self) -> Table:
        rows, target, notes = self.load_noted()
        if isinstance(rows, np.ndarray):
            return self._table(rows, target, _positions(rows))
        frame, unnamed = self._choose(rows)
        if frame.shape[1] == 0:
            raise ConfigError("data.features", self.features, "leaves no column to learn from")
        columns = feature_columns(frame, self.categorical)
        target, unused = without_unused(target)
        complete = complete_rows(columns, target, self.missing)
        notes = (*notes, *unnamed, *columns.notes, *unused, *complete.notes)
        table = self._table(complete.values, complete.target, columns.names)
        return replace(table, may_lose_columns=self.may_lose_columns, notes=notes)

    def _table(self, values: np.ndarray, target: pd.Series, names: tuple[str, ...]) -> Table:
        """The rows with their targets, split."""
        if self._is_regression(target):
            results = regression_target(target)
            return Table(values, results, names, (), self._cut(len(results), None))
        codes, classes = class_codes(target, self.positive_class)
        split = self._split(codes, classes)
        return Table(values, codes, names, classes, split, class_weights(self.class_weights, codes[split[0]], classes))

    def _check_names(self, key: str) -> None:
        """Refuse a name that Hydra has read as something else: what was typed cannot be told any more."""
        given = getattr(self, key, None)
        for name in given if isinstance(given, list | tuple) else [given]:
            if isinstance(name, bool | float):
                allowed = f"is read as a {'number' if isinstance(name, float) else 'truth value'}, and names a column"
                quoted = f"['{name}']" if isinstance(given, list | tuple) else f"'{name}'"
                raise ConfigError(f"data.{key}", name, f'{allowed}: quote it as typed, "data.{key}={quoted}"')

    def _is_regression(self, target: pd.Series) -> bool:
        """Whether the target is a number, by what is asked for or else by its values, which is then said."""
        if self.task is None and is_continuous(target):
            log.warning("%s holds continuous numbers: a regression (data.task=regression)", target.name or "the target")
        elif self.task != "regression":
            return False
        for key in ("positive_class", "class_weights"):
            if getattr(self, key) is not None:
                raise ConfigError(f"data.{key}", getattr(self, key), "is for classes, and this is a regression")
        return True

    def _choose(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """The features, and what is said of columns that are none."""
        if self.features is None:
            return named_columns(frame)
        for name in self.features:
            if name not in frame:
                raise ConfigError("data.features", name, f"no such column; {columns_of(frame)}")
        return frame[list(self.features)], ()

    def _split(self, target: np.ndarray, classes: tuple[str, ...]) -> Split:
        """The split of rows with classes, each of which must be among the training rows."""
        try:
            split = self._cut(len(target), target if self.stratify else None)
            complete = len(np.unique(target[split[0]])) == len(classes)
        except ValueError:  # there are too few rows
            complete = False
        if not complete:
            counts = np.bincount(target)
            allowed = (
                f"{len(target)} rows are too few to split 70/15/15 with every class among the training rows:"
                f" class {classes[counts.argmin()]} has {counts.min()} row(s)"
            )
            if self.task is None and all(map(str.isdecimal, classes)):
                allowed += "; if the target is a number, choose data.task=regression"
            raise ConfigError("data.name", self.name, allowed)
        return split

    def _cut(self, rows: int, strata: np.ndarray | None) -> Split:
        """Indices of the training (70 %), validation (15 %) and test (15 %) rows, of equal shares of the strata."""
        if rows < FEWEST:
            raise ConfigError("data.name", self.name, f"{rows} rows are too few to split 70/15/15")

        def cut(indices: np.ndarray, share: float) -> tuple[np.ndarray, ...]:
            return cut_in_two(indices, share, self.split_seed, None if strata is None else strata[indices])

        train, held_out = cut(np.arange(rows), HELD_OUT)
        val, test = cut(held_out, 0.5)
        return train, val, test


@dataclass(frozen=True, kw_only=True)
class ScikitLearn(Labelled):
    """A data set inside scikit-learn: `loader` is the name after `load_`."""

    loader: str

    @property
    def may_lose_columns(self) -> bool:
        return False

    def load(self) -> tuple[pd.DataFrame, pd.Series]:
        check_choice("data.loader", self.loader, ("breast_cancer", "diabetes", "digits", "iris", "wine"))
        if (bundled := read_bundled(self.loader)) is not None:
            return bundled
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{self.loader}")(as_frame=True)
        if "target_names" not in bunch:  # of a regression
            return bunch.data, bunch.target
        names = pd.Index(map(str, bunch.target_names))
        return bunch.data, pd.Series(pd.Categorical.from_codes(bunch.target.to_numpy(), names))


def columns_of(frame: pd.DataFrame) -> str:
    """What columns there are, in words.

    Args:
        frame: a table.

    Returns:
        The names of the first twelve, how many more there are, and a hint where it seems to be wrongly separated.
    """
    names = list(map(str, frame))
    rest = f" and {len(names) - 12} more" if len(names) > 12 else ""
    hint = "; data.separator=space cuts it" if len(names) == 1 and re.search(r"\w\s+\w", names[0]) else ""
    return f"there are {', '.join(names[:12])}{rest}{hint}"


def _positions(rows: np.ndarray) -> tuple[str, ...]:
    """The names of the numbers in a row, in order."""
    return tuple(f"x{position}" for position in range(math.prod(rows.shape[1:])))
