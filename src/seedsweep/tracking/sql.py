"""MLflow's tables in SQLite or PostgreSQL, many rows at a time: its client goes one run, or one curve, at a time."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seedsweep.errors import ConfigError, StoreError
from seedsweep.tracking.addresses import PATIENCE, SQLITE, absolute
from seedsweep.tracking.schema import COLUMNS, is_known, table

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Select, TableClause

TAGS = ("group", "sweep", "job", "outcome", "data")  # that are read of a run
ROWS = 20_000  # that are read at once
CACHE = 8_000  # kB of the database that SQLite keeps in memory

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_KNOWN = set[str]()  # the addresses of databases that have the tables which are known here

Pair = tuple[str, str, Any]  # run id, key, value
StoredPoint = tuple[str, str, int, float | None]  # run id, metric, step, value: None is not a number


class StoredRuns(NamedTuple):
    """What a store has of runs: `infos` are (id, name, status, start, end), times in milliseconds since 1970; tags,
    params, the last values of metrics, and the params that sweeps have for their runs, come in batches."""

    infos: Sequence[tuple[str, str, str, int, int | None]]
    tags: Iterable[Sequence[Pair]]
    params: Iterable[Sequence[Pair]]
    metrics: Iterable[Sequence[Pair]]
    shared: Iterable[Sequence[Pair]] = ()  # with the ids of sweeps


def open_database(uri: str) -> "Engine | None":
    """The database at `uri`; None for an MLflow server, and where MLflow's tables are not as they are here."""
    if uri.startswith("http"):
        return None
    engine = _engine(uri := absolute(uri))
    if uri not in _KNOWN and not is_known(engine):  # a database that is locked, or new, is asked again
        return None
    _KNOWN.add(uri)
    return engine


