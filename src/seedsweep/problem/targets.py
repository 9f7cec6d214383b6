"""Columns of a table as numbers and as classes."""

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.problem.delimited import looks_grouped
from seedsweep.validation import check_choice

KEY = "data.target"
EXACT = 2**53  # up to which float64 has every integer
CHOOSE = "choose columns with data.features=[…]"


def numbers(column: pd.Series, key: str = "data.features", otherwise: str = CHOOSE, gaps: bool = False) -> np.ndarray:
    """A column as finite numbers.

    Args:
        column: of a table.
        key: that chose it, for messages.
        otherwise: what to do but to mend the file, for messages.
        gaps: whether values may be missing.

    Returns:
        (n,) float64, with NaN for those that are missing.

    Raises:
        ConfigError: a value is no number, or is not finite.
    """
    types = pd.api.types
    if not (types.is_numeric_dtype(column) or types.is_string_dtype(column) or types.is_object_dtype(column)):
        what = f"{column.dtype}, dates and times," if types.is_datetime64_any_dtype(column) else str(column.dtype)
        raise ConfigError(key, column.name, f"holds {what} not numbers; choose others, or write numbers instead")
    try:
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    except TypeError as error:  # lists and the like in the cells of a Parquet file
        raise ConfigError(key, column.name, f"holds no numbers: {error}") from error
    if _holds_integers(column) and np.abs(values, where=np.isfinite(values), out=np.zeros_like(values)).max() > EXACT:
        allowed = (
            f"holds integers beyond {EXACT}, which 64-bit numbers cannot tell apart; an id is nothing to learn from"
        )
        raise ConfigError(key, column.name, f"{allowed}: {otherwise}")
    wrong_rows = np.flatnonzero(~np.isfinite(values))
    if len(wrong_rows) and gaps:
        wrong_rows = wrong_rows[column.iloc[wrong_rows].notna().to_numpy()]
    if len(wrong_rows):
        value = column.iloc[wrong_rows[0]]
        wrong = "is missing" if pd.api.types.is_scalar(value) and pd.isna(value) else f"is {str(value)!r}"
        wrong += ", as in the header" * (str(value).strip() == str(column.name))
        allowed = (
            f"every value must be a finite number, but {len(wrong_rows)} are not;"
            f" the one in row {wrong_rows[0] + 1} {wrong}. Mend the file, or {otherwise}"
        )
        if hint := looks_grouped(str(value)):
            allowed = f"holds {str(value)!r}, which {hint} reads as a number; or {otherwise}"
        raise ConfigError(key, column.name, allowed)
    return values


def _holds_integers(column: pd.Series) -> bool:
    """Whether all that a column holds are integers, of whatever size."""
    if pd.api.types.is_integer_dtype(column):
        return True
    held = column.dropna() if column.dtype == object else ()
    return len(held) > 0 and all(isinstance(value, int) for value in held)


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
    check_spaces(KEY, name, categories.categories)
    if len(classes) < 2:
        raise ConfigError(KEY, name, f"has one class only, {classes[0]}; a classifier needs two")
    if positive_class is None:
        return categories.codes.astype(np.int64), classes
    check_choice("data.positive_class", str(positive_class), classes)
    positive = str(positive_class)
    return (categories.codes == classes.index(positive)).astype(np.int64), (f"not {positive}", positive)


def without_unused(target: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """A target without the levels that no row has, as a category of pandas may have them.

    Args:
        target: the column.

    Returns:
        It, and what is said of such levels.
    """
    if not isinstance(target.dtype, pd.CategoricalDtype):
        return target, ()
    used = target.cat.remove_unused_categories()
    unused = [str(level) for level in target.cat.categories if level not in used.cat.categories]
    return used, (f"no row is of class {', '.join(unused)}",) if unused else ()


def check_spaces(key: str, name: object, levels: pd.Index) -> None:
    """Check that no two classes or levels differ in spaces alone.

    Args:
        key: that chose the column, for messages.
        name: of the column.
        levels: its different values.

    Raises:
        ConfigError: two do; names them.
    """
    level_of = dict[str, str]()
    for level in map(str, levels):
        other = level_of.setdefault(" ".join(level.split()), level)
        if other != level:
            raise ConfigError(key, name, f"holds {other!r} and {level!r}, which differ in spaces alone: mend the file")
