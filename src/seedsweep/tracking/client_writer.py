"""Many runs by MLflow's client, several at once: for a server, and for a database whose schema is not known."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from seedsweep.outcomes import Column, FleetResult, Point
from seedsweep.tracking.run_writer import RunRecord
from seedsweep.tracking.tags import NewRun
from seedsweep.tracking.weights import FOLDER, weights_file, weights_tag

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client

THREADS = 8  # that write to an MLflow server


class ClientRuns:
    """Runs that begin and end together, as `sql_writer.SqlRuns`, by MLflow's client."""

    def __init__(self, client: "Client", runs: Sequence[NewRun]):
        self._client = client
        self._records = [
            RunRecord(client, run.experiment, run.planned, run.params, run.tags, run.start) for run in runs
        ]
        self._ends = {id(record): run.end for record, run in zip(self._records, runs, strict=True)}
        self._threads = THREADS if client.tracking_uri.startswith("http") else 1

    def write(self, columns: Sequence[Column]) -> None:
        """Write new columns; makes the runs the first time."""
        self._add(columns)
        self._each(RunRecord.flush, self._records)

    def finish(
        self, columns: Sequence[Column], result: FleetResult, describe: Mapping[str, str], sweep: str | None
    ) -> None:
        """Write new columns, the weights and the outcomes."""
        self._add(columns)
        first = self._records[0].open()
        holder = sweep or first
        with weights_file(result.weights, describe, f"{first}.safetensors") as file:
            self._client.log_artifact(holder, str(file), FOLDER)
        members = {id(record): member for member, record in enumerate(self._records)}

        def end(record: RunRecord) -> None:
            member = members[id(record)]
            record.flush({"outcome": result.outcomes[member], "weights": weights_tag(holder, first, member)})
            record.end("FINISHED")

        self._each(end, self._records)

    def replace(self, former: Iterable[str], columns: Sequence[Column]) -> None:
        """Write runs that have ended, with all their columns; then mark the former ones, their ids, as deleted."""

        def write(record: RunRecord) -> None:
            record.flush()
            record.end("FINISHED", self._ends[id(record)])

        self._add(columns)
        try:
            self._each(write, self._records)
        except BaseException:
            self._delete()
            raise
        self._each(self._client.delete_run, former)

    def kill(self) -> None:
        """End as KILLED the runs that are RUNNING in the store."""
        self._each(lambda record: record.end("KILLED"), [run for run in self._records if run.run_id and not run.ended])

    def remove(self) -> None:
        """Leave none of the runs in the store."""
        self.kill()
        self._delete()

    def _delete(self) -> None:
        self._each(self._client.delete_run, [record.run_id for record in self._records if record.run_id])

    def _add(self, columns: Sequence[Column]) -> None:
        for column in columns:
            for member, value in zip(column.members.tolist(), column.values.tolist(), strict=True):
                point = Point(column.metric, column.step, column.epoch, value)
                self._records[member].add([(point, column.time)])

    def _each(self, task: Callable[[Any], Any], items: Iterable[Any]) -> None:
        """Do it for every item, several at once; what fails, or Ctrl-C, leaves those that have not begun undone."""
        threads = ThreadPoolExecutor(self._threads)
        try:
            for _ in threads.map(task, items):
                pass
        finally:
            threads.shutdown(cancel_futures=True)
