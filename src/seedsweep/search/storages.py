"""Where the trials of a study are kept: the address of an Optuna storage, and the way into it for many processes."""

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import alembic.command  # noqa: F401  # RDBStorage would import it while other processes wait for the lock
import sqlalchemy
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning, OptunaError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalFileSymlinkLock
from optuna.storages.journal._file import get_lock_file

from seedsweep.errors import ConfigError, masked
from seedsweep.tracking import addresses, connection

log = logging.getLogger(__name__)

KEY = "hydra.sweeper.storage"
JOURNAL = "journal:///"
ALLOWED = f"must be sqlite:///FILE.db, postgresql+psycopg://…, {JOURNAL}FILE, or the path of a FILE.log or FILE.journal"
PATIENCE = 60  # seconds for which a process waits while others write to a SQLite file
LAST = 2**20  # bytes of a journal in which its last lines end
BEAT = 60  # seconds between two signs of life of a running trial; without one for twice as long, it is lost


def default_storage() -> str:
    """`optuna.db` beside MLflow's database where that is a file, otherwise in the project's `mlruns`."""
    uri = addresses.absolute(addresses.default_uri())
    file = (uri if uri.startswith(addresses.SQLITE) else addresses.home_uri()).removeprefix(addresses.SQLITE)
    return f"{addresses.SQLITE}{Path(file).with_name('optuna.db')}"


def open_storage(uri: str) -> BaseStorage:
    """The storage at `uri`, new or old, also when many processes open a new one at once.

    `sqlite:///FILE` and `journal:///FILE` are relative to the working directory, with a fourth slash absolute; their
    folder is made. Raises `ConfigError` when the storage is out of reach, is none, or cannot be written.
    """
    if not isinstance(uri, str):
        raise ConfigError(KEY, uri, ALLOWED)
    if uri.startswith(JOURNAL):
        return _journal(uri, uri.removeprefix(JOURNAL))
    if "://" not in uri:
        if Path(uri).suffix not in (".log", ".journal"):
            raise ConfigError(KEY, masked(uri), ALLOWED)
        return _journal(uri, uri)
    try:
        url = sqlalchemy.make_url(uri)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise ConfigError(KEY, masked(uri), ALLOWED) from None  # what they say may quote a part of the password
    try:
        return _sqlite(url) if url.get_backend_name() == "sqlite" else _server(url)
    except ConfigError:
        raise
    except ImportError as error:
        missing = str(error.__cause__ or error)
        hint = ": pip install 'seedsweep[postgres]'" if "psycopg" in missing else ""
        raise ConfigError(KEY, masked(uri), f"its driver is not here ({missing}){hint}") from error
    except sqlalchemy.exc.ArgumentError as error:  # of a kind that SQLAlchemy does not know
        raise ConfigError(KEY, masked(uri), ALLOWED) from error
    except (OSError, RuntimeError, ValueError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError, OptunaError) as error:
        raise ConfigError(KEY, masked(uri), f"cannot be used: {_reason(error)}") from error


@contextmanager
def confirming(storage: BaseStorage) -> Iterator[None]:
    """Wait for the other processes that confirm what searches in this storage have found: each trains it once.

    Of a kind of storage that has no such lock, none waits.
    """
    url, file = getattr(storage, "url", None), getattr(getattr(storage, "_backend", None), "_file_path", None)
    if url is not None and not url.startswith(addresses.SQLITE):
        with connection.schema_lock(url, connection.CONFIRMING_LOCK):
            yield
        return
    file = file or (url or "").removeprefix(addresses.SQLITE)
    with FileLock(f"{file}.confirming.lock") if file else nullcontext():
        yield


def _reason(error: BaseException) -> str:
    """The first line of what the database said, which Optuna wraps in advice."""
    if isinstance(error, OptunaError) and error.__cause__:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]


def _sqlite(url: sqlalchemy.URL) -> RDBStorage:
    if url.database in (None, "", ":memory:"):
        raise ConfigError(KEY, masked(str(url)), "must name a file: sqlite:///FILE.db")
    file = Path(str(url.database)).absolute()  # also for the connections of later, from another working directory
    file.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(file, timeout=PATIENCE)
    try:
        database.execute("BEGIN IMMEDIATE")  # a file that can only be read would fail at the first trial
    finally:
        database.close()
    with FileLock(f"{file}.lock"):  # of processes that make one schema at once, only one would succeed
        return _database(url.set(database=str(file)), connect_args={"timeout": PATIENCE})


def _server(url: sqlalchemy.URL) -> RDBStorage:
    options: dict[str, Any] = {"pool_pre_ping": True}  # a connection may not outlive hours without a word
    if url.drivername in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2"):
        options["connect_args"] = {"connect_timeout": 10}
    with connection.schema_lock(url):
        return _database(url, **options)


def _database(url: sqlalchemy.URL, **options: Any) -> RDBStorage:
    inspector = sqlalchemy.inspect(sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, **options))
    if inspector.has_table("alembic_version") and not inspector.has_table("studies"):  # where Optuna notes its version
        raise ConfigError(KEY, masked(str(url)), "has tables of another program, as MLflow: name a new database")
    address = url.render_as_string(hide_password=False)
    template = address.replace("{", "{{").replace("}", "}}")  # RDBStorage formats it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # of the heartbeat
        return RDBStorage(template, engine_kwargs=options, heartbeat_interval=BEAT)


def _journal(uri: str, path: str) -> JournalStorage:
    if not path:
        raise ConfigError(KEY, uri, f"must name a file: {JOURNAL}FILE")
    file = Path(path).expanduser().absolute()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+b") as opened:
            opened.seek(0)
            if not b'{"op_code":'.startswith(opened.read(11)):  # a line would be added to whatever it is
                raise ConfigError(KEY, uri, "is there, and is no journal of Optuna's")
        # Optuna's default, a symbolic link, is the lock of all others who use the file; Windows has none.
        lock = JournalFileOpenLock(str(file)) if os.name == "nt" else JournalFileSymlinkLock(str(file))
        with get_lock_file(lock):
            _cut_half_line(file)
        return JournalStorage(JournalFileBackend(str(file), lock))
    except ConfigError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise ConfigError(KEY, uri, f"cannot be used: {_reason(error)}") from error


def _cut_half_line(file: Path) -> None:
    """Take away what a writer that was killed left of its last line, which the next one would be appended to."""
    with file.open("r+b") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - LAST))
        tail = opened.read()
        half = len(tail) - (tail.rfind(b"\n") + 1)
        if 0 < half < LAST:
            log.warning("%s ended in half a line, as of a writer that was killed; it is cut off", file.name)
            opened.truncate(size - half)
