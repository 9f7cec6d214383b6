"""What a CSV file is, told from its beginning: its encoding, its separator, the names in its header."""

import codecs
import csv
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from seedsweep.errors import ConfigError

SIGNS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " ", "dot": ".", "apostrophe": "'"}
HEAD = 2**16  # bytes that are looked at
GROUPED = r"[+-]?[1-9]\d{0,2},\d{3}"  # with a comma that may stand for either
FOUND = ",;\t|"  # separators that are found out
LINES = 6
OTHERS = {  # how files begin that are no text, or no table
    b"\x1f\x8b": "is compressed by gzip: unpack it",
    b"BZh": "is compressed by bzip2: unpack it",
    b"\xfd7zXZ": "is compressed by xz: unpack it",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd: unpack it",
    b"PK\x03\x04": "is an Excel workbook or another zip archive: save it as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook: save it as CSV",
    b"PAR1": "is a Parquet file: name it FILE.parquet",
    b"SQLite format 3": "is an SQLite database: write its table into a CSV file",
}
MARKUP = re.compile(rb"(?i)\s*(?:(?P<json>(?:\[\s*)?\{\s*[\"}])|<(?:!doctype|html|\?xml))")
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def check_text(key: str, typed: Any, head: bytes) -> None:
    """Check that a file is not of another kind, whatever its name says.

    Args:
        key: of its path.
        typed: the path as it was given.
        head: its first bytes.

    Raises:
        ConfigError: it is; says what to do.
    """
    for start, allowed in OTHERS.items():
        if head.startswith(start):
            raise ConfigError(key, typed, allowed)
    if markup := MARKUP.match(head):
        kind = "JSON: write it as CSV, such as with pandas" if markup["json"] else "a page of HTML or XML, and no table"
        raise ConfigError(key, typed, f"is {kind}")


def check_header(lines: Sequence[str]) -> None:
    """Check that the first line names the columns: that no title and no comment stands above them.

    Args:
        lines: the first ones.

    Raises:
        ValueError: it names fewer than there are; one alone may lack a name, an index.
    """
    cuts = []
    for separator in _cutting(lines) or _cutting(lines[1:]):
        header, *rows = csv.reader(lines, delimiter=separator)
        named = sum(name.strip() != "" for name in header)
        held = sum(any(map(str.strip, cells)) for cells in zip(*rows, strict=True))
        cuts.append((named, held, rows and (len(header) < len(rows[0]) or named < held - 1)))
    if cuts and all(is_short for _, _, is_short in cuts):
        named, held, _ = cuts[0]
        first = f"its first line, {_shortened(lines[0])!r}, names {named} of {held} columns"
        raise ValueError(f"{first}: delete what stands above the names, and name each column")


def _shortened(line: str) -> str:
    return line if len(line) <= 30 else f"{line[:29]}…"


def encodings(head: bytes) -> list[str]:
    """The encodings that a file may have.

    Args:
        head: its first bytes.

    Returns:
        The one that its mark says; else those to be tried, one after another, of which the last takes every file.
    """
    mark = next((name for start, name in MARKS.items() if head.startswith(start)), None)
    return [mark] if mark else ["utf-8", "cp1252", "latin-1"]


def first_lines(head: bytes, encoding: str) -> list[str]:
    """The first lines that hold something.

    Args:
        head: the first bytes of a file; the last character may be cut.
        encoding: of the file.

    Returns:
        Six lines at most.

    Raises:
        UnicodeError: it has another encoding.
    """
    lines = codecs.getincrementaldecoder(encoding)().decode(head).lstrip("\ufeff").splitlines()
    return [line for line in lines if line.strip()][:LINES]


def separators(lines: Sequence[str]) -> list[str]:
    """The signs that may separate the fields.

    Args:
        lines: the first ones, with the header.

    Returns:
        Those that cut all lines into equally many fields, more than one; where none does the one that cuts the header
        into most.
    """
    return _cutting(lines) or [max(FOUND, key=lambda sign: next(iter(_fields(lines, sign)), 0))]


def _cutting(lines: Sequence[str]) -> list[str]:
    """The signs that cut all lines into equally many fields, more than one."""
    counts = {sign: set(_fields(lines, sign)) for sign in FOUND}
    return [sign for sign, different in counts.items() if len(different) == 1 and max(different) > 1]


def _fields(lines: Sequence[str], sign: str) -> list[int]:
    return [len(row) for row in csv.reader(lines, delimiter=sign)]


def check_names(key: str, typed: Any, lines: Sequence[str], separator: str) -> None:
    """Check that no two columns have one name.

    Args:
        key: of the path of the file.
        typed: the path as it was given.
        lines: the first ones.
        separator: of the fields.

    Raises:
        ConfigError: some have; names them. pandas would number them.
    """
    names = [name.strip() for name in next(csv.reader(lines, delimiter=separator), [])]
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise ConfigError(key, typed, f"has several columns of the same name: {', '.join(twice)}; rename them")


def may_be_grouped(cells: pd.Series) -> bool:
    """Whether all commas of a column may separate thousands.

    Args:
        cells: numbers as texts.

    Returns:
        Whether every cell that has a comma is like `1,234`, which is either 1.234 or 1234.
    """
    return bool(cells[cells.str.contains(",", regex=False)].str.fullmatch(GROUPED).all())


def word(sign: str) -> str:
    """What a sign is called.

    Args:
        sign: one of `SIGNS`.

    Returns:
        Such as `comma`.
    """
    return next(name for name, meant in SIGNS.items() if meant == sign)
