"""The pages of MLflow's UI where our runs are shown, as addresses below that of its server."""

from urllib.parse import quote, urlencode

from seedsweep.metrics import Metric
from seedsweep.tracking.queries import of_kind

TRAINING = "workflowType=machine_learning"  # the side of the UI that shows runs


def run_page(experiment_id: str, run_id: str) -> str:
    """The page of one run."""
    return f"#/experiments/{experiment_id}/runs/{run_id}?{TRAINING}"


def charts_page(experiment_id: str, kind: str, sweep: str, metric: str = "val/loss") -> str:
    """The page with the charts of a sweep's runs; sorted by a metric, they are not folded away.

    Of more than ten runs the UI plots the first, so that the best are seen; a click shows all.

    Args:
        experiment_id: of the sweep, in the store.
        kind: of the runs: `run` or `group`.
        sweep: run id of the sweep.
        metric: by which the best run is the first.

    Returns:
        What follows the server's address.
    """
    query = {"searchFilter": of_kind(kind, sweep), "orderByKey": f"metrics.`{metric}`"}
    query |= {"orderByAsc": str(not Metric(metric).is_maximized).lower(), "compareRunsMode": "CHART"}
    return f"#/experiments/{experiment_id}/runs?{TRAINING}&{urlencode(query, quote_via=quote)}"
