"""Columns of a table as features: numbers, levels of categories, and gaps; dates and texts are none."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.problem.delimited import EMPTY, looks_grouped, shown
from seedsweep.problem.targets import check_spaces, numbers

KEY = "data.features"
MOST_LEVELS = 100  # of a category; and at most one for two rows, else a text tells rows apart and is no category
UNNAMED = re.compile(r"Unnamed: \d+(_level_\d+)?(\.\d+)*")  # as pandas calls a column without a name
DATE = re.compile(r"\d+\D+\w+\D+\d+.*|\d+:\d+.*")
BOOLEANS = {"true": 1.0, "false": 0.0}
SAMPLED = 1000  # different texts that are looked at


class Columns(NamedTuple):
    """Features (n, d) with NaN where a value is missing, their names, the column of each, and what is said."""

    values: np.ndarray
    names: tuple[str, ...]
    origins: tuple[str, ...]
    notes: tuple[str, ...]


def named_columns(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns of a table that have a name; the index that pandas or R wrote along has none.

    Args:
        frame: the features that nobody chose.

    Returns:
        The rest, and what is said of those that are left out.

    Raises:
        ConfigError: a column without a name holds values.
    """
    left_out = [str(name) for name in frame if UNNAMED.fullmatch(str(name))]
    for name in left_out:
        column = frame[name]
        is_index = pd.api.types.is_integer_dtype(column) and column.is_unique
        if not (is_index or column.isna().all()):
            others = [str(other) for other in frame if other not in left_out]
            allowed = "has no name in the file, and is no index: name it, or choose "
            raise ConfigError(KEY, name, allowed + _choice(others))
    notes = (f"left out {shown(left_out)}, an index without a name",) if left_out else ()
    return frame.drop(columns=left_out), notes


def feature_columns(frame: pd.DataFrame, categorical: str) -> Columns:
    """The columns of a table as numbers: a category is a column for each of its levels, in sorted order.

    Args:
        frame: the features.
        categorical: `one_hot`, or `refuse`.

    Returns:
        The columns.

    Raises:
        ConfigError: one holds dates, texts, or numbers that are written in another way.
    """
    columns = [(str(name), _marked(frame[name])) for name in frame]
    texts = [name for name, column in columns if _is_category(column)]
    if texts and categorical == "refuse":
        others = f" (nor do {len(texts) - 1} more of {len(columns)} columns)" if len(texts) > 1 else ""
        numeric = [name for name, _ in columns if name not in texts]
        choice = f"choose from {_choice(numeric)}, or data.categorical=one_hot" if numeric else "no column does"
        raise ConfigError(KEY, texts[0], f"holds no numbers{others}; {choice}")
    encoded = list(_encoded(columns, set(texts)))
    names = tuple(name for _, features in encoded for name in features)
    origins = tuple(name for name, features in encoded for _ in features)
    notes = [
        f"{name} one-hot ({shown([level.removeprefix(f'{name}=') for level in features])})"
        for name, features in encoded
        if name in texts
    ]
    return Columns(
        np.column_stack([c for _, features in encoded for c in features.values()]), names, origins, tuple(notes)
    )


def _encoded(columns: list[tuple[str, pd.Series]], texts: set[str]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Of each column its name and the features that it makes."""
    for name, column in columns:
        if name not in texts:
            yield name, {name: numbers(column, KEY, "choose columns with data.features=[…]", gaps=True)}
            continue
        _check_category(name, column, [other for other, _ in columns if other not in texts])
        categories = pd.Categorical(column).remove_unused_categories()
        check_spaces(KEY, name, categories.categories)
        hot = [
            np.where(categories.codes < 0, np.nan, categories.codes == code)
            for code in range(len(categories.categories))
        ]
        yield name, {f"{name}={level}": values for level, values in zip(categories.categories, hot, strict=True)}


def _marked(column: pd.Series) -> pd.Series:
    """A column of texts with gaps where its cells say that something is missing; any other column as it is."""
    if not _holds_texts(column):
        return column
    stripped = column.str.strip()
    column = column.mask(stripped.isin(EMPTY).fillna(False).astype(bool), None)
    lowered = column.dropna().str.strip().str.lower()
    if len(lowered) and lowered.isin(BOOLEANS).all():
        return column.str.strip().str.lower().map(BOOLEANS).astype(float)
    return column.astype(float) if not len(lowered) else column


def _holds_texts(column: pd.Series) -> bool:
    """Whether all cells that hold something are texts."""
    if pd.api.types.is_numeric_dtype(column) or not (
        pd.api.types.is_string_dtype(column) or pd.api.types.is_object_dtype(column)
    ):
        return False
    return pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty")


def _is_category(column: pd.Series) -> bool:
    """Whether a column is one of pandas' categories, or of texts none of which is a number, in whatever way written."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    if not _holds_texts(column):
        return False
    held = column.dropna()
    is_number = pd.to_numeric(held, errors="coerce").notna().any()
    return not is_number and not any(looks_grouped(text) for text in held.unique()[:SAMPLED])


def _check_category(name: str, column: pd.Series, others: list[str]) -> None:
    held = pd.Series(column.dropna().unique()).astype(str)
    instead = f"leave it out: {_choice(others)}" if others else "no other column is left"
    sample = held.iloc[:SAMPLED]
    if sample.map(lambda text: DATE.fullmatch(text.strip()) is not None).all() and _are_dates(sample):
        allowed = (
            f"holds dates, such as {held.iloc[0]}, and no numbers; {instead}, or write numbers instead, such as days"
        )
        raise ConfigError(KEY, name, allowed)
    if len(held) > max(2, min(MOST_LEVELS, len(column) / 2)):
        allowed = f"holds {len(held)} different texts in {len(column)} rows, too many to be levels of a category"
        raise ConfigError(KEY, name, f"{allowed}; {instead}")


def _are_dates(texts: pd.Series) -> bool:
    return bool(pd.to_datetime(texts, errors="coerce", format="mixed", utc=True).notna().all())


def _choice(names: list[str]) -> str:
    """The override that chooses columns."""
    return f"data.features=[{','.join(names[:12])}{',…' if len(names) > 12 else ''}]"
