"""Real stores: what is in them, and the servers that keep them."""

from dataclasses import dataclass
from typing import Any

import psycopg
from mlflow import MlflowClient


def runs_in(client: MlflowClient, kind: str = "run") -> list[Any]:
    """All runs of that kind in the store, by MLflow's own client, the oldest first."""
    experiments = [actual.experiment_id for actual in client.search_experiments()]
    actual = client.search_runs(experiments, f"tags.`seedsweep.kind` = '{kind}'", order_by=["attributes.start_time"])
    return list(actual)


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
