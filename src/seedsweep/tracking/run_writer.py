"""One run in the MLflow store: made with its first points, ended by how its training ended."""

import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from seedsweep.config.planned_run import PlannedRun
from seedsweep.errors import masked
from seedsweep.outcomes import Point, RunResult
from seedsweep.tracking.batches import write_batch
from seedsweep.tracking.connection import client_of, store_errors
from seedsweep.tracking.database_client import Logged
from seedsweep.tracking.pages import run_page
from seedsweep.tracking.shared_params import shared_params
from seedsweep.tracking.sql import open_database
from seedsweep.tracking.sql_run import begin_run, is_own
from seedsweep.tracking.tags import (
    PREPARED,
    NewRun,
    artifact_folder,
    create_run,
    experiment_id,
    named,
    own_params,
    run_id,
    run_tags,
)
from seedsweep.tracking.weights import WEIGHTS, weights_file

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from seedsweep.tracking.client import Client

FLUSH_SECONDS = 3.0  # how old the curves of a run in training may look
RATE = "optimizer.lr"
TRACEBACK = "traceback.txt"


@store_errors()
def record_run(
    tracking: Mapping[str, Any],
    planned: PlannedRun,
    engine: str,
    fingerprint: str,
    notes: Sequence[str] = (),
    start: int | None = None,
) -> "RunRecord | UntrackedRun":
    """The record of one run, as a context: what leaves the context by an exception ends it as failed or killed.

    Args:
        tracking: the group of the configuration: `uri` (None for no record), `sweep` (its run id, or None).
        planned: how the run is known.
        engine: which trains it: `lightning`, `fleet`, or `function` of the user's own.
        fingerprint: of its data.
        notes: what was done to its data; of a sweep's runs, the sweep says it.
        start: when its training began, in milliseconds since 1970; None: now.

    Returns:
        What takes the run's points while it trains, and its result.

    Raises:
        ConfigError: the store is out of reach, or the experiment was deleted.
        StoreError: MLflow refused what it was asked.
    """
    if tracking["uri"] is None:
        return UntrackedRun()
    client = client_of(tracking["uri"])
    tags = run_tags(planned, engine, fingerprint, tracking["sweep"])
    if notes and not tracking["sweep"]:
        tags |= named({PREPARED: "; ".join(notes)})
    start = int(time.time() * 1000) if start is None else start
    params = own_params(planned, shared_params(client, tracking["sweep"]))
    return RunRecord(client, experiment_id(client, planned.experiment), planned, params, tags, start)


class UntrackedRun:
    """A run that nobody keeps (`tracking=none`)."""

    publish = None
    page = None

    def __enter__(self) -> "UntrackedRun":
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def add(self, points: Iterable[tuple[Point, int]]) -> None:
        """There is nobody to tell."""

    def finish(self, result: RunResult, describe: Mapping[str, str]) -> None:
        """There is nothing to write."""


class RunRecord:
    """One run in the store: written as it trains once that takes longer than a few seconds, else at its end.

    Its times are in milliseconds since 1970. In a database a run of a sweep is there once, whichever processes record
    it: one that finished stays, and else the process that began it last writes it, and the others write nothing.
    """

    def __init__(
        self,
        client: "Client",
        experiment: str,
        planned: PlannedRun,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        start: int,
    ):
        self.client, self.planned, self.tags = client, planned, tags
        self.run_id: str | None = None
        self.ended = False
        self._is_elsewhere = False  # whether another process records it, or has
        self._experiment, self._start = experiment, start
        is_of_sweep = bool(planned.key) and "seedsweep.sweep" in tags
        self._database = open_database(client.tracking_uri) if is_of_sweep else None
        self._params = params
        self._waiting: list[tuple[Point, int]] = []
        self._step = -1  # the last one whose epoch is written
        self._flushed = time.monotonic()

    def __enter__(self) -> "RunRecord":
        return self

    @property
    @store_errors()
    def page(self) -> str:
        """The run's page in MLflow's UI."""
        return run_page(self._experiment, self.open())

    @store_errors()
    def publish(self, points: Iterable[Point]) -> None:
        """Take new points of the curves; they are in the store within a few seconds."""
        now = int(time.time() * 1000)
        self.add((point, now) for point in points)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    @store_errors()
    def finish(self, result: RunResult, describe: Mapping[str, str]) -> None:
        """Write the rest of a run that came to its end; `describe` goes into the header of its weights."""
        self.open()
        if result.weights and not self._is_elsewhere:
            with weights_file(result.weights, describe, WEIGHTS) as file:
                self.client.log_artifact(self.open(), str(file))
        self.flush({"outcome": result.outcome})
        self.end("FINISHED")

    @store_errors()
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        failed = isinstance(error, Exception)  # the others are Ctrl-C and signals
        self.flush({"outcome": "failed"} if failed else {})
        self.end("FAILED" if failed else "KILLED")
        if failed and not self._is_elsewhere:
            text = "".join(traceback.format_exception(error))
            self.client.log_text(self.open(), masked(text), TRACEBACK)

    def open(self) -> str:
        """The run's id; makes the run the first time."""
        if self.run_id is None:
            self.run_id = self._made() if self._database else self._created()
        elif self._database and not self._is_elsewhere:
            self._is_elsewhere = not is_own(self._database, self.run_id, self._start)
        return self.run_id

    def _created(self) -> str:
        return create_run(self.client, self._experiment, self.planned.name, self.tags, self._start)

    def _made(self) -> str:
        """The id of a run that is in the database once, made there."""
        made = run_id(self.planned, self.tags["seedsweep.sweep"])
        run = NewRun(self.planned, self._experiment, dict(self.tags), self._start)
        location = artifact_folder(self.client, self._experiment, made)
        self._is_elsewhere = not begin_run(cast("Engine", self._database), run, made, location)
        return made

    def add(self, points: Iterable[tuple[Point, int]]) -> None:
        """Take points with their times, for the next `flush`."""
        self._waiting += points

    def flush(self, tags: Mapping[str, str] | None = None) -> None:
        """Write the waiting points; with the first of them the params, with the last the tags."""
        run = self.open()
        if not self._is_elsewhere:
            named = [(f"seedsweep.{key}", value) for key, value in (tags or {}).items()]
            write_batch(self.client, run, self._points(), list(self._params.items()), named)
        self._step = max((point.step for point, _ in self._waiting), default=self._step)  # if no signal came before
        self._params, self._waiting, self._flushed = {}, [], time.monotonic()

    def _points(self) -> list[Logged]:
        """The waiting points, after the epochs of their steps, which readers of the others need."""
        epochs = {point.step: ("epoch", float(point.epoch), now, point.step) for point, now in reversed(self._waiting)}
        points = [epochs[step] for step in sorted(epochs) if step > self._step]
        points += [(point.metric, float(point.value), now, point.step) for point, now in self._waiting]
        if RATE in self._params:  # a metric too: MLflow sorts params as strings
            points.append((RATE, float(self._params[RATE]), self._start, 0))
        return points

    def end(self, status: str, at: int | None = None) -> None:
        """End the run with a status of MLflow's, now if no time is given."""
        run = self.open()
        if not self._is_elsewhere:
            self.client.set_terminated(run, status, at)
        self.ended = True
