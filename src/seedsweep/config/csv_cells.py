"""CSV files that no value breaks, and that start nothing in a spreadsheet.

A text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP says, which is taken away when
the file is read again.
"""

import csv
import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

RISKY = frozenset("=+-@\t\r\n'")  # the apostrophe, so that reading gives back one that was there
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+|inf|nan)([eE][+-]?\d+)?")


class Writable(Protocol):
    """What text is written to."""

    def write(self, text: str, /) -> Any:
        """Take a text."""


def writer(stream: Writable) -> Any:
    r"""A `csv.writer` whose rows end with \n, and which quotes also what has a \r, as Python's does not.

    Args:
        stream: opened without translation of newlines.

    Returns:
        The writer.
    """
    return csv.writer(_Lines(stream), lineterminator="\r\n")


class _Lines:
    """A stream of rows, each written at once, whose ends become those of Unix."""

    def __init__(self, stream: Writable):
        self._write = stream.write

    def write(self, row: str) -> Any:
        return self._write(row.removesuffix("\r\n") + "\n")


def safe(cell: Any) -> Any:
    """A cell that starts nothing.

    Args:
        cell: any value.

    Returns:
        A text that begins like a formula, and is no number, with an apostrophe in front; any other value as it is.
    """
    if type(cell) is not str or cell[:1] not in RISKY or NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def original(cell: Any) -> Any:
    """The cell that `safe` was given.

    Args:
        cell: as the file has it.

    Returns:
        It, without the apostrophe that was put in front.
    """
    is_safe = isinstance(cell, str) and cell[:1] == "'" and cell[1:2] in RISKY and len(cell) > 1
    return cell[1:] if is_safe else cell


def original_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table that a file was made of.

    Args:
        table: as pandas reads the file.

    Returns:
        It, with names and texts as they were.
    """
    from pandas.api.types import is_string_dtype

    table = table.rename(columns=original)
    for name, column in table.items():
        if is_string_dtype(column) and column.str.startswith("'", na=False).any():
            table[name] = column.map(original, na_action="ignore")
    return table


def csv_of(table: "pd.DataFrame", **options: Any) -> str:
    """A table as CSV, of which only cells are quoted that have to be.

    Args:
        table: whose index is left out.
        options: of pandas' `to_csv`.

    Returns:
        The text.
    """
    from io import StringIO

    text = StringIO(newline="")
    table.to_csv(_Lines(text), index=False, lineterminator="\r\n", **options)  # type: ignore[call-overload]
    return text.getvalue()


def safe_csv(table: "pd.DataFrame") -> str:
    """A table as a CSV file for people.

    Args:
        table: whose index is left out.

    Returns:
        The text, in which no cell starts anything.
    """
    texts = {str(name): column.map(safe) for name, column in table.items() if column.dtype.kind == "O"}
    return csv_of(table.assign(**texts).rename(columns=safe))