@contextmanager
def transaction(engine: "Engine") -> "Iterator[Connection]":
    """A connection whose changes are kept together, or not at all if the body raises; raises `ConfigError` for the
    database's own errors, and for values that it cannot hold."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with engine.begin() as connection:
            yield connection
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error, OverflowError, UnicodeError) as error:
        uri, reason = engine.url.render_as_string(), str(getattr(error, "orig", None) or error).splitlines()[0]
        raise ConfigError("tracking.uri", uri, f"the database refused: {reason}") from error


def insert(connection: "Connection", table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows of all `COLUMNS` of the table, by COPY where psycopg 3 offers it.

    SQLite takes them fastest run by run, the run ids ascending: every index then grows at its end.
    """
    names = ", ".join(f'"{name}"' for name in COLUMNS[table])
    cursor: Any = connection.connection.cursor()  # the driver's: SQLAlchemy's own way would double the time
    if hasattr(cursor, "copy"):
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        marks = ", ".join("?" * len(COLUMNS[table]))
        change(connection, f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608, no value is in it


def change(connection: "Connection", statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Execute the statement, with `?` for values, for each of the rows."""
    if connection.dialect.paramstyle != "qmark":
        statement = statement.replace("?", "%s")
    cursor: Any = connection.connection.cursor()  # SQLite's takes any iterable
    cursor.executemany(statement, rows)


def begin_writing(connection: "Connection") -> None:
    """On SQLite, let no other process write between what is read from now on and what is written."""
    driver = connection.connection.driver_connection
    if connection.dialect.name == "sqlite" and not driver.in_transaction:  # type: ignore[union-attr]
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def delete_runs(connection: "Connection", ids: Iterable[str]) -> None:
    """Delete runs with all that `COLUMNS` has of them."""
    rows = [(run_id,) for run_id in ids]
    for name in ("latest_metrics", "metrics", "tags", "params", "runs"):  # what refers to runs before the runs
        change(connection, f"DELETE FROM {name} WHERE run_uuid = ?", rows)  # noqa: S608


def end_running(engine: "Engine", sweep: str, status: str) -> None:
    """End the runs of a sweep that are RUNNING."""
    chosen = "run_uuid IN (SELECT run_uuid FROM tags WHERE key = 'seedsweep.sweep' AND value = ?)"
    statement = f"UPDATE runs SET status = ?, end_time = ? WHERE status = 'RUNNING' AND {chosen}"  # noqa: S608
    with transaction(engine) as connection:
        change(connection, statement, [(status, int(time.time() * 1000), sweep)])


def read_jobs(engine: "Engine", sweep: str) -> np.ndarray:
    """The jobs of a sweep that have a run in the store, sorted: their number, `job`, and its id, `run`, (n,)."""
    import sqlalchemy as sa

    tags = table("tags").c
    query = sa.select(tags.value, tags.run_uuid).where(tags.run_uuid.in_(_chosen(sweep)), tags.key == "seedsweep.job")
    # a fourth of the memory that tuples would take
    return np.sort(np.fromiter(map(tuple, _fetch(engine, query)), dtype=[("job", np.int64), ("run", "S32")]))


def read_runs(
    engine: "Engine",
    sweep: str | None,
    ids: Sequence[str] | None = None,
    params: bool = True,
    tags: Sequence[str] = TAGS,
) -> StoredRuns:
    """The runs of a sweep, or all, the newest first: those that MLflow's client would find; of these only `ids`."""
    import sqlalchemy as sa

    runs = table("runs").c
    chosen: Any = _chosen(sweep) if ids is None else [_literal(ids)]

    def pairs(name: str, *keys: str, of: Any = chosen) -> Iterator[Sequence[Pair]]:
        key, run = table(name).c.key, table(name).c.run_uuid
        query = sa.select(run, key, _value(table(name))).where(run.in_(of))
        return _batches(engine, query.where(key.in_(keys)) if keys else query)

    tag = table("tags").c
    sweeps = sa.select(tag.value).where(tag.key == "seedsweep.sweep", tag.run_uuid.in_(chosen)).distinct()
    infos = sa.select(runs.run_uuid, runs.name, runs.status, runs.start_time, runs.end_time)
    return StoredRuns(
        list(_fetch(engine, infos.where(runs.run_uuid.in_(chosen)).order_by(runs.start_time.desc(), runs.run_uuid))),
        pairs("tags", *(f"seedsweep.{key}" for key in tags)),
        pairs("params") if params else (),
        pairs("latest_metrics"),
        pairs("params", of=[sweep] if sweep else sweeps) if params else (),
    )


def read_points(engine: "Engine", sweep: str | None, ids: Sequence[str] | None = None) -> Iterator[list[StoredPoint]]:
    """The points of the same runs in batches of about `ROWS`, which hold whole runs; the runs' ids ascend."""
    import sqlalchemy as sa

    metrics = table("metrics")
    query = sa.select(metrics.c.run_uuid, metrics.c.key, metrics.c.step, _value(metrics))
    query = query.where(metrics.c.run_uuid.in_(_chosen(sweep) if ids is None else [_literal(ids)])).order_by(
        metrics.c.run_uuid
    )
    rest: list[Any] = []
    with transaction(engine) as connection:
        statement = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        driver: Any = connection.connection.driver_connection  # whose tuples take half the time of SQLAlchemy's rows
        cursor = driver.cursor() if engine.dialect.name == "sqlite" else driver.cursor("points")  # a name: by batches
        cursor.execute(statement)
        while batch := cursor.fetchmany(ROWS):
            rows = [*rest, *batch]
            cut = next((index for index in range(len(rows) - 1, -1, -1) if rows[index][0] != rows[-1][0]), -1) + 1
            rest = rows[cut:]
            if cut:
                yield rows[:cut]
        cursor.close()
    if rest:
        yield rest


def _fetch(engine: "Engine", query: "Select[Any]") -> Iterator[Any]:
    return chain.from_iterable(_batches(engine, query))


def _batches(engine: "Engine", query: "Select[Any]") -> Iterator[Sequence[Any]]:
    """The rows in batches, which take a tenth of the memory."""
    with transaction(engine) as connection:
        cursor: Any = connection.execute(query, execution_options={"compiled_cache": None}).cursor
        while batch := cursor.fetchmany(ROWS):
            yield batch


def _chosen(sweep: str | None) -> "Select[Any]":
    """The ids of the runs, none of them deleted, nor their experiments."""
    import sqlalchemy as sa

    runs, tags, experiments = table("runs").c, table("tags"), table("experiments").c
    query = sa.select(runs.run_uuid).where(runs.lifecycle_stage == "active", experiments.lifecycle_stage == "active")
    query = query.where(runs.experiment_id == experiments.experiment_id)
    wanted = {"kind": "run"} | ({"sweep": sweep} if sweep else {})
    for key, value in wanted.items():
        tag = tags.alias().c
        query = query.where(tag.run_uuid == runs.run_uuid, tag.key == f"seedsweep.{key}", tag.value == value)
    return query


def id_list(ids: Iterable[str]) -> str:
    """Ids of runs as a part of a statement: thousands of parameters would take longer than the query.

    Raises:
        StoreError: one is no id that MLflow makes; whoever may add a run to a database chooses its id.
    """
    chosen = list(ids)
    if wrong := [run_id for run_id in chosen if not RUN_ID.fullmatch(run_id)]:
        raise StoreError(f"a run has the id {wrong[0]!r}, which MLflow has not made: delete the run")
    return ", ".join(f"'{run_id}'" for run_id in chosen)


def _literal(ids: Sequence[str]) -> Any:
    import sqlalchemy as sa

    return sa.literal_column(id_list(ids))


def _value(of: "TableClause") -> Any:
    import sqlalchemy as sa

    return sa.case((of.c.is_nan, None), else_=of.c.value) if "is_nan" in of.c else of.c.value


@lru_cache(maxsize=8)
def _engine(uri: str) -> "Engine":
    import sqlalchemy as sa
    from sqlalchemy import event

    if not uri.startswith(SQLITE):
        return sa.create_engine(uri, poolclass=sa.NullPool)
    engine = sa.create_engine(uri, poolclass=sa.NullPool, connect_args={"timeout": PATIENCE})
    # with SQLite's 2 MB, pages that a fleet's rows need again and again are written and read in between
    event.listen(engine, "connect", lambda connection, _: connection.execute(f"PRAGMA cache_size = -{CACHE}"))
    return engine
