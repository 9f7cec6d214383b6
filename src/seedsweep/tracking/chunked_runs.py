"""Single runs in the chunk files of a store: found by their ids, or by their keys."""

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seedsweep.config.demand import Demand
from seedsweep.errors import StoreError
from seedsweep.tracking.chunk_files import Chunk, ChunkedSweep
from seedsweep.tracking.chunk_tables import KIND, METRIC
from seedsweep.tracking.recorded_sweeps import chunked_sweeps
from seedsweep.tracking.tags import OFTEN

if TYPE_CHECKING:
    import pyarrow as pa

    from seedsweep.tracking.client import Client

log = logging.getLogger(__name__)
ABOUT = ("run", "weights", "member", "copied_from")


def chunked_run(client: "Client", run: str) -> dict[str, Any] | None:
    """Where a run has its weights, by its id; None where no chunk has it."""
    for _, chunk in chunks_with(client, [run], ABOUT):
        return dict(chunk.runs.select(ABOUT).to_pylist()[0])
    return None


def chunks_with(
    client: "Client", runs: Collection[str], columns: Sequence[str] | None = None
) -> Iterator[tuple[str, Chunk]]:
    """The chunks that have some of these runs, with only these, and the sweeps that they are of.

    A run is found by its id, which begins as that of its sweep does, see `tags.run_id`.
    They have the `columns` that are asked for, of which `run` is one; None for all.
    """
    wanted, beginnings = np.array(list(runs)), {run[:12] for run in runs}
    for sweep in chunked_sweeps(client):
        if sweep.run_id[:12] in beginnings:
            for chunk in ChunkedSweep(client, sweep.run_id, sweep.artifacts).chunks(columns):
                rows = np.flatnonzero(np.isin(chunk.runs["run"].to_numpy().astype(wanted.dtype), wanted))
                if len(rows):
                    yield sweep.run_id, chunk.only(rows)


def runs_with_keys(client: "Client", keys: np.ndarray, demand: Demand) -> Iterator[tuple[int, str]]:
    """The runs in chunks that have some of the keys (n,) uint64, and what else is asked: pairs of a key and an id."""
    wanted, asked = np.unique(keys), ("run", "key", "outcome", "engine", "measured_by", OFTEN, *demand.metrics)
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
    pairs = (("engine", demand.engine), ("measured_by", demand.measured_by), (OFTEN, demand.log_every_n_steps))
    for name, value in pairs:
        if value is not None:
            fits &= _equals(runs, name, value)
    return fits


def _equals(runs: "pa.Table", name: str, value: str) -> np.ndarray:
    """Where (n,) a column has that value."""
    import pyarrow.compute as pc

    if name not in runs.column_names:
        return np.zeros(len(runs), dtype=bool)
    equal: np.ndarray = pc.fill_null(pc.equal(runs[name].cast("string"), value), False).to_numpy()
    return equal
