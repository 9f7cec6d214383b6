"""Points, params and tags of a run, written together by whichever client the store has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seedsweep.tracking.database_client import DatabaseClient, KeyValue, Logged
from seedsweep.tracking.mlflow_client import log_batch

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client

PARAMS, METRICS = 100, 800  # that MLflow takes at once; points are to be 1,000 with everything else


def write_batch(
    client: "Client",
    run_id: str,
    points: Sequence[Logged] = (),
    params: Sequence[KeyValue] = (),
    tags: Sequence[KeyValue] = (),
) -> None:
    """Write what a run has got.

    Args:
        client: of the store.
        run_id: of the run.
        points: of its curves: metric, value, milliseconds since 1970, step.
        params: each a key and a value, which may not be another one later.
        tags: each a key and a value, by their full names; those before of the same names are gone.
    """
    last = max(-(-len(points) // METRICS), -(-len(params) // PARAMS), 1) - 1
    for batch in range(last + 1):
        some_points = points[batch * METRICS : (batch + 1) * METRICS]
        some_params = params[batch * PARAMS : (batch + 1) * PARAMS]
        _write(client, run_id, some_points, some_params, tags if batch == last else ())


def _write(
    client: "Client", run_id: str, points: Sequence[Logged], params: Sequence[KeyValue], tags: Sequence[KeyValue]
) -> None:
    if isinstance(client, DatabaseClient):
        client.write_batch(run_id, points, params, tags)
    else:
        log_batch(client, run_id, points, params, tags)
