"""Single runs in the chunk files of a store: found by their ids, or by their keys."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seedsweep.config.demand import Demand
from seedsweep.errors import StoreError
from seedsweep.tracking.chunk_files import Chunk, ChunkedSweep
from seedsweep.tracking.chunk_tables import KIND, METRIC
from seedsweep.tracking.recorded_sweeps import chunked_sweeps
from seedsweep.tracking.tags import OFTEN

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow import MlflowClient

log = logging.getLogger(__name__)
ABOUT = ("run", "key", "outcome", "engine", "weights", "member", "copied_from")


class ChunkedRun(NamedTuple):
    """A run in a chunk: `about` has what is asked for of it, by the columns' names."""

    chunk: Chunk
    row: int
    about: dict[str, Any]


def chunked_run(client: "MlflowClient", run: str) -> ChunkedRun | None:
    """A run by its id, which begins as that of its sweep does (see `tags.run_id`); None where no chunk has it."""
    for sweep in chunked_sweeps(client):
        if run[:12] == sweep.run_id[:12]:
            for chunk in ChunkedSweep(client, sweep.run_id, sweep.artifacts).chunks(ABOUT):
                rows = np.flatnonzero(chunk.runs["run"].to_numpy() == run)
                if len(rows):
                    row = int(rows[0])
                    return ChunkedRun(chunk, row, chunk.runs.select(ABOUT).slice(row, 1).to_pylist()[0])
    return None


def runs_with_keys(client: "MlflowClient", keys: np.ndarray, demand: Demand) -> Iterator[tuple[int, str]]:
    """The runs in chunks that have some of the keys (n,) uint64, and what else is asked: pairs of a key and an id."""
    wanted, asked = np.unique(keys), ("run", "key", "outcome", "engine", OFTEN, *demand.metrics)
    for sweep in chunked_sweeps(client):
        for chunk in ChunkedSweep(client, sweep.run_id, sweep.artifacts).chunks(asked, _do_not_count):
            rows = np.flatnonzero(np.isin(chunk.runs["key"].to_numpy(), wanted) & _satisfies(chunk.runs, demand))
            chosen = chunk.runs.select(("key", "run")).take(rows)
            yield from zip(chosen["key"].to_pylist(), chosen["run"].to_pylist(), strict=True)


def _do_not_count(error: StoreError) -> None:
    log.warning("%s; until then they do not count", error)


def _satisfies(runs: "pa.Table", demand: Demand) -> np.ndarray:
    """Which rows (n,) have what is asked besides the key."""
    fits = np.ones(len(runs), dtype=bool)
    measured = {field.name for field in runs.schema if (field.metadata or {}).get(KIND) == METRIC}
    diverged = _equals(runs, "outcome", "diverged")
    for metric in demand.metrics:
        fits &= diverged | (runs[metric].is_valid().to_numpy() if metric in measured else False)
    fits &= diverged | _equals(runs, "outcome", "finished")
    if demand.engine is not None:
        fits &= _equals(runs, "engine", demand.engine)
    if demand.log_every_n_steps is not None:
        fits &= _equals(runs, OFTEN, demand.log_every_n_steps)
    return fits


def _equals(runs: "pa.Table", name: str, value: str) -> np.ndarray:
    """Where (n,) a column has that value."""
    import pyarrow.compute as pc

    if name not in runs.column_names:
        return np.zeros(len(runs), dtype=bool)
    equal: np.ndarray = pc.fill_null(pc.equal(runs[name].cast("string"), value), False).to_numpy()
    return equal
