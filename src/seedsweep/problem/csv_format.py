"""What a CSV file is, told from its beginning: its encoding, its separator, the names in its header."""

import codecs
import csv
from collections.abc import Sequence

SIGNS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " ", "dot": ".", "apostrophe": "'"}
HEAD = 2**16  # bytes that are looked at
FOUND = ",;\t|"  # separators that are found out
LINES = 6
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


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
    fields = {sign: [len(row) for row in csv.reader(lines, delimiter=sign)] for sign in FOUND}
    cutting = [sign for sign, counts in fields.items() if counts and min(counts) == max(counts) > 1]
    return cutting or [max(FOUND, key=lambda sign: fields[sign][0] if fields[sign] else 0)]


def repeated_names(lines: Sequence[str], separator: str) -> list[str]:
    """The names that several columns have.

    Args:
        lines: the first ones, with the header.
        separator: of the fields.

    Returns:
        They, sorted.
    """
    names = [name.strip() for name in next(csv.reader(lines, delimiter=separator), [])]
    return sorted({name for name in names if name and names.count(name) > 1})


def word(sign: str) -> str:
    """What a sign is called.

    Args:
        sign: one of `SIGNS`.

    Returns:
        Such as `comma`.
    """
    return next(name for name, meant in SIGNS.items() if meant == sign)
