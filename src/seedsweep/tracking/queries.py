"""What a store is asked: the tags that tell our runs from others, and the answers with all their pages."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from seedsweep.tracking.database_client import DatabaseClient

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client, Run

PAGE = 1000  # runs that MLflow gives at once
EXPERIMENTS = 50_000  # that MLflow gives at most


def of_kind(kind: str, sweep: str | None = None, **tags: str) -> dict[str, str]:
    """The tags of runs of a kind (`run`, `sweep`, `group`, `trial`), of one sweep or of all; and other tags of ours."""
    chosen = {"kind": kind} | ({"sweep": sweep} if sweep else {}) | tags
    return {f"seedsweep.{name}": value for name, value in chosen.items()}


def clause(tags: Mapping[str, str]) -> str:
    """What is true for runs with these tags, as MLflow's filters say it."""
    return " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())


def search_runs(
    client: "Client", tags: Mapping[str, str], experiments: Collection[str] | None = None
) -> "Iterator[Run]":
    """The runs with these tags, of the experiments with these names; None for all."""
    if isinstance(client, DatabaseClient):
        yield from client.find_runs(tags, experiments)
        return
    chosen = experiment_ids(client, experiments)
    token: str | None = None
    while True:
        page = client.search_runs(chosen, clause(tags), max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def experiment_ids(client: "Client", names: Collection[str] | None = None) -> list[str]:
    """The ids of the experiments with these names, or of all, that are not deleted."""
    experiments = client.search_experiments(max_results=EXPERIMENTS)
    return [experiment.experiment_id for experiment in experiments if names is None or experiment.name in names]
