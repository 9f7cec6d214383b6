"""Where runs are kept: the address of the MLflow store, and the way into it for the writer and the reader."""

import logging
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from seedsweep.errors import ConfigError, StoreError
from seedsweep.gc_pause import collector_paused
from seedsweep.tracking.addresses import SQLITE, absolute
from seedsweep.tracking.database_client import DatabaseClient
from seedsweep.tracking.file_systems import network_file_system
from seedsweep.tracking.mlflow_client import mlflow_client, mlflow_error
from seedsweep.tracking.moved_store import find_artifacts
from seedsweep.tracking.sql import open_database

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client

log = logging.getLogger(__name__)
SCHEMA_LOCK = 0x5EED5EED  # any number that nobody else locks in the same PostgreSQL database
SWEEPS_LOCK, CONFIRMING_LOCK = SCHEMA_LOCK + 1, SCHEMA_LOCK + 2
_in_this_process = Lock()  # of threads that open one store at once, one would change what another is going through
ELSEWHERE = (
    "where SQLite's locks do not hold, so that the store could be damaged: take a local disk"
    " (tracking.uri=sqlite:////tmp/mlflow.db), or PostgreSQL or an MLflow server"
)


def connect(uri: str, create: bool = False) -> "Client":
    """A client of a store, which is tried before any work.

    Args:
        uri: address of the store.
        create: whether it is made, with its schema, where there is none.

    Returns:
        The client.

    Raises:
        ConfigError: the store is out of reach, is none, or cannot be written.
    """
    uri = absolute(uri)
    if uri.startswith(SQLITE):
        _try_sqlite(uri, create)
    elif uri.startswith("http"):
        _try_server(uri)
    else:
        _try_database(uri)
    with collector_paused(), _alone(uri, create):
        try:
            if create and uri.startswith(SQLITE):
                _make_schema(Path(uri.removeprefix(SQLITE)))
            if uri.startswith(SQLITE):
                find_artifacts(Path(uri.removeprefix(SQLITE)))
            with _in_this_process:
                return _client(uri)
        except mlflow_error() as error:
            allowed = _of_another_version(str(error), uri) or f"MLflow cannot use it: {error}"
            raise ConfigError("tracking.uri", uri, allowed) from error


def _client(uri: str) -> "Client":
    if database := open_database(uri):
        return DatabaseClient(uri, database)
    client = mlflow_client(uri)  # makes the tables of a new database
    if database := open_database(uri):
        return DatabaseClient(uri, database)
    if not uri.startswith("http"):
        log.warning("MLflow's schema is not the one known; writing by its client")
    return client


def _make_schema(file: Path) -> None:
    """Make MLflow's tables beside a database that has none: of those that are half made MLflow makes no store."""
    if _has_schema(file):
        return
    half = file.with_name(f".{file.name}.new")
    half.unlink(missing_ok=True)
    mlflow_client(f"{SQLITE}{half}")
    os.replace(half, file)


def _has_schema(file: Path) -> bool:
    """Whether a file has tables of anybody's, and those of MLflow in whole: it adds its first experiment at last."""
    database = sqlite3.connect(file, timeout=20)
    try:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "experiments" in tables and "runs" in tables:
            return database.execute("SELECT 1 FROM experiments").fetchone() is not None
        return bool(tables)
    finally:
        database.close()


@lru_cache(maxsize=8)
def client_of(uri: str) -> "Client":
    """The client of a store, which is made where there is none; the same one whenever it is asked for."""
    return connect(uri, create=True)


@contextmanager
def store_errors() -> Iterator[None]:
    """What MLflow raises in the body, or in the function decorated, is raised as a `StoreError`."""
    try:
        yield
    except Exception as error:
        exceptions = sys.modules.get("mlflow.exceptions")  # without which the error is none of MLflow's
        if exceptions is None or not isinstance(error, exceptions.MlflowException):
            raise
        raise StoreError(_brief(str(error))) from error


def _brief(reason: str) -> str:
    """What MLflow was refused, without the statement and its values, which SQLAlchemy adds to a database's words."""
    database = re.match(r"\(\w+[\w.]*Error\) (.*?)\n\[SQL", reason, re.DOTALL)
    return f"the database refused: {database[1].strip()}" if database else reason


