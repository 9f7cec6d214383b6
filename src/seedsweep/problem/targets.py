"""Columns of a table as numbers and as classes."""

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.validation import check_choice

KEY = "data.target"
CHOOSE = "choose columns with data.features=[…]"


def numbers(column: pd.Series, key: str = "data.features", otherwise: str = CHOOSE) -> np.ndarray:
    """A column as finite numbers.

    Args:
        column: of a table.
        key: that chose it, for messages.
        otherwise: what to do but to mend the file, for messages.

    Returns:
        (n,) float64.

    Raises:
        ConfigError: a value is no number, or is not finite.
    """
    types = pd.api.types
    if not (types.is_numeric_dtype(column) or types.is_string_dtype(column) or types.is_object_dtype(column)):
        raise ConfigError(key, column.name, f"holds {column.dtype}, not numbers; choose others")
    try:
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    except TypeError as error:  # lists and the like in the cells of a Parquet file
        raise ConfigError(key, column.name, f"holds no numbers: {error}") from error
    wrong_rows = np.flatnonzero(~np.isfinite(values))
    if len(wrong_rows):
        value = column.iloc[wrong_rows[0]]
        wrong = "is missing" if pd.isna(value) else f"is {str(value)!r}"
        allowed = (
            f"every value must be a finite number, but {len(wrong_rows)} are not;"
            f" the one in row {wrong_rows[0] + 1} {wrong}. Mend the file, or {otherwise}"
        )
        raise ConfigError(key, column.name, allowed)
    return values


def regression_target(target: pd.Series) -> np.ndarray:
    """The target of a regression.

    Args:
        target: the column.

    Returns:
        (n,) float64.

    Raises:
        ConfigError: it holds no numbers, or the same one in all rows.
    """
    values = numbers(target.rename(str(target.name or "target")), KEY, "choose data.task=classification")
    if values.min() == values.max():
        raise ConfigError(KEY, target.name or "target", f"is {values[0]:g} in all rows: there is nothing to learn")
    return values


def is_continuous(target: pd.Series) -> bool:
    """Whether a target holds numbers that are no classes.

    Args:
        target: the column.

    Returns:
        Whether it is of floating-point numbers, some of which are no integers.
    """
    return pd.api.types.is_float_dtype(target) and bool((target.dropna() % 1 != 0).any())


def class_codes(target: pd.Series, positive_class: str | int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The classes of a target.

    Args:
        target: the column.
        positive_class: the name of one that is to be told from all others; None for all of them.

    Returns:
        Their indices (n,) int64, and their names in that order: the source's, or else sorted.

    Raises:
        ConfigError: the column holds no classes, a single one, or not the one that was asked for.
    """
    name = target.name or "target"
    if target.isna().any():
        raise ConfigError(KEY, name, f"has {int(target.isna().sum())} missing values")
    if is_continuous(target):
        raise ConfigError(KEY, name, "holds continuous numbers, and no classes; choose data.task=regression")
    if pd.api.types.is_float_dtype(target):
        target = target.astype("int64")
    try:
        categories = pd.Categorical(target)
    except TypeError as error:
        raise ConfigError(KEY, name, f"holds no classes: {error}") from error
    classes = tuple(map(str, categories.categories))
    if len(classes) < 2:
        raise ConfigError(KEY, name, f"has one class only, {classes[0]}; a classifier needs two")
    if positive_class is None:
        return categories.codes.astype(np.int64), classes
    check_choice("data.positive_class", str(positive_class), classes)
    positive = str(positive_class)
    return (categories.codes == classes.index(positive)).astype(np.int64), (f"not {positive}", positive)
