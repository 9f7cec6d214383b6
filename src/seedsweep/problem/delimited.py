"""CSV files as people have them: separator, encoding and decimal commas are found out, and said."""

import codecs
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.problem.codes import BEGINS_WITH_ZERO, with_codes
from seedsweep.problem.csv_format import (
    HEAD,
    SIGNS,
    check_header,
    check_names,
    check_text,
    encodings,
    first_lines,
    may_be_grouped,
    separators,
    word,
)
from seedsweep.validation import check_choice

KEYS = {  # of a CSV file, and the signs that each may be; words, since Hydra and shells read the signs themselves
    "separator": ("comma", "semicolon", "tab", "pipe", "space"),
    "decimal": ("dot", "comma"),
    "thousands": ("comma", "dot", "space", "apostrophe"),
    "encoding": (),
}
EMPTY = ("", "?", "-")  # cells that hold nothing, besides those that pandas knows
SPACES = " \u00a0\u2009\u202f"  # between thousands: also those at which no line breaks
BETWEEN = rf"(?<=\d)[{SPACES}](?=\d\d\d(?!\d))"
COMMA_NUMBER = r"[+-]?(?:\d+|\d*,\d+)(?:[eE][+-]?\d+)?"
POINT_NUMBER = r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?"


class Read(NamedTuple):
    """A table, and what was unusual about its file."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


def check_format(given: Mapping[str, Any]) -> None:
    """Check the keys of a CSV file's format.

    Args:
        given: `separator`, `decimal`, `thousands`, `encoding`; None where it is to be found out.

    Raises:
        ConfigError: one is no word for a sign, nor a sign, or there is no such encoding.
    """
    for key, words in KEYS.items():
        value = given[key]
        if value is None:
            continue
        if key != "encoding":
            check_choice(f"data.{key}", value, [*words, *(SIGNS[name] for name in words)])
            continue
        try:
            codecs.lookup(str(value))
        except LookupError as error:
            raise ConfigError("data.encoding", value, "is no encoding; utf-8, latin-1 and utf-16 are") from error
    signs = [SIGNS.get(given[key], given[key]) for key in ("separator", "decimal", "thousands") if given[key]]
    if len(set(signs)) < len(signs) and given["separator"] != given["decimal"]:
        raise ConfigError("data.thousands", given["thousands"], "must be another sign than the decimal one")


def read_csv(file: Path, given: Mapping[str, Any], target: str = "", has_words: bool = False) -> Read:
    """Read a CSV file.

    Args:
        file: with a header.
        given: what is known of its format, as `check_format` takes it.
        target: the column of classes, whose names stay as they are: `01` is no 1.
        has_words: whether `NA`, `None`, `null` and the like are words, where they stand for a gap else.

    Returns:
        The table, and what is said of its format; a column in which the comma may be decimal or separate thousands is
        never guessed.

    Raises:
        ConfigError: what it is cannot be told, or is not what was given.
        ValueError: pandas cannot read it.
    """
    with file.open("rb") as opened:
        head = opened.read(HEAD)
    check_text("data.path", file.name, head)
    possible = encodings(head)
    if given["encoding"] is None and "utf-8" in possible and b"\0" in head:
        allowed = "the file has NUL bytes, as UTF-16 without a mark has: data.encoding=utf-16-le, or utf-16-be"
        raise ConfigError("data.encoding", None, allowed)
    for encoding in [given["encoding"]] if given["encoding"] else possible:
        try:
            frame, notes = _read(file, head, encoding, given, target, has_words)
        except UnicodeError:
            continue
        named = [] if encoding in ("utf-8", "utf-8-sig") else [f"read as {encoding}"]
        return Read(frame, (*named, *notes))
    raise ConfigError("data.encoding", given["encoding"] or possible[0], "is not the encoding of the file")


def _read(file: Path, head: bytes, encoding: str, given: Mapping[str, Any], target: str, has_words: bool) -> Read:
    separator, options = _options(file.name, first_lines(head, encoding), given)
    options["encoding"] = encoding
    if has_words:
        options |= {"keep_default_na": False, "na_values": list(EMPTY)}
    has_spaces = options.get("thousands") == " " and bool(options.pop("thousands"))
    frame = _parsed(file, options)
    if has_spaces:
        frame = _without_spaces(frame, options.get("decimal", "."))
    notes = [] if separator == "," else [f"separated by {word(separator)}s"]
    if given["decimal"] is None and separator != "," and (commas := _decimal_commas(frame, given["thousands"])):
        frame = _parsed(file, options | {"decimal": ","})
        _check_points(frame)
        notes.append(f"decimal commas in {shown(commas)}")
    if given["thousands"] is None and BEGINS_WITH_ZERO.search(head):
        frame, codes = with_codes(file, frame, options, target)
        notes += codes
    return Read(frame, tuple(notes))


def _options(name: str, lines: Sequence[str], given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The separator of a file that begins with these lines, and how pandas reads it."""
    if given["separator"] is None:
        check_header(lines)
    separator = SIGNS.get(given["separator"], given["separator"]) or _separator(lines)
    check_names("data.path", name, lines, separator)
    options: dict[str, Any] = {"sep": r"\s+" if separator == " " else separator}
    options |= {key: SIGNS.get(given[key], given[key]) for key in ("decimal", "thousands") if given[key]}
    if any(f"{separator} " in line for line in lines):
        options["skipinitialspace"] = True  # as a third slower
    return separator, options


