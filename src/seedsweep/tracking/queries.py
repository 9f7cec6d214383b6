"""What MLflow's client is asked: the clauses that tell our runs from others, and the answers with all their pages."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000  # runs that MLflow gives at once
EXPERIMENTS = 50_000  # that MLflow gives at most


def of_kind(kind: str, sweep: str | None = None) -> str:
    """The clause that is true for runs of a kind (`run`, `sweep`, `group`, `trial`), of one sweep or of all."""
    return f"tags.`seedsweep.kind` = '{kind}'" + (f" and tags.`seedsweep.sweep` = '{sweep}'" if sweep else "")


def search_runs(client: "MlflowClient", clause: str) -> "Iterator[Run]":
    """The runs of all experiments for which the clause is true."""
    token: str | None = None
    while True:
        page = client.search_runs(experiment_ids(client), clause, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def experiment_ids(client: "MlflowClient") -> list[str]:
    """The ids of all experiments that are not deleted."""
    return [experiment.experiment_id for experiment in client.search_experiments(max_results=EXPERIMENTS)]
