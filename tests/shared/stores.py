"""Real stores: what is in them, and the servers that keep them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import psycopg
import pytest
from mlflow import MlflowClient

import seedsweep
from seedsweep.tracking import sql
from seedsweep.tracking.connection import client_of


def runs_in(client: MlflowClient, kind: str = "run") -> list[Any]:
    """All runs of that kind in the store, by MLflow's own client, the oldest first."""
    experiments = [actual.experiment_id for actual in client.search_experiments()]
    actual = client.search_runs(experiments, f"tags.`seedsweep.kind` = '{kind}'", order_by=["attributes.start_time"])
    return list(actual)


def curves_by_name(sweep: str) -> pd.DataFrame:
    """The curves of a sweep of the default store, by the names of its runs: what sweeps of the same runs share."""
    names = seedsweep.load_runs(sweep).set_index("run")["name"]
    curves = seedsweep.load_curves(sweep)
    order = ["name", "metric", "step"]
    return curves.assign(name=curves["run"].map(names)).drop(columns="run").sort_values(order, ignore_index=True)


@contextmanager
def mlflows_client_alone() -> Iterator[None]:
    """All stores are written and read by MLflow's client, as where their tables are not those that are known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "is_known", lambda _: False)
        try:
            look_again()
            yield
        finally:
            patch.undo()
            look_again()


def look_again() -> None:
    """Forget which tables stores have, and their clients."""
    sql._KNOWN.clear()
    client_of.cache_clear()


@dataclass
class Postgres:
    """A PostgreSQL server with an empty MLflow store in it, of which each test has a copy."""

    port: int
    copies: int = 0

    def uri(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def copy(self) -> str:
        self.copies += 1
        with psycopg.connect(self.uri("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE store{self.copies} TEMPLATE store")  # type: ignore[call-overload]
        return self.uri(f"store{self.copies}")


def accepts(server: Postgres) -> bool:
    try:
        psycopg.connect(server.uri("postgres").replace("+psycopg", "")).close()
    except psycopg.OperationalError:
        return False
    return True
