"""What chunk files have of runs, as the columns of pandas frames."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedsweep.tracking.chunk_tables import ABOUT, KIND, METRIC, PARAM

if TYPE_CHECKING:
    import pyarrow as pa

    from seedsweep.tracking.chunk_files import Chunk
    from seedsweep.tracking.frames import Strings

SHARED = ("group", "outcome", "fingerprint")  # columns whose strings many runs share


def put_strings(strings: "Strings", chunked: "Sequence[tuple[str, pa.Table]]", first: int) -> None:
    """Put the strings of runs in chunks, each with its sweep, into their columns, from this row on."""
    for sweep, table in chunked:
        rows = slice(first, first := first + len(table))
        everyone = np.zeros(len(table), dtype=np.intp)
        for name, value in (("sweep", sweep), ("status", "FINISHED")):
            strings.put_codes(name, rows, everyone, [value])
        for name in ("name", "job"):
            strings.put_codes(name, rows, np.arange(len(table)), [str(value) for value in table[name].to_pylist()])
        for name in (*SHARED, *_of_kind(table, PARAM)):
            strings.put_codes(name, rows, *_coded(table[name]))


def put_last_values(
    numbers: dict[str, Any], chunked: "Sequence[tuple[str, pa.Table]]", first: int, planned: int
) -> None:
    """Put the last values of metrics of runs in chunks into their columns, from this row on; so many rows follow."""
    total = first + sum(len(table) for _, table in chunked) + planned
    for _, table in chunked:
        rows = slice(first, first := first + len(table))
        for name in _of_kind(table, METRIC):
            column = numbers.setdefault(name, np.full(total, np.nan))
            column[rows] = table[name].to_numpy()


def params_of(table: "pa.Table") -> list[dict[str, str]]:
    """The params of each run of a table."""
    rows = table.select(list(_of_kind(table, PARAM))).to_pylist()
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def curves_of_chunk(chunk: "Chunk") -> pd.DataFrame:
    """The tidy frame of the curves of a chunk's runs."""
    points, runs = chunk.points(), pd.Index(chunk.runs["run"].to_pandas(), dtype="str")
    metric, names = _coded(points["metric"])
    return pd.DataFrame(
        {
            "run": runs.take(points["run"].to_numpy()),
            "metric": pd.Index(names, dtype="str").take(metric),
            "step": points["step"].to_numpy(),
            "epoch": points["epoch"].to_numpy(),
            "value": points["value"].to_numpy(),
        }
    )


def _of_kind(table: "pa.Table", kind: bytes) -> Iterator[str]:
    """The params or the metrics among the columns of a table of runs."""
    return (
        field.name for field in table.schema if field.name not in ABOUT and (field.metadata or {}).get(KIND) == kind
    )


def _coded(column: "pa.ChunkedArray") -> tuple[np.ndarray, list[str]]:
    """The indices (n,) of a column's strings among the distinct ones, -1 for none."""
    combined = column.unify_dictionaries().combine_chunks()
    return combined.indices.fill_null(-1).to_numpy(zero_copy_only=False), combined.dictionary.to_pylist()
