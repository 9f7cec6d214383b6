"""CSV and Parquet files as people have them: separator, encoding and decimal commas are found out, and said."""

import csv
import io
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.problem.codes import CODE
from seedsweep.problem.csv_format import (
    HEAD,
    check_header,
    check_names,
    check_text,
    encodings,
    first_lines,
    may_be_grouped,
    separators,
    word,
)
from seedsweep.validation import check_file

KEY = "runs"  # of conf/compare.yaml
PARQUET = (".parquet", ".pq")
TABLES = (*PARQUET, ".csv", ".tsv")
NOTHING = ("", "na", "n/a", "<na>", "null", "none", "-")  # cells of a column of numbers that hold none
NOT_A_NUMBER = ("nan", "+nan", "-nan", "1.#ind", "1.#qnan")


class ReadTable(NamedTuple):
    """A table, and what was unusual about its file."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


def read_table(file: Path) -> ReadTable:
    """Read a table, whose columns become numbers where every cell that holds something is one.

    A cell of a CSV file that says `nan` was written by something that diverged, and becomes an infinity; an empty one
    holds nothing.

    Args:
        file: CSV in any of the usual separators and encodings, or Parquet.

    Returns:
        The table, whose names are different strings.

    Raises:
        ConfigError: it is no such table.
    """
    check_file(KEY, file, file)
    try:
        frame, notes = _parquet(file) if file.suffix.lower() in PARQUET else _csv(file)
    except (OSError, ValueError, csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        if isinstance(error, ConfigError):
            raise
        reason = " ".join(str(error).split())
        raise ConfigError(KEY, file, f"is no table in CSV or Parquet that can be read: {reason}") from error
    if frame.empty:
        raise ConfigError(KEY, file, "has no rows")
    return ReadTable(frame, notes)


def _parquet(file: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    frame = pd.read_parquet(file)
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame.columns = frame.columns.map(str)
    for name in map(str, frame):
        column = frame[name]
        if column.dtype.kind == "O":
            frame[name] = column.astype(object).map(
                lambda value: None if value is pd.NA or value is None else str(value)
            )
        elif pd.api.types.is_extension_array_dtype(column.dtype) and column.dtype.kind in "iuf":  # whose gaps are pd.NA
            frame[name] = column.astype(float if column.isna().any() or column.dtype.kind == "f" else int)
    return frame, ()


def _csv(file: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    content = file.read_bytes()
    check_text(KEY, file, content[:HEAD])
    text, encoding = _decoded(content)
    lines = first_lines(content[:HEAD], encoding)
    check_header(lines)
    separator = separators(lines)[0]
    check_names(KEY, file, lines, separator)
    options: dict[str, Any] = {"sep": separator, "dtype": str, "keep_default_na": False, "skipinitialspace": True}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # ragged rows would lose their last fields
        frame = pd.read_csv(io.StringIO(text), index_col=False, **options)
    frame.columns = frame.columns.str.strip()
    is_header = (frame == list(frame.columns)).all(axis=1)  # written anew by each process that appended
    frame = frame.loc[(frame != "").any(axis=1) & ~is_header].reset_index(drop=True)
    frame = frame.apply(lambda cells: cells.fillna("").str.strip())
    typed = {str(name): _typed(frame[name], decimal_commas=separator != ",") for name in frame}
    commas = {name: frame[name] for name, column in typed.items() if column.has_commas}
    notes = [f"read as {encoding}"] * (encoding not in ("utf-8", "utf-8-sig"))
    notes += [f"separated by {word(separator)}s"] * (separator != ",")
    notes += [f"left out {is_header.sum()} of its rows, headers that were written again"] * bool(is_header.any())
    notes += _comma_notes(commas) if commas else []
    return pd.DataFrame({name: column.values for name, column in typed.items()}), tuple(notes)


def _comma_notes(columns: dict[str, pd.Series]) -> list[str]:
    """What is said of columns with decimal commas, of which a single one that can be nothing else decides for all."""
    notes = [f"decimal commas in {', '.join(columns)}"]
    name, cells = next(iter(columns.items()))
    if all(may_be_grouped(column) for column in columns.values()):
        cell = cells[cells.str.contains(",", regex=False)].iloc[0]
        plain = cell.replace(",", "")
        notes.append(f"{cell} in {name} is taken for {cell.replace(',', '.')}: if it is {plain}, write it so")
    return notes


def _decoded(content: bytes) -> tuple[str, str]:
    """The text of a file with lines that end as Python's, and its encoding."""
    for encoding in encodings(content[:HEAD]):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text.replace("\r\n", "\n").replace("\r", "\n"), encoding
    raise ValueError("its encoding is none of UTF-8, UTF-16 and Latin-1")


class _Typed(NamedTuple):
    """A column, and whether its numbers have decimal commas."""

    values: pd.Series
    has_commas: bool


def _typed(cells: pd.Series, decimal_commas: bool) -> _Typed:
    """A column as numbers where all cells that hold something are, else as strings."""
    lowered = cells.str.lower()
    held = cells.where(~lowered.isin(NOT_A_NUMBER), "inf").where(~lowered.isin(NOTHING), None)
    has_commas = decimal_commas and held.str.contains(",", regex=False, na=False).any()
    for strings in (held, *([held.str.replace(",", ".", regex=False)] if has_commas else [])):
        try:
            numbers = pd.to_numeric(strings)
        except (ValueError, TypeError):
            continue
        if numbers.notna().any() and not _are_codes(held, numbers):
            return _Typed(numbers, strings is not held)
    return _Typed(cells.where(cells != "", None), False)


def _are_codes(held: pd.Series, numbers: pd.Series) -> bool:
    """Whether numbers would be less than the strings: 01 and 1 are two then."""
    return bool(held.str.fullmatch(CODE).fillna(False).any()) and numbers.nunique() < held.nunique()


def is_integer(values: pd.Series) -> bool:
    """Whether a column of numbers holds integers alone, gaps aside."""
    if values.dtype.kind in "iu":
        return True
    held = values.dropna().to_numpy(dtype=float)
    return bool(np.isfinite(held).all() and (held == np.round(held)).all())
