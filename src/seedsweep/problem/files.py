"""Rows from files."""

import math
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from hydra.utils import to_absolute_path

from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import Labelled, columns_of

UNREADABLE = (pd.errors.ParserError, pd.errors.EmptyDataError, pd.errors.ParserWarning, BadZipFile, OSError, ValueError)


@dataclass(frozen=True, kw_only=True)
class File(Labelled):
    """A CSV, Parquet or .npz file: `path` (relative to where the command was typed), its `target` column, its
    `features` (all other columns when None).

    The arrays of an .npz are columns; those of more than one dimension are flattened row by row: X to X0, X1, …
    """

    path: str | None
    target: str

    @property
    def version(self) -> object:
        try:
            status = os.stat(_absolute(str(self.path), os.getcwd()))  # asked for each job: a Path would take 20 µs
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def load(self) -> tuple[pd.DataFrame, pd.Series]:
        frame, target = _read_file(str(self.path)), str(self.target)
        if target not in frame:
            raise ConfigError("data.target", target, f"no such column; {columns_of(frame)}")
        if self.features is not None and target in self.features:
            raise ConfigError("data.features", target, "is the target; leave it out of the features")
        return frame.drop(columns=target), frame[target]


@lru_cache(maxsize=8)
def _absolute(path: str, _directory: str) -> str:
    """Where a file is that is named relative to where the command was typed, for this working directory."""
    return to_absolute_path(path)


def _read_file(path: str) -> pd.DataFrame:
    file = Path(to_absolute_path(path))
    if not file.is_file():
        raise ConfigError("data.path", path, "no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # ragged rows would lose their last fields
            frame = READERS.get(file.suffix, _read_csv)(file)
    except UNREADABLE as error:
        allowed = f"is no CSV, Parquet or NumPy table: {' '.join(str(error).split())}"
        raise ConfigError("data.path", path, allowed) from error
    if frame.empty:
        raise ConfigError("data.path", path, "has no rows")
    return frame.rename(columns=str)


def _read_csv(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, index_col=False)


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
