"""A client of an MLflow store in a database that does not import MLflow, which takes longer than a run."""

import math
import sys
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from seedsweep.tracking.artifact_folders import artifact_address, file_within, local_folder, put_file, put_folder
from seedsweep.tracking.database_entities import read_entities, read_experiments, rows_of
from seedsweep.tracking.entities import Experiment, Run
from seedsweep.tracking.mlflow_client import log_batch, mlflow_client
from seedsweep.tracking.mlflow_names import is_name
from seedsweep.tracking.sql import begin_writing, change, insert, transaction

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Connection, Engine

LONGEST_TAG, LONGEST_PARAM, LONGEST_EXPERIMENT_TAG, LONGEST_NAME = 8000, 6000, 20_000, 256  # what is longer is MLflow's
KeyValue = tuple[str, str]
Logged = tuple[str, float, int, int]  # metric, value, milliseconds since 1970, step

ADD_EXPERIMENT = """INSERT INTO experiments
(name, artifact_location, lifecycle_stage, creation_time, last_update_time) VALUES (?, ?, 'active', ?, ?)
ON CONFLICT DO NOTHING"""
SET_EXPERIMENT_TAG = """INSERT INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?)
ON CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value"""
SET_TAG = """INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)
ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value"""
ADD_POINT = """INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING"""
SET_LATEST = """INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key, run_uuid) DO UPDATE
SET value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan
WHERE (excluded.step, excluded.timestamp, excluded.value)
> (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)"""
EXPERIMENT_STAGE = "SELECT lifecycle_stage FROM experiments WHERE experiment_id = :number"
STAGE = "SELECT lifecycle_stage FROM runs WHERE run_uuid = :run"
ADDRESS = "SELECT artifact_uri FROM runs WHERE run_uuid = :run"
PARAMS = "SELECT key, value FROM params WHERE run_uuid = :run"
WITH_TAG = "run_uuid IN (SELECT run_uuid FROM tags WHERE key = :key{number} AND value = :value{number})"


