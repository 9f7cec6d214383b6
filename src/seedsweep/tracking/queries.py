"""What MLflow's client is asked: the clauses that tell our runs from others, and the answers with all their pages."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000  # runs that MLflow gives at once
EXPERIMENTS = 50_000  # that MLflow gives at most


def of_kind(kind: str, sweep: str | None = None) -> str:
    """The clause that is true for runs of a kind (`run`, `sweep`, `group`, `trial`), of one sweep or of all."""
    return f"tags.`seedsweep.kind` = '{kind}'" + (f" and tags.`seedsweep.sweep` = '{sweep}'" if sweep else "")


def search_runs(client: "MlflowClient", clause: str, experiments: Collection[str] | None = None) -> "Iterator[Run]":
    """The runs for which the clause is true, of the experiments with these names; None for all."""
    chosen = experiment_ids(client, experiments)
    token: str | None = None
    while True:
        page = client.search_runs(chosen, clause, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def experiment_ids(client: "MlflowClient", names: Collection[str] | None = None) -> list[str]:
    """The ids of the experiments with these names, or of all, that are not deleted."""
    experiments = client.search_experiments(max_results=EXPERIMENTS)
    return [experiment.experiment_id for experiment in experiments if names is None or experiment.name in names]
