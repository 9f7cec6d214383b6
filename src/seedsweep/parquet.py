"""Frames that come in parts, which together need not fit into memory, as one Parquet file."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from seedsweep.frames import ordered


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
    """Write parts of the table of runs, at least one, in which a column may be missing, or have values of other types.

    Where all of a column are numbers it has numbers, else texts.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter, read_schema, read_table

    with TemporaryDirectory() as folder:
        files: list[str] = []
        for part in parts:
            files.append(f"{folder}/{len(files)}")
            part.to_parquet(files[-1], index=False)
        schema = _common([read_schema(each) for each in files])
        with ParquetWriter(file, schema) as writer:
            for each in files:
                table = read_table(each)
                empty = pa.nulls(len(table))
                found = [table[name] if name in table.column_names else empty for name in schema.names]
                columns = [column.cast(kind) for column, kind in zip(found, schema.types, strict=True)]
                writer.write_table(pa.table(columns, schema=schema))


def _common(schemas: Sequence[Any]) -> Any:
    import pyarrow as pa

    kinds: dict[str, set[Any]] = {}
    for schema in schemas:
        for field in schema:
            kinds.setdefault(field.name, set()).update({field.type} - {pa.null()})
    text = pa.large_string()

    def common(found: set[Any]) -> Any:
        if len(found) < 2:
            return next(iter(found), text)
        numbers = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in found)
        return pa.float64() if numbers else text

    return pa.schema([(name, common(kinds[name])) for name in ordered(kinds)])
