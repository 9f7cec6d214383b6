"""MLflow's tables as they are written and read here, and whether a database has them so."""

import os
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, TableClause

COLUMNS = {  # that are written here
    "runs": (
        *("run_uuid", "name", "source_type", "source_name", "entry_point_name", "user_id", "status", "start_time"),
        *("end_time", "source_version", "lifecycle_stage", "artifact_uri", "experiment_id"),
    ),
    "params": ("run_uuid", "key", "value"),
    "tags": ("run_uuid", "key", "value"),
    "metrics": ("run_uuid", "key", "value", "timestamp", "step", "is_nan"),
    "latest_metrics": ("run_uuid", "key", "value", "timestamp", "step", "is_nan"),
    "experiments": (
        *("experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time", "last_update_time"),
    ),
    "experiment_tags": ("experiment_id", "key", "value"),
}
LEFT_OUT = {"runs": {"deleted_time"}, "experiments": {"workspace"}}  # columns that are empty, or their defaults
MIGRATIONS = Path("store", "db_migrations", "versions")  # in MLflow's package
REVISION = re.compile(r"^(down_)?revision\b[^=\n]*=\s*[\"'](\w+)[\"']", re.MULTILINE)


@lru_cache(maxsize=len(COLUMNS))  # one object each: SQLAlchemy takes two for two tables
def table(name: str) -> "TableClause":
    """A table of MLflow's, to be asked by SQLAlchemy."""
    import sqlalchemy as sa

    columns = [sa.column(column, sa.Boolean if column == "is_nan" else None) for column in COLUMNS[name]]
    return sa.table(name, *columns)


def is_known(engine: "Engine") -> bool:
    """Whether a database has the tables of the MLflow that is here, and these the columns that are known here."""
    from sqlalchemy.exc import SQLAlchemyError

    if os.environ.get("MLFLOW_ENABLE_WORKSPACES", "false").lower() in ("true", "1"):
        return False
    try:
        with engine.connect() as connection:
            if connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() != [_newest()]:
                return False
            are_known = all(_columns(connection, name) == {*COLUMNS[name]} for name in COLUMNS)
            return are_known and _is_one_workspace(connection)
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error):  # it has none of them yet
        return False


def _columns(connection: "Connection", name: str) -> set[str]:
    """The columns of a table that somebody must fill."""
    rows = connection.exec_driver_sql(f"SELECT * FROM {name} LIMIT 0")  # noqa: S608, a name of ours
    return {*rows.keys()} - LEFT_OUT.get(name, set())


def _is_one_workspace(connection: "Connection") -> bool:
    """Whether no experiment is in a workspace, which MLflow refuses to look into where it was started without them."""
    columns = connection.exec_driver_sql("SELECT * FROM experiments LIMIT 0").keys()
    if "workspace" not in columns:
        return True
    others = "SELECT 1 FROM experiments WHERE workspace <> 'default' LIMIT 1"
    return connection.exec_driver_sql(others).first() is None


@lru_cache(maxsize=1)
def _newest() -> str | None:
    """The revision of the tables that the MLflow which is here makes, read without importing it: no other follows."""
    package = find_spec("mlflow")
    folders = package.submodule_search_locations if package else None
    if not folders:
        return None
    revisions: set[str] = set()
    followed: set[str] = set()
    for file in (Path(folders[0]) / MIGRATIONS).glob("*.py"):
        for before, revision in REVISION.findall(file.read_text(encoding="utf-8")):
            (followed if before else revisions).add(revision)
    newest = revisions - followed
    return newest.pop() if len(newest) == 1 else None
