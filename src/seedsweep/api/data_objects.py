"""Frames, arrays and torch Datasets as data: kept in a file that is named by its content, and read as any other."""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from seedsweep.config.home import home, shipped
from seedsweep.errors import ConfigError

TARGET = "target"
TARGETS = (TARGET, "label", "class", "y")  # names that say it; else the last column is the target


def data_node(value: Any) -> tuple[str, DictConfig]:
    """Write an object to a file, and make the option of the group `data` that reads it.

    Args:
        value: a DataFrame, in which `target`, `label`, `class`, `y` or else the last column is the target; (X, y), in
            which the rows of X may have any shape; or a map-style Dataset of torch.

    Returns:
        The name of the option, and its keys.

    Raises:
        ConfigError: it is nothing of these, or holds what no data may.
    """
    if _is_torch_dataset(value):
        from seedsweep.problem.torch_rows import read_rows

        rows = read_rows("data", value)
        return _node_of_arrays(rows.features, rows.target, rows.classes, "none")
    if isinstance(value, tuple) and len(value) == 2 and getattr(value[0], "ndim", 2) > 2:
        return _node_of_arrays(*_arrays(*value), "train")
    return _node_of_frame(*_frame_and_target(value))


def _is_torch_dataset(value: Any) -> bool:
    """Whether a value is a Dataset of torch, which is not imported to tell."""
    data = sys.modules.get("torch.utils.data")
    return data is not None and isinstance(value, data.Dataset)


def _node_of_frame(frame: pd.DataFrame, target: str) -> tuple[str, DictConfig]:
    try:
        digest = hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        digest.update(repr(list(zip(frame, frame.dtypes, strict=True))).encode())
        name = f"frame_{digest.hexdigest()[:8]}"
        file = _written(f"{name}.parquet", lambda unfinished: frame.to_parquet(unfinished, index=False))
    except (TypeError, ValueError) as error:  # of pyarrow, too
        raise ConfigError("data", "the frame", f"has a column that no table can hold: {error}") from error
    features = f"{frame.shape[1] - 1} feature{'s' * (frame.shape[1] != 2)}"
    _say(f"{name}: {features}; the target is {target}, unless target=… names another column")
    return name, _option("table", {"path": str(file), "target": target})


def _node_of_arrays(
    features: np.ndarray, target: np.ndarray, classes: tuple[str, ...] | None, standardize: str
) -> tuple[str, DictConfig]:
    arrays = {"X": np.ascontiguousarray(features), "y": target}
    arrays |= {} if classes is None else {"classes": np.array(classes, dtype=str)}
    digest = hashlib.sha256()
    for key, array in arrays.items():
        digest.update(f"{key} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    name = f"rows_{digest.hexdigest()[:8]}"
    file = _written(f"{name}.npz", lambda unfinished: np.savez(unfinished, **arrays))  # type: ignore[arg-type]
    count = len(np.unique(target))
    learned = "numbers to predict" if target.dtype.kind == "f" else f"{count} class{'es' * (count != 1)}"
    _say(f"{name}: {len(features)} rows of shape {features.shape[1:]}, {learned}")
    dataset = {"_target_": "seedsweep.datasets.Arrays", "path": str(file)}
    return name, _option("torch", {"name": name, "dataset": dataset, "standardize": standardize})


def _option(base: str, values: dict[str, Any]) -> DictConfig:
    """A file of `conf/data` with other values."""
    node = OmegaConf.load(shipped("conf") / "data" / f"{base}.yaml")
    for key, value in values.items():
        OmegaConf.update(node, key, value)
    return node  # type: ignore[return-value]


def _say(text: str) -> None:
    Console(stderr=True).print(text, markup=False, highlight=False)


def _written(name: str, write: Callable[[IO[bytes]], Any]) -> Path:
    """The file of that name, which is written where there is none: whole, or not at all."""
    file = home() / "mlruns" / "data" / name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f".{file.name}.{os.getpid()}")
        with unfinished.open("wb") as opened:
            write(opened)
        os.replace(unfinished, file)
    return file


def _frame_and_target(value: Any) -> tuple[pd.DataFrame, str]:
    """What was given as a table, and the name of its target."""
    if isinstance(value, tuple) and len(value) == 2:
        frame = _table(*value)
        target = str(frame.columns[-1])
    elif isinstance(value, pd.DataFrame) and len(value) and value.shape[1] > 1:
        frame = value.rename(columns=str)
        target = next((column for column in TARGETS if column in frame), str(frame.columns[-1]))
    else:
        allowed = (
            "must be the name of an option, a DataFrame with rows, features and a target, (X, y), a torch Dataset,"
        )
        raise ConfigError("data", type(value).__name__, f"{allowed} or the class of a LightningDataModule")
    if frame.columns.duplicated().any():
        raise ConfigError("data", frame.columns[frame.columns.duplicated()][0], "is the name of two columns")
    return frame, target


def _table(features: Any, target: Any) -> pd.DataFrame:
    """The columns of the features, then the target."""
    if getattr(features, "ndim", 2) != 2 or getattr(target, "ndim", 1) not in (1, 2):
        raise ConfigError("data", getattr(features, "shape", None), "X must have at least two dimensions, and y one")
    if getattr(target, "ndim", 1) == 2:  # a column
        target = np.asarray(target).ravel()
    columns = pd.DataFrame(features).rename(columns=lambda name: name if isinstance(name, str) else f"x{name}")
    named = pd.Series(target)
    _check_lengths(columns, named)
    name = str(named.name) if named.name is not None else TARGET
    if name in columns:
        raise ConfigError("data", name, "is the name of a column of X and of y")
    return columns.assign(**{name: named.to_numpy()})


def _check_lengths(features: Any, target: Any) -> None:
    if len(features) != len(target):
        raise ConfigError("data", f"{len(features)} and {len(target)} rows", "X and y must have as many rows")


def _arrays(features: Any, target: Any) -> tuple[np.ndarray, np.ndarray, tuple[str, ...] | None]:
    """X with its rows in their shape, the classes as integers or the numbers of a regression, and names of classes."""
    rows, labels = (np.asarray(one.detach().cpu() if hasattr(one, "detach") else one) for one in (features, target))
    if rows.dtype.kind not in "biuf" or not rows.size or not np.isfinite(rows).all():
        raise ConfigError("data", f"X {rows.shape}", "must hold finite numbers, and at least one row")
    _check_lengths(rows, labels)
    named = pd.Series(labels.ravel()).infer_objects()
    if len(named) != len(rows) or named.isna().any():
        raise ConfigError("data", f"y {labels.shape}", "must have one class or number for each row")
    if pd.api.types.is_float_dtype(named) and (named % 1 != 0).any():
        return rows, named.to_numpy(), None
    if pd.api.types.is_numeric_dtype(named) and not pd.api.types.is_bool_dtype(named):
        return rows, named.to_numpy().astype(np.int64), None
    try:
        categories = pd.Categorical(named)
    except TypeError as error:
        raise ConfigError("data", f"y {labels.shape}", f"holds no classes: {error}") from error
    return rows, categories.codes.astype(np.int64), tuple(map(str, categories.categories))
