"""MLflow's client of a store, as this package wants it: patient, and silent."""

import logging
import os
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from seedsweep.gc_pause import collector_paused
from seedsweep.tracking.addresses import PATIENCE, SQLITE

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUIET = {  # MLflow's settings that every command wants, unless the user has said otherwise
    "MLFLOW_DISABLE_TELEMETRY": "true",  # no command may need the network
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # one for every small file
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines for every run
}


def mlflow_client(uri: str) -> "MlflowClient":
    """MLflow's client of the store at an address; makes the tables of a database that has none.

    Raises:
        MlflowException: MLflow cannot use the store.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("alembic", "mlflow.store.db.utils"):  # their message on every migration
        logging.getLogger(name).setLevel(logging.WARNING)
    with collector_paused():
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)  # imports the kind of store, and makes its tables
    if uri.startswith(SQLITE):
        _have_patience(client)
    return client


def _have_patience(client: "MlflowClient") -> None:
    """Have MLflow wait for whoever has locked the database, and not give up what was trained after five seconds."""
    from sqlalchemy import event

    engine: Any = client._tracking_client.store.engine
    if not event.contains(engine, "connect", _wait_for_locks):  # MLflow has one for all clients of a process
        event.listen(engine, "connect", _wait_for_locks)
        engine.dispose()  # connections that were made before have not heard of it


def _wait_for_locks(made: sqlite3.Connection, _: object) -> None:
    made.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE}")


def mlflow_error() -> type[Exception]:
    """What MLflow raises: to be asked for in an `except` clause, whose expression nobody evaluates without an error."""
    from mlflow.exceptions import MlflowException

    return MlflowException


def log_batch(
    client: "MlflowClient",
    run_id: str,
    points: Iterable[tuple[str, float, int, int]] = (),
    params: Iterable[tuple[str, str]] = (),
    tags: Iterable[tuple[str, str]] = (),
) -> None:
    """Write points (metric, value, milliseconds since 1970, step), params and tags of a run by MLflow's client."""
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(*point) for point in points]
    client.log_batch(run_id, metrics, [Param(*pair) for pair in params], [RunTag(*pair) for pair in tags])
