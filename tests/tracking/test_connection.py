"""Stores that are out of reach, and stores that several processes make at once."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from shared.forks import forks

import seedsweep
from seedsweep.errors import ConfigError
from seedsweep.tracking.addresses import PATIENCE
from seedsweep.tracking.mlflow_client import mlflow_client
from seedsweep.tracking.sql import open_database


def test_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing has been recorded there yet"):
        seedsweep.load_runs(tracking_uri=f"sqlite:///{tmp_path}/none.db")
    assert not list(tmp_path.iterdir())


def test_store_that_is_not_there_is_named_without_mlflow(tmp_path: Path) -> None:
    script = f"""
import sys, seedsweep
try:
    seedsweep.load_runs(tracking_uri="sqlite:///{tmp_path}/none.db")
except seedsweep.ConfigError:
    assert "mlflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_make_one_store_at_once_all_find_it_made(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = f"sqlite:///{tmp_path}/new.db"
    if kind == "postgresql":
        server = request.getfixturevalue("postgres")
        with psycopg.connect(server.uri("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE made_at_once")
        uri = server.uri("made_at_once")
    count = f"len(connect({uri!r}, create=True).search_experiments())"
    make = f"from seedsweep.tracking.connection import connect; print({count})"
    processes = [forks().start("-c", make) for _ in range(3)]
    ended = [process.communicate() for process in processes]
    assert [out for out, _ in ended] == ["1\n"] * 3, ended


def test_every_connection_waits_for_whoever_locks_the_database(uri: str) -> None:
    """SQLite by itself waits for five seconds, and what was trained would be lost."""
    engines = mlflow_client(uri)._tracking_client.store.engine, open_database(uri)
    for engine in engines:
        assert engine is not None
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 1000 * PATIENCE
