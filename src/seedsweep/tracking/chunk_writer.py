"""The runs of a fleet as one chunk of files, where a sweep has too many for a row of MLflow's each."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from seedsweep.config.planned_run import PlannedRun
from seedsweep.gc_pause import collector_paused
from seedsweep.outcomes import Column, FleetResult
from seedsweep.tracking.chunk_files import ChunkedSweep
from seedsweep.tracking.chunk_tables import points_table, runs_table

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client


class ChunkRuns:
    """The runs of a fleet, as `sql_writer.SqlRuns`: in the store with their end, and not before.

    Args:
        client: of the store.
        sweep: the run id of the sweep that they are of.
        planned: how they are known, in the order of the fleet's members.
        engine: which trains them.
        fingerprint: of their data.
        started: when their training began, in milliseconds since 1970.
    """

    def __init__(
        self,
        client: "Client",
        sweep: str,
        planned: Sequence[PlannedRun],
        engine: str,
        fingerprint: str,
        started: int,
    ):
        self._chunks, self._engine, self._fingerprint = ChunkedSweep(client, sweep), engine, fingerprint
        jobs = [run.job for run in planned]
        self._order = np.argsort(jobs, kind="stable")  # the member in each row
        self._planned = [planned[member] for member in self._order]
        self._started = started

    def write(self, columns: Sequence[Column]) -> None:
        """Nothing yet: a chunk is complete or not there."""

    def finish(
        self, columns: Sequence[Column], result: FleetResult, describe: Mapping[str, str], sweep: str | None
    ) -> None:
        """Write the weights, then all curves, then the runs."""
        weights = self._chunks.write_weights(result.weights, describe) if result.weights else ""
        with collector_paused():
            ended = pd.DataFrame(
                {
                    "outcome": np.array(result.outcomes, dtype=object)[self._order],
                    "started": self._started,
                    "ended": int(time.time() * 1000),
                    "engine": self._engine,
                    "fingerprint": self._fingerprint,
                    "measured_by": [run.demand.measured_by or "" for run in self._planned],
                    "weights": f"{sweep}/{weights}" if weights else "",
                    "member": self._order,
                    "copied_from": "",
                    "copied_sweep": "",
                }
            )
            points = points_table(result.columns, np.argsort(self._order))
            runs = runs_table(str(sweep), self._planned, ended, points)
        self._chunks.write(runs, points, weights or None)

    def kill(self) -> None:
        """Nothing: what has no end is not in the store."""

    def remove(self) -> None:
        """Nothing: what has no end is not in the store."""
