"""Params that all runs of a sweep have with one value: written once, with the sweep, and read as those of each run."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from seedsweep.config.cutting import cut
from seedsweep.config.params import LONGEST
from seedsweep.config.planned_run import SEEDS
from seedsweep.tracking.batches import write_batch
from seedsweep.tracking.connection import client_of
from seedsweep.tracking.mlflow_client import mlflow_error
from seedsweep.tracking.tags import OFTEN

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client

# that every run has itself: by these people filter runs in MLflow, and a sweep the runs that it need not train
KEPT = frozenset(("data", "model", "optimizer", "optimizer.lr", *SEEDS, OFTEN))


def write_shared_params(client: "Client", sweep: str, common: Mapping[str, str]) -> None:
    """Write the params that a sweep's runs will not have themselves, as params of its parent run.

    Args:
        client: of the store.
        sweep: the run id of the sweep.
        common: the params that all of its runs have, now and later.
    """
    params = [(key, cut(value, LONGEST)) for key, value in common.items() if key not in KEPT]
    write_batch(client, sweep, params=params)


def shared_params(client: "Client", sweep: str | None) -> Mapping[str, str]:
    """The params that the runs of a sweep do not have themselves; none where there is no sweep, or no more."""
    return _params(client.tracking_uri, sweep) if sweep else {}


@lru_cache(maxsize=64)  # they are written before the first run is, and never change
def _params(uri: str, sweep: str) -> Mapping[str, str]:
    try:
        return dict(client_of(uri).get_run(sweep).data.params)
    except mlflow_error() as error:
        if getattr(error, "error_code", None) != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}  # it was purged, by `mlflow gc`
