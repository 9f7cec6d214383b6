"""Frames that come in parts, which together need not fit into memory, as one Parquet file."""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import take

from seedsweep.outcomes import RUN_COLUMNS
from seedsweep.tracking.frames import as_numbers, ordered


def write_curves(parts: Iterable[pd.DataFrame], file: Path) -> None:
    """Write parts of a frame of curves, at least one."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    parts = iter(parts)
    first = pa.Table.from_pandas(next(parts), preserve_index=False)
    with ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for part in parts:
            writer.write_table(pa.Table.from_pandas(part, schema=first.schema, preserve_index=False))


def write_runs(parts: Iterable[pd.DataFrame], file: Path) -> None:
    """Write parts of the table of runs, at least one, whose params are texts, and may be missing in some parts.

    They become what they would be in one frame: numbers or truth values where all are, see `frames.as_numbers`.
    """
    from pyarrow.parquet import ParquetWriter, read_table

    with TemporaryDirectory() as folder:
        files: list[str] = []
        columns = _Columns()
        for part in parts:
            files.append(f"{folder}/{len(files)}")
            part.to_parquet(files[-1], index=False)
            columns.look(part)
        with ExitStack() as stack:
            writer: Any = None
            for each in files:
                columns.typed(pd.read_parquet(each)).to_parquet(each, index=False)
                table = read_table(each)
                writer = writer or stack.enter_context(ParquetWriter(file, table.schema))
                writer.write_table(table.cast(writer.schema))


class _Columns:
    """The columns of all parts, and the texts in those of params."""

    def __init__(self) -> None:
        self._parts: Counter[str] = Counter()  # that have a column
        self._texts: dict[str, dict[str, None]] = {}
        self._gaps: set[str] = set()  # columns in which a run has none
        self._values: dict[str, tuple[pd.Index, Any]] = {}  # the same texts, and what they mean

    def look(self, part: pd.DataFrame) -> None:
        """Take note of a part."""
        self._parts.update(map(str, part))
        for name in part.columns.difference(list(RUN_COLUMNS)):
            if not pd.api.types.is_numeric_dtype(part[name]):
                texts = part[name].dropna()
                self._texts.setdefault(name, {}).update(dict.fromkeys(texts.unique()))
                self._gaps.update([name] if len(texts) < len(part) else [])

    def typed(self, part: pd.DataFrame) -> pd.DataFrame:
        """The part with all columns, of the types that all parts give them."""
        return pd.DataFrame({name: self._column(name, part) for name in ordered(self._parts)})

    def _column(self, name: str, part: pd.DataFrame) -> Any:
        if name not in self._texts:
            return part[name].to_numpy() if name in part and name not in RUN_COLUMNS else part.get(name, np.nan)
        texts, values = self._values.get(name) or self._known(name)
        found = part[name] if name in part else pd.Series(np.nan, part.index, dtype="str")
        return take(values, texts.get_indexer(pd.Index(found)), allow_fill=True)

    def _known(self, name: str) -> tuple[pd.Index, Any]:
        """The texts of a column in all parts, and what they are there."""
        texts = pd.array(list(self._texts[name]), dtype="str")
        whole = name not in self._gaps and self._parts[name] == max(self._parts.values())
        values = as_numbers(texts, whole)
        if not whole and values.dtype.kind == "i":
            values = values.astype(float)  # in every part, as in those with a gap
        self._values[name] = pd.Index(texts), values
        return self._values[name]
