"""The runs of a fleet in the MLflow store: thousands that begin and end together, written together."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol

from seedsweep.config.detail import GROUPS
from seedsweep.config.planned_run import PlannedRun
from seedsweep.gc_pause import collector_paused
from seedsweep.outcomes import Column, FleetResult
from seedsweep.tracking.chunk_writer import ChunkRuns
from seedsweep.tracking.client_writer import ClientRuns
from seedsweep.tracking.connection import client_of, store_errors
from seedsweep.tracking.shared_params import shared_params
from seedsweep.tracking.sql import open_database
from seedsweep.tracking.sql_writer import SqlRuns
from seedsweep.tracking.tags import NewRun, experiment_id, run_tags

FLUSH_SECONDS = 10.0  # how old the curves of a fleet in training may look
SHARE = 10  # of the time of a training that writing them may take: a tenth


@store_errors()
def record_fleet(
    tracking: Mapping[str, Any],
    planned: Sequence[PlannedRun],
    engine: str,
    fingerprint: str,
    start: int | None = None,
) -> "FleetRecord | UntrackedFleet":
    """The record of the runs of a fleet, as a context.

    What leaves the context by Ctrl-C or a signal ends the runs as KILLED, with their curves so far. What leaves
    it by an error has them removed, for their members will be trained again, as other runs: a database loses their
    rows in one transaction, a server marks them as deleted.

    Args:
        tracking: the group of the configuration: `uri` (None for no record), `sweep` (its run id, or None), `detail`
            (of a sweep: `groups` for chunk files).
        planned: how the runs are known, in the order of the fleet's members.
        engine: which trains them.
        fingerprint: of their data.
        start: when their training began, in milliseconds since 1970; None: now.

    Returns:
        What takes the columns while the fleet trains, and its result.

    Raises:
        ConfigError: the store is out of reach, or an experiment was deleted.
        StoreError: MLflow refused what it was asked.
    """
    if tracking["uri"] is None:
        return UntrackedFleet()
    client, sweep = client_of(tracking["uri"]), tracking["sweep"]
    start = int(time.time() * 1000) if start is None else start
    if sweep and tracking.get("detail") == GROUPS:
        return FleetRecord(ChunkRuns(client, sweep, planned, engine, fingerprint, start), sweep)
    experiments = {name: experiment_id(client, name) for name in dict.fromkeys(run.experiment for run in planned)}
    with collector_paused():  # it would look through all the tags, again and again
        tags = [run_tags(run, engine, fingerprint, sweep) for run in planned]
    shared = shared_params(client, sweep)
    runs = [
        NewRun(run, experiments[run.experiment], named, start, shared=shared)
        for run, named in zip(planned, tags, strict=True)
    ]
    database = open_database(client.tracking_uri)
    writer = SqlRuns(client, database, runs) if database else ClientRuns(client, runs)
    return FleetRecord(writer, sweep)


class UntrackedFleet:
    """A fleet that nobody keeps (`tracking=none`)."""

    def __enter__(self) -> "UntrackedFleet":
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def publish(self, columns: Sequence[Column]) -> None:
        """There is nobody to tell."""

    def finish(self, result: FleetResult, describe: Mapping[str, str]) -> None:
        """There is nothing to write."""


class FleetRecord:
    """The runs of a fleet: in the store while they train once that takes longer than some seconds, else at the end.

    Each is complete, not in the store at all, or RUNNING without an outcome, whenever the process may die.
    """

    def __init__(self, runs: "_FleetRuns", sweep: str | None):
        self._runs, self._sweep = runs, sweep
        self._waiting: list[Column] = []
        self._published = 0
        self._due = time.monotonic() + FLUSH_SECONDS
        self._finished = False

    def __enter__(self) -> "FleetRecord":
        return self

    @store_errors()
    def publish(self, columns: Sequence[Column]) -> None:
        """Take new columns, in the order of their steps; they are in the store some seconds later."""
        self._waiting += columns
        self._published += len(columns)
        start = time.monotonic()
        if start > self._due:
            self._runs.write(self._waiting)
            self._waiting = []
            end = time.monotonic()
            self._due = end + max(FLUSH_SECONDS, (end - start) * (SHARE - 1))

    @store_errors()
    def finish(self, result: FleetResult, describe: Mapping[str, str]) -> None:
        """Write what is left of the runs, which came to their end; the first of the columns are those published.

        `describe` goes into the header of the file of all weights.
        """
        columns = self._waiting + result.columns[self._published :]
        self._runs.finish(columns, result, describe, self._sweep)
        self._finished = True

    @store_errors()
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or self._finished:
            return
        if isinstance(error, Exception):
            self._runs.remove()
            return
        if self._waiting:
            self._runs.write(self._waiting)
        self._runs.kill()


class _FleetRuns(Protocol):
    """A way to write the runs of a fleet."""

    def write(self, columns: Sequence[Column]) -> None:
        """Write new columns; makes the runs the first time."""

    def finish(
        self, columns: Sequence[Column], result: FleetResult, describe: Mapping[str, str], sweep: str | None
    ) -> None:
        """Write new columns, the weights and the outcomes."""

    def kill(self) -> None:
        """End as KILLED what is RUNNING in the store."""

    def remove(self) -> None:
        """Leave none of the runs in the store."""
