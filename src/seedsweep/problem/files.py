"""Rows from files."""

import math
import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from hydra.utils import to_absolute_path

from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import Labelled, columns_of
from seedsweep.problem.delimited import KEYS, Read, check_format, read_csv
from seedsweep.validation import check_file

FRACTION = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?(?:\.\d+)?")  # pandas numbers what occurs twice
UNREADABLE = (pd.errors.ParserError, pd.errors.EmptyDataError, pd.errors.ParserWarning, BadZipFile, OSError, ValueError)


@dataclass(frozen=True, kw_only=True)
class File(Labelled):
    """A CSV, Parquet or .npz file: `path` (relative to where the command was typed), its `target` column, its
    `features` (all other columns when None).

    Of a CSV file `separator`, `decimal`, `thousands` and `encoding` are found out unless they are given, but for
    thousands. The arrays of an .npz are columns; those of more than one dimension are flattened row by row, X to X0, X1
    """

    path: str | None
    target: str
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_format(self._format)

    @property
    def _format(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in KEYS}

    @property
    def may_lose_columns(self) -> bool:
        return not str(self.path).endswith(".npz")

    @property
    def version(self) -> object:
        try:
            status = os.stat(_absolute(str(self.path), os.getcwd()))  # asked for each job: a Path would take 20 µs
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def load(self) -> tuple[pd.DataFrame, pd.Series]:
        frame, target, _ = self.load_noted()
        return frame, target

    def load_noted(self) -> tuple[pd.DataFrame, pd.Series, tuple[str, ...]]:
        target = str(self.target)
        frame, notes = _read_file(str(self.path), self._format, target, self.missing == "word")
        if frame.index.name is not None and frame.index.name in (target, *(self.features or ())):
            frame = frame.reset_index()
        if target not in frame:
            unnamed = "; its first line names no columns: write their names above it" * _names_nothing(frame)
            raise ConfigError("data.target", target, f"no such column; {columns_of(frame)}{unnamed}")
        if self.features is not None and target in self.features:
            raise ConfigError("data.features", target, "is the target; leave it out of the features")
        return frame.drop(columns=target), frame[target], notes


@lru_cache(maxsize=8)
def _absolute(path: str, _directory: str) -> str:
    """Where a file is that is named relative to where the command was typed, for this working directory."""
    return to_absolute_path(path)


def _names_nothing(frame: pd.DataFrame) -> bool:
    """Whether most of what is taken for names are numbers with fractions: the first row of a file without a header."""
    return 2 * sum(FRACTION.fullmatch(name) is not None for name in map(str, frame)) >= max(2, frame.shape[1])


def _read_file(path: str, given: Mapping[str, Any], target: str, has_words: bool) -> Read:
    file = Path(to_absolute_path(path))
    check_file("data.path", file, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # ragged rows would lose their last fields
            frame, notes = _read(file, given, target, has_words)
    except ConfigError:
        raise
    except UNREADABLE as error:
        allowed = f"is no CSV, Parquet or NumPy table: {' '.join(str(error).split())}"
        raise ConfigError("data.path", path, allowed) from error
    if frame.empty:
        raise ConfigError("data.path", path, "has no rows")
    return Read(frame.rename(columns=str), notes)


def _read(file: Path, given: Mapping[str, Any], target: str, has_words: bool) -> Read:
    if file.suffix not in READERS:
        return read_csv(file, given, target, has_words)
    for key, value in given.items():
        if value is not None:
            raise ConfigError(f"data.{key}", value, f"is of CSV files, and {file.name} is none")
    return Read(READERS[file.suffix](file), ())


def _read_arrays(file: Path) -> pd.DataFrame:
    """The arrays of an .npz file as columns: each vector is one, and rows of more dimensions are flattened in order."""
    with np.load(file, allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    if len({array.shape[:1] for array in values.values()}) > 1 or any(array.ndim == 0 for array in values.values()):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in values.items())
        raise ValueError(f"its arrays must have as many rows; they are {shapes}")
    columns: dict[str, np.ndarray] = {}
    for name, array in values.items():
        parts = {name: array} if array.ndim == 1 else _columns_of_rows(name, array)
        if taken := columns.keys() & parts:
            raise ValueError(f"two of its arrays make a column {min(taken)}")
        columns |= parts
    return pd.DataFrame(columns)


def _columns_of_rows(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    rows = array.reshape(len(array), math.prod(array.shape[1:]))
    return {f"{name}{position}": column for position, column in enumerate(rows.T)}


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {".parquet": pd.read_parquet, ".npz": _read_arrays}
