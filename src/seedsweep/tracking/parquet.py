"""Tables that come one after another, and together need not fit into memory, as one Parquet file."""

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
from seedsweep.tracking.frames import ordered, typed


def write_curves(tables: Iterable[pd.DataFrame], file: Path) -> None:
    """Write tables of curves, at least one, as one."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    tables = iter(tables)
    first = pa.Table.from_pandas(next(tables), preserve_index=False)
    with ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(pa.Table.from_pandas(table, schema=first.schema, preserve_index=False))


def write_runs(tables: Iterable[pd.DataFrame], file: Path) -> None:
    """Write tables of runs, at least one, as one; their params are strings, and may be missing in some tables.

    The params become what they would be in one frame: numbers or booleans where all are, see `frames.typed`.
    """
    from pyarrow.parquet import ParquetWriter, read_table

    with TemporaryDirectory() as folder:
        copies: list[str] = []
        columns = _ParamTypes()
        for table in tables:
            copies.append(f"{folder}/{len(copies)}")
            table.to_parquet(copies[-1], index=False)
            columns.look(table)
        with ExitStack() as stack:
            writer: Any = None
            for copy in copies:
                columns.complete(pd.read_parquet(copy)).to_parquet(copy, index=False)
                rows = read_table(copy)
                writer = writer or stack.enter_context(ParquetWriter(file, rows.schema))
                writer.write_table(rows.cast(writer.schema))


class _ParamTypes:
    """The columns of all tables, and the types that the strings of all tables give to the params."""

    def __init__(self) -> None:
        self._tables: Counter[str] = Counter()  # that have a column
        self._strings: dict[str, dict[str, None]] = {}
        self._gaps: set[str] = set()  # columns in which a run has none
        self._values: dict[
            str, tuple[pd.Index, Any]
        ] = {}  # the strings of a column, and the values that they stand for

    def look(self, table: pd.DataFrame) -> None:
        """Take note of a table."""
        self._tables.update(map(str, table))
        for name in table.columns.difference(list(RUN_COLUMNS)):
            if not pd.api.types.is_numeric_dtype(table[name]):
                strings = table[name].dropna()
                self._strings.setdefault(name, {}).update(dict.fromkeys(strings.unique()))
                self._gaps.update([name] if len(strings) < len(table) else [])

    def complete(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with the columns of all tables, in the types that all tables give them."""
        return pd.DataFrame({name: self._column(name, table) for name in ordered(self._tables)})

    def _column(self, name: str, table: pd.DataFrame) -> Any:
        if name not in self._strings:
            return table[name].to_numpy() if name in table and name not in RUN_COLUMNS else table.get(name, np.nan)
        strings, values = self._values.get(name) or self._typed(name)
        column = table[name] if name in table else pd.Series(np.nan, table.index, dtype="str")
        return take(values, strings.get_indexer(pd.Index(column)), allow_fill=True)

    def _typed(self, name: str) -> tuple[pd.Index, Any]:
        """The strings of a column in all tables, and the values that they stand for."""
        strings = pd.array(list(self._strings[name]), dtype="str")
        complete = name not in self._gaps and self._tables[name] == max(self._tables.values())
        values = typed(strings, complete)
        if not complete and values.dtype.kind == "i":
            values = values.astype(float)  # in every table, as in those with a gap
        self._values[name] = pd.Index(strings), values
        return self._values[name]