def _parsed(file: Path, options: Mapping[str, Any]) -> pd.DataFrame:
    """The table as pandas reads it: in parts, unless one column would hold numbers and texts then."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.DtypeWarning)
        try:
            frame: pd.DataFrame = pd.read_csv(file, index_col=False, **options)
        except pd.errors.DtypeWarning:
            frame = pd.read_csv(file, index_col=False, low_memory=False, **options)
    return frame.rename(columns=lambda name: str(name).strip())


def _separator(lines: Sequence[str]) -> str:
    """The sign that separates the fields of a file that begins so."""
    possible = separators(lines)
    if len(possible) > 1:
        words = " or ".join(map(word, possible))
        raise ConfigError(
            "data.separator", None, f"may be {words}: say which, as in data.separator={word(possible[0])}"
        )
    return possible[0]


def _without_spaces(frame: pd.DataFrame, decimal: str) -> pd.DataFrame:
    """The table without the spaces between the digits of its numbers: pandas knows those alone that are one byte."""
    numeric: dict[str, pd.Series] = {}
    for name in map(str, frame):
        held = _texts(frame[name])
        if held is None:
            continue
        texts = held.str.replace(BETWEEN, "", regex=True).str.replace(decimal, ".", regex=False)
        numbers = pd.to_numeric(texts, errors="coerce")
        if numbers.notna().all():
            numeric[name] = numbers.reindex(frame.index)
    return frame.assign(**numeric)


def _decimal_commas(frame: pd.DataFrame, thousands: str | None) -> list[str]:
    """The columns of numbers that have decimal commas."""
    if thousands in ("comma", ","):
        return []
    held = {name: column for name in frame if (column := _texts(frame[name])) is not None}
    held = {name: cells for name, cells in held.items() if cells.str.fullmatch(COMMA_NUMBER).all()}
    with_comma = {name: cells[cells.str.contains(",", regex=False)] for name, cells in held.items()}
    with_comma = {name: cells for name, cells in with_comma.items() if len(cells)}
    if with_comma and all(map(may_be_grouped, with_comma.values())):
        name, cells = next(iter(with_comma.items()))
        allowed = f"the comma of {cells.iloc[0]} in {name} may be decimal, or separate thousands"
        raise ConfigError("data.decimal", None, f"{allowed}: data.decimal=comma, or data.thousands=comma")
    return list(map(str, with_comma))


def _check_points(frame: pd.DataFrame) -> None:
    """Refuse a point beside decimal commas."""
    for name in frame:
        cells = _texts(frame[name])
        if cells is not None and cells.str.fullmatch(POINT_NUMBER).any():
            value = cells[cells.str.fullmatch(POINT_NUMBER)].iloc[0]
            allowed = f"{name} holds {value}, and other cells have decimal commas: mend the file, or data.thousands=dot"
            raise ConfigError("data.decimal", "comma", f"{allowed} data.decimal=comma if points separate thousands")


def _texts(column: pd.Series) -> pd.Series | None:
    """The cells of a column of texts that hold something, None if there are none."""
    if not pd.api.types.is_string_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return None
    cells = column.dropna().astype(str).str.strip()
    cells = cells[~cells.isin(EMPTY)]
    return cells if len(cells) else None


def shown(names: Sequence[str]) -> str:
    """Names in a message.

    Args:
        names: of columns.

    Returns:
        The first twelve, and how many more there are.
    """
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def looks_grouped(cell: str) -> str:
    """What to do about a cell that looks like a number with signs between its digits.

    Args:
        cell: that is no number.

    Returns:
        The keys by which it may be read as one; empty where it is none.
    """
    cell = cell.strip()
    hints = []
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", cell):
        hints.append("data.thousands=comma")
    if re.fullmatch(r"[+-]?\d*,\d+", cell):
        hints.append("data.decimal=comma")
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+,\d+", cell):
        hints.append("data.thousands=dot data.decimal=comma")
    if re.fullmatch(rf"[+-]?\d{{1,3}}([{SPACES}]\d{{3}})+,\d+", cell):
        hints.append("data.thousands=space data.decimal=comma")
    for pattern, name in (
        (r"(\.\d{3}){2,}", "dot"),
        (rf"([{SPACES}]\d{{3}})+(\.\d*)?", "space"),
        (r"('\d{3})+(\.\d*)?", "apostrophe"),
    ):
        if re.fullmatch(r"[+-]?\d{1,3}" + pattern, cell):
            hints.append(f"data.thousands={name}")
    return " or ".join(hints)
