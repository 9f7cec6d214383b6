"""Where the rows come from: one class per kind of source, each a choice of the `data` group."""

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from seedsweep.errors import ConfigError
from seedsweep.validation import check_boolean, check_choice, check_integer

HELD_OUT = 0.3  # halved into validation and test
STANDARDIZE = ("train", "all", "none")


@dataclass(frozen=True)
class Table:
    """Rows of numbers with a class each: features (n, d) float64, target (n,) int64 in 0…k-1, and the names of both.

    Rows that have a shape keep it, as images do: features (n, …), in the order of their names row by row.
    `split` are the indices of the training, validation and test rows. Rows without classes have no `target`.
    """

    features: np.ndarray
    target: np.ndarray | None
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    split: tuple[np.ndarray, np.ndarray, np.ndarray]


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
    """A data set with a class for each row, and how it is split."""

    features: tuple[str, ...] | None = None
    positive_class: str | int | None = None
    split_seed: int = 42
    stratify: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.features is not None:  # a list of the configuration; a tuple can be hashed
            names = [self.features] if isinstance(self.features, str) else self.features
            object.__setattr__(self, "features", tuple(map(str, names)))
            if repeated := [name for name in self.features if self.features.count(name) > 1]:
                raise ConfigError("data.features", repeated[0], "is named twice")
        for key in ("path", "target", "positive_class"):
            if isinstance(getattr(self, key, None), (list, dict)):
                raise ConfigError(f"data.{key}", getattr(self, key), "must be one value, not several")
        check_integer("data.split_seed", self.split_seed, 0, 2**32 - 1)
        check_boolean("data.stratify", self.stratify)

    @abstractmethod
    def load(self) -> tuple[pd.DataFrame | np.ndarray, pd.Series]:
        """The columns, or rows in a shape of their own, and the target as the source has them."""

    def read(self) -> Table:
        rows, target = self.load()
        values, names = (rows, _positions(rows)) if isinstance(rows, np.ndarray) else self._columns(rows)
        codes, classes = _encode(target, self.positive_class)
        return Table(values, codes, names, classes, self._split(codes, classes))

    def _columns(self, frame: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
        """The values (n, d) of the columns that are chosen, and their names."""
        frame = self._choose(frame)
        if frame.shape[1] == 0:
            raise ConfigError("data.features", self.features, "leaves no column to learn from")
        return np.column_stack([_numbers(frame[name]) for name in frame]), tuple(map(str, frame.columns))

    def _choose(self, frame: pd.DataFrame) -> pd.DataFrame:
        if self.features is None:
            return frame
        for name in self.features:
            if name not in frame:
                raise ConfigError("data.features", name, f"no such column; {columns_of(frame)}")
        return frame[list(self.features)]

    def _split(self, target: np.ndarray, classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices of the training (70 %), validation (15 %) and test (15 %) rows."""

        def cut(rows: np.ndarray, size: float) -> list[np.ndarray]:
            strata = target[rows] if self.stratify else None
            return train_test_split(  # type: ignore[no-any-return]
                rows, test_size=size, random_state=self.split_seed, stratify=strata
            )

        try:
            train, held_out = cut(np.arange(len(target)), HELD_OUT)
            val, test = cut(held_out, 0.5)
            complete = len(np.unique(target[train])) == len(classes)
        except ValueError:  # scikit-learn raises it for too few rows
            complete = False
        if not complete:
            counts = np.bincount(target)
            allowed = (
                f"{len(target)} rows are too few to split 70/15/15 with every class among the training rows:"
                f" class {classes[counts.argmin()]} has {counts.min()} row(s)"
            )
            raise ConfigError("data.name", self.name, allowed)
        return train, val, test


@dataclass(frozen=True, kw_only=True)
class ScikitLearn(Labelled):
    """A data set inside scikit-learn: `loader` is the name after `load_`."""

    loader: str

    def load(self) -> tuple[pd.DataFrame, pd.Series]:
        from sklearn import datasets

        check_choice("data.loader", self.loader, ("breast_cancer", "digits", "iris", "wine"))
        bunch = getattr(datasets, f"load_{self.loader}")(as_frame=True)
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
    hint = "; columns must be separated by commas" if len(names) == 1 and re.search(r"[;\t|]", names[0]) else ""
    return f"there are {', '.join(names[:12])}{rest}{hint}"


def _positions(rows: np.ndarray) -> tuple[str, ...]:
    """The names of the numbers in a row, in order."""
    return tuple(f"x{position}" for position in range(math.prod(rows.shape[1:])))


def _numbers(column: pd.Series) -> np.ndarray:
    """The column as finite float64 numbers."""
    types = pd.api.types
    if not (types.is_numeric_dtype(column) or types.is_string_dtype(column) or types.is_object_dtype(column)):
        raise ConfigError("data.features", column.name, f"holds {column.dtype}, not numbers; choose others")
    try:
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    except TypeError as error:  # lists and the like in the cells of a Parquet file
        raise ConfigError("data.features", column.name, f"holds no numbers: {error}") from error
    wrong_rows = np.flatnonzero(~np.isfinite(values))
    if len(wrong_rows):
        value = column.iloc[wrong_rows[0]]
        wrong = "is missing" if pd.isna(value) else f"is {str(value)!r}"
        allowed = (
            f"every value must be a finite number, but {len(wrong_rows)} are not;"
            f" the one in row {wrong_rows[0] + 1} {wrong}. Mend the file, or choose columns with data.features=[…]"
        )
        raise ConfigError("data.features", column.name, allowed)
    return values


def _encode(target: pd.Series, positive_class: str | int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The classes (n,) int64 as indices, and their names in that order: the source's, or else sorted."""
    name = target.name or "target"
    if target.isna().any():
        raise ConfigError("data.target", name, f"has {int(target.isna().sum())} missing values")
    if pd.api.types.is_float_dtype(target) and (target % 1 != 0).any():
        raise ConfigError("data.target", name, "holds continuous numbers; a classifier needs classes")
    if pd.api.types.is_float_dtype(target):
        target = target.astype("int64")
    try:
        categories = pd.Categorical(target)
    except TypeError as error:
        raise ConfigError("data.target", name, f"holds no classes: {error}") from error
    classes = tuple(map(str, categories.categories))
    if len(classes) < 2:
        raise ConfigError("data.target", name, f"has one class only, {classes[0]}; a classifier needs two")
    if positive_class is None:
        return categories.codes.astype(np.int64), classes
    check_choice("data.positive_class", str(positive_class), classes)
    positive = str(positive_class)
    return (categories.codes == classes.index(positive)).astype(np.int64), (f"not {positive}", positive)