class DatabaseClient:
    """A client of the store in a database whose tables are as `schema` knows them.

    Its methods do what those of MLflow's client do that have their names. What it has no method for, and what is to be
    refused, is left to MLflow's client, which is imported then.

    Args:
        uri: address of the store.
        engine: SQLAlchemy's, of its database.
    """

    def __init__(self, uri: str, engine: "Engine"):
        self.tracking_uri = uri
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # asked for by copying, and the like
            raise AttributeError(name)
        return getattr(self._mlflow, name)

    @cached_property
    def _mlflow(self) -> "MlflowClient":
        return mlflow_client(self.tracking_uri)

    def search_experiments(self, max_results: int | None = None) -> list[Experiment]:
        """The experiments that are not deleted, the newest first."""
        order = "ORDER BY creation_time DESC, experiment_id"
        return read_experiments(self._engine, f"lifecycle_stage = 'active' {order}")[:max_results]

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment, deleted or not; None where there is none."""
        return next(iter(read_experiments(self._engine, "name = :name", name=name)), None)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment, deleted or not."""
        chosen = read_experiments(self._engine, "experiment_id = :number", number=int(experiment_id))
        return chosen[0] if chosen else self._mlflow.get_experiment(experiment_id)  # type: ignore[return-value]

    def create_experiment(self, name: str, location: str | None, tags: Mapping[str, str]) -> str:
        """Make an experiment where there is none of that name; its id."""
        if not location or not 0 < len(name) <= LONGEST_NAME or not all(map(is_name, tags)):
            return str(self._mlflow.create_experiment(name, location, tags=dict(tags)))
        now = int(time.time() * 1000)
        with transaction(self._engine) as connection:
            change(connection, ADD_EXPERIMENT, [(name, location, now, now)])
            ((number,),) = rows_of(
                connection, "SELECT experiment_id FROM experiments WHERE name = :name", {"name": name}
            )
            change(connection, SET_EXPERIMENT_TAG, [(number, *pair) for pair in tags.items()])
        return str(number)

    def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        """Set a tag of an experiment."""
        if not is_name(key) or len(value) > LONGEST_EXPERIMENT_TAG:
            self._mlflow.set_experiment_tag(experiment_id, key, value)
            return
        with transaction(self._engine) as connection:
            begin_writing(connection)
            if rows_of(connection, EXPERIMENT_STAGE, {"number": int(experiment_id)}) == [("active",)]:
                change(connection, SET_EXPERIMENT_TAG, [(int(experiment_id), key, value)])
                return
        self._mlflow.set_experiment_tag(experiment_id, key, value)

    def create_run(self, experiment_id: str, start_time: int, tags: Mapping[str, str], run_name: str) -> Run:
        """Make a run that is RUNNING."""
        experiment = self.get_experiment(experiment_id)
        if experiment.lifecycle_stage != "active" or not run_name or _is_refused(tags.items(), LONGEST_TAG):
            made = self._mlflow.create_run(experiment_id, start_time, dict(tags), run_name)
            return self.get_run(made.info.run_id)
        run_id = uuid.uuid4().hex
        source = ("UNKNOWN", "", "", tags.get("mlflow.user", "unknown"), "RUNNING", start_time, None, "", "active")
        folder = artifact_address(experiment.artifact_location, run_id)
        with transaction(self._engine) as connection:
            insert(connection, "runs", [(run_id, run_name, *source, folder, int(experiment_id))])
            pairs = {"mlflow.runName": run_name, **tags}.items()
            insert(connection, "tags", [(run_id, *pair) for pair in pairs])
        return self.get_run(run_id)

    def get_run(self, run_id: str) -> Run:
        """The run, deleted or not."""
        runs = read_entities(self._engine, "run_uuid = :run", run=run_id)
        return runs[0] if runs else self._mlflow.get_run(run_id)  # type: ignore[return-value]

    def find_runs(self, tags: Mapping[str, str], experiments: Collection[str] | None = None) -> list[Run]:
        """The runs that have tags with these values, of the experiments with these names or of all, the newest first;
        none that was deleted, or whose experiment was."""
        chosen = self.search_experiments()
        numbers = [item.experiment_id for item in chosen if experiments is None or item.name in experiments]
        conditions = ["lifecycle_stage = 'active'", f"experiment_id IN ({', '.join(numbers) or 'NULL'})"]
        values: dict[str, str] = {}
        for number, (key, value) in enumerate(tags.items()):
            conditions.append(WITH_TAG.format(number=number))
            values |= {f"key{number}": key, f"value{number}": value}
        return read_entities(self._engine, f"{' AND '.join(conditions)} ORDER BY start_time DESC, run_uuid", **values)

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        """Set a tag of a run."""
        self.write_batch(run_id, tags=[(key, value)])

    def write_batch(
        self, run_id: str, points: Sequence[Logged] = (), params: Sequence[KeyValue] = (), tags: Sequence[KeyValue] = ()
    ) -> None:
        """Write points, params and tags of a run: all of them, or none."""
        named = all(is_name(name) for name, *_ in points) and len(dict(params)) == len(params)
        if named and not _is_refused(params, LONGEST_PARAM) and not _is_refused(tags, LONGEST_TAG):
            with transaction(self._engine) as connection:
                begin_writing(connection)
                had = dict(rows_of(connection, PARAMS, {"run": run_id})) if params else {}
                if _is_active(connection, run_id) and all(had.get(key, value) == value for key, value in params):
                    insert(connection, "params", [(run_id, *pair) for pair in params if pair[0] not in had])
                    rows = sorted((run_id, *_stored(*point)) for point in points)  # else two writers could deadlock
                    change(connection, ADD_POINT, rows)
                    change(connection, SET_LATEST, rows)
                    change(connection, SET_TAG, [(run_id, *pair) for pair in sorted(dict(tags).items())])
                    return
        log_batch(self._mlflow, run_id, points, params, tags)

    def update_run(self, run_id: str, status: str) -> None:
        """Have a run another status."""
        if not self._update(run_id, "status = ?", status):
            self._mlflow.update_run(run_id, status)

    def set_terminated(self, run_id: str, status: str, end_time: int | None = None) -> None:
        """End a run, now if no time is given."""
        end = end_time or int(time.time() * 1000)
        if not self._update(run_id, "status = ?, end_time = ?", status, end):
            self._mlflow.set_terminated(run_id, status, end)

    def log_artifact(self, run_id: str, file: str, below: str | None = None) -> None:
        """Put a file among the artifacts of a run."""
        if folder := self._folder(run_id, below):
            put_file(Path(file), folder)
        else:
            self._mlflow.log_artifact(run_id, file, below)

    def log_artifacts(self, run_id: str, source: str, below: str | None = None) -> None:
        """Put the files of a folder among the artifacts of a run."""
        if folder := self._folder(run_id, below):
            put_folder(Path(source), folder)
        else:
            self._mlflow.log_artifacts(run_id, source, below)

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Put a text file among the artifacts of a run."""
        if not is_name(name) or "/" in name:
            self._mlflow.log_text(run_id, text, name)
            return
        with TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_text(text, encoding="utf-8")
            self.log_artifact(run_id, str(file))

    def download_artifacts(self, run_id: str, path: str, target: str) -> str:
        """The path of an artifact: where it lies, or below `target` if it comes from elsewhere; not to be changed."""
        folder = self._folder(run_id)
        file = file_within(folder, path) if folder else None
        return str(file or self._mlflow.download_artifacts(run_id, path, target))

    def _folder(self, run_id: str, below: str | None = None) -> Path | None:
        """Where artifacts of a run are put; None for MLflow, which also refuses what is not below its folder."""
        if below is not None and not is_name(below):
            return None
        with transaction(self._engine) as connection:
            rows = rows_of(connection, ADDRESS, {"run": run_id})
        folder = local_folder(rows[0][0] if rows else self._mlflow.get_run(run_id).info.artifact_uri)
        return folder / (below or "") if folder else None

    def _update(self, run_id: str, columns: str, *values: Any) -> bool:
        """Change a run; False where there is none that is not deleted."""
        with transaction(self._engine) as connection:
            begin_writing(connection)
            if not _is_active(connection, run_id):
                return False
            change(connection, f"UPDATE runs SET {columns} WHERE run_uuid = ?", [(*values, run_id)])  # noqa: S608
        return True


def _is_active(connection: "Connection", run_id: str) -> bool:
    return rows_of(connection, STAGE, {"run": run_id}) == [("active",)]


def _is_refused(pairs: Collection[KeyValue], longest: int) -> bool:
    """Whether MLflow refuses some of the pairs, or does more for them than write them."""
    return any(not is_name(key) or len(value) > longest or key == "mlflow.runName" for key, value in pairs)


def _stored(metric: str, value: float, moment: int, step: int) -> tuple[str, float, int, int, bool]:
    """A point as MLflow's tables have it: 0 for what is not a number, and no infinity."""
    is_nan = math.isnan(value)
    limited = max(-sys.float_info.max, min(sys.float_info.max, value))
    return metric, 0.0 if is_nan else float(limited), moment, step, is_nan
