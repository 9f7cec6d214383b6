"""Numbers that begin with zeros, such as postal codes: as classes they keep their zeros, as features this is said."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

BEGINS_WITH_ZERO = re.compile(rb"(?<![\w.])0\d")  # in the bytes of a file
CODE = r"[+-]?0\d+"


class WithCodes(NamedTuple):
    """A table, and what is said of its codes."""

    frame: pd.DataFrame
    notes: list[str]


def with_codes(file: Path, frame: pd.DataFrame, options: Mapping[str, Any], target: str) -> WithCodes:
    """The table with the names of its classes as they stand in the file.

    Args:
        file: CSV.
        frame: what pandas read.
        options: by which it did.
        target: the column of the classes: `01` and `1` are two, where a number would be one.

    Returns:
        The table; of other columns it is said what became of their zeros.
    """
    integers = [index for index, kind in enumerate(frame.dtypes) if pd.api.types.is_integer_dtype(kind)]
    if not integers:
        return WithCodes(frame, [])
    texts = pd.read_csv(file, usecols=integers, dtype=str, **options)
    notes = []
    for index, column in zip(integers, texts, strict=True):
        name, cells = str(frame.columns[index]), texts[column].str.strip()
        codes = cells[cells.str.fullmatch(CODE).fillna(False).astype(bool)]
        if len(codes) and name == target:
            frame = frame.assign(**{name: cells})
        elif len(codes):
            notes.append(f"{name} read as numbers, {codes.iloc[0]} as {int(codes.iloc[0])}")
    return WithCodes(frame, notes)