def _of_another_version(reason: str, uri: str) -> str | None:
    """What to say of the schema of another MLflow, which this one takes for an old one whichever it is."""
    import mlflow

    version = re.search(r"found version (\w+), but expected", reason)
    migrations = Path(mlflow.__file__).parent / "store" / "db_migrations" / "versions"
    if not version:
        return None
    if any(migrations.glob(f"{version[1]}_*")):
        older = f"it was made by an older MLflow than {mlflow.__version__}, which is here"
        return f"{older}: after a backup, mlflow db upgrade {uri}"
    return f"it was made by a newer MLflow than {mlflow.__version__}, which is here: pip install --upgrade mlflow"


def _alone(uri: str, create: bool) -> AbstractContextManager[Any]:
    """Two commands that make the schema of one new database at once would both fail, and so would one that reads it."""
    if uri.startswith(SQLITE):
        lock = f"{uri.removeprefix(SQLITE)}.lock"
        return _locked(uri, lock) if create or os.access(lock, os.W_OK) else nullcontext()
    return nullcontext() if uri.startswith("http") else schema_lock(uri)


@contextmanager
def _locked(uri: str, file: str) -> Iterator[None]:
    """The lock in a file beside a store."""
    lock = FileLock(file)
    try:
        lock.acquire()
    except OSError as error:
        raise ConfigError("tracking.uri", uri, f"cannot be written: {error}") from error
    try:
        yield
    finally:
        lock.release()


def sweeps_lock(uri: str) -> AbstractContextManager[Any]:
    """Wait for the other processes that are opening a sweep in this store: each sweep is one process's.

    Args:
        uri: address of a store that was connected to.

    Returns:
        A context without them; a server has no such lock.
    """
    uri = absolute(uri)
    if uri.startswith(SQLITE):
        return _locked(uri, f"{uri.removeprefix(SQLITE)}.sweeps.lock")
    return nullcontext() if uri.startswith("http") else schema_lock(uri, SWEEPS_LOCK)


@contextmanager
def schema_lock(url: Any, number: int = SCHEMA_LOCK) -> Iterator[None]:
    """Wait for the processes and hosts that may be making a schema in this database, or whatever else has that number,
    if it is PostgreSQL, which frees the lock of a dead one."""
    import sqlalchemy

    if sqlalchemy.make_url(url).get_backend_name() != "postgresql":
        yield
        return
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args={"connect_timeout": 10})
    with engine.connect() as connection:
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_lock(number)))
        yield


def _try_sqlite(uri: str, create: bool) -> None:
    file = Path(uri.removeprefix(SQLITE))
    if create and (kind := network_file_system(file)):
        raise ConfigError("tracking.uri", uri, f"is on a network file system ({kind}), {ELSEWHERE}")
    try:
        if create:
            (file.parent / "artifacts").mkdir(parents=True, exist_ok=True)
        elif not file.is_file():
            raise ConfigError("tracking.uri", uri, "no such file; nothing has been recorded there yet")
        database = sqlite3.connect(file, timeout=20)
        try:
            database.execute("BEGIN IMMEDIATE" if create else "SELECT * FROM sqlite_master")
        finally:
            database.close()
    except (OSError, sqlite3.Error) as error:
        raise ConfigError("tracking.uri", uri, f"cannot be {'written' if create else 'read'}: {error}") from error


def _try_server(uri: str) -> None:
    import requests

    try:
        answer = requests.get(f"{uri}/health", timeout=10)
        answer.raise_for_status()
        if answer.text.strip() != "OK":
            raise ConfigError("tracking.uri", uri, "something answers there that is no MLflow server")
    except requests.RequestException as error:
        status = error.response.status_code if error.response is not None else None
        hint = "; was the server told this host name with --allowed-hosts?" if status == 403 else ""
        reason = f"HTTP status {status}" if status else type(error).__name__
        allowed = f"no MLflow server answers there ({reason}{hint})"
        raise ConfigError("tracking.uri", uri, allowed) from error


def _try_database(uri: str) -> None:
    import sqlalchemy

    try:
        engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool, connect_args={"connect_timeout": 10})
        engine.connect().close()
    except ImportError as error:
        raise ConfigError("tracking.uri", uri, f"{error}: pip install 'seedsweep[postgres]'") from error
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError("tracking.uri", uri, f"the database is out of reach: {reason}") from error
