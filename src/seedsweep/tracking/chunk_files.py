"""Chunks of a sweep in groups: the runs that trained together, as files among the artifacts of the sweep.

A chunk is there once the file of its runs is, which is written last and names the others.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seedsweep.errors import StoreError
from seedsweep.tracking.artifact_files import ArtifactFiles
from seedsweep.tracking.chunk_tables import FORMAT, HEADER, chosen_points, header

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor

    from seedsweep.tracking.client import Client

RUNS, CURVES, WEIGHTS = "runs", "curves", "weights"  # folders among the artifacts of the sweep
PARQUET, SAFETENSORS = ".parquet", ".safetensors"
DETAIL = "seedsweep.detail"  # the tag of a sweep in groups, whose value is `groups`


@dataclass(frozen=True)
class Chunk:
    """A chunk in the store: `runs` are the rows of it that count, of the columns that were asked for."""

    files: ArtifactFiles
    name: str
    runs: "pa.Table"
    curves: str
    rows: np.ndarray | None  # of the file that count; None for all

    def points(self) -> "pa.Table":
        """The points of the runs, see `chunk_tables.POINT`."""
        table = _parquet(self.files, self.curves)
        return table if self.rows is None else chosen_points(table, self.rows)

    def only(self, rows: np.ndarray) -> "Chunk":
        """The chunk with only some (m,) of its rows, ascending."""
        kept = rows if self.rows is None else self.rows[rows]
        return Chunk(self.files, self.name, self.runs.take(rows), self.curves, kept)


class ChunkedSweep:
    """The chunks of a sweep.

    Args:
        client: of the store.
        sweep: its run id.
        address: of its artifacts; asked for where it is None.
        besides: jobs whose runs are elsewhere, and do not count here.
    """

    def __init__(self, client: "Client", sweep: str, address: str | None = None, besides: Collection[int] = ()) -> None:
        self.sweep, self.files = sweep, ArtifactFiles(client, sweep, address)
        self._besides = np.array(sorted(besides), dtype=np.int64)

    def write(self, runs: "pa.Table", points: "pa.Table", weights: str | None = None) -> None:
        """Add a chunk of runs, whose weights were written as `weights` says; it is complete or not there at all."""
        from pyarrow.parquet import write_table

        zipped = partial(write_table, compression="zstd", use_dictionary=list(points.column_names[:-1]))
        curves = self.files.write(CURVES, PARQUET, lambda path: zipped(points, path))
        described = runs.replace_schema_metadata(header(curves, weights))
        self.files.write(RUNS, PARQUET, lambda path: write_table(described, path, compression="zstd"))

    def write_weights(self, weights: Mapping[str, "Tensor"], describe: Mapping[str, str]) -> str:
        """Write the weights of a chunk, and what describes its networks; the name of the file."""
        from safetensors.torch import save_file

        def write(path: Path) -> None:
            save_file(dict(weights), path, metadata=dict(describe))

        return self.files.write(WEIGHTS, SAFETENSORS, write)

    def chunks(
        self, columns: Sequence[str] | None = None, skip: Callable[[StoreError], object] | None = None
    ) -> Iterator[Chunk]:
        """The chunks, each job once.

        Args:
            columns: of the table of runs, besides `job`, as far as a chunk has them; None for all of them.
            skip: is told of each chunk whose file is damaged, which is left out then; None: that is an error.

        Returns:
            Those with runs that count.

        Raises:
            StoreError: a file is gone or damaged, or was written by a newer version.
        """
        seen = np.zeros(0, dtype=bool)
        for name in self.files.names(RUNS):
            try:
                table, curves = self._runs(name, None if columns is None else ["job", *columns])
            except StoreError as error:
                if skip is None:
                    raise
                skip(error)
                continue
            jobs = table["job"].to_numpy()
            if len(jobs) and jobs.max() >= len(seen):
                seen = np.append(seen, np.zeros(2 * int(jobs.max()) + 1 - len(seen), dtype=bool))
            rows = np.flatnonzero(~(seen[jobs] | np.isin(jobs, self._besides)))
            seen[jobs] = True
            if len(rows) == len(jobs):
                yield Chunk(self.files, name, table, curves, None)
            elif len(rows):
                yield Chunk(self.files, name, table.take(rows), curves, rows)

    def remove_parts(self) -> None:
        """Remove what a process that is gone did not write to its end."""
        self.files.remove_parts(RUNS, CURVES, WEIGHTS)

    def _runs(self, name: str, columns: Sequence[str] | None) -> "tuple[pa.Table, str]":
        """The table of a chunk's runs, and the name of the file of their curves."""
        table = _parquet(self.files, name, columns)
        about = json.loads((table.schema.metadata or {}).get(HEADER, b"{}"))
        if about.get("format", 0) > FORMAT:
            raise StoreError(f"{name} of sweep {self.sweep[:8]} was written by a newer seedsweep: upgrade this one")
        if "curves" not in about:
            raise self.files.damaged(name, "is no chunk that seedsweep wrote")
        return table, str(about["curves"])


def _parquet(files: ArtifactFiles, name: str, columns: Sequence[str] | None = None) -> "pa.Table":
    """The table in a file, with these of its columns, as far as it has them."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    content = files.read(name)
    try:
        file = ParquetFile(pa.BufferReader(content))
        chosen = columns and [column for column in dict.fromkeys(columns) if column in file.schema_arrow.names]
        return file.read(columns=chosen)
    except pa.ArrowException as error:
        raise files.damaged(name, "is no chunk that seedsweep wrote") from error
