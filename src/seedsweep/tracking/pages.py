"""The pages of MLflow's UI where our runs are shown, as addresses below that of its server."""

import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from seedsweep.metrics import Metric
from seedsweep.tracking.queries import of_kind

TRAINING = "workflowType=machine_learning"  # the side of the UI that shows runs


VIEW = "mlflow.sharedViewState."  # tags of an experiment: views that its users share
SHOWN = ("val/loss", "test/loss", "val/accuracy", "test/accuracy")


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


def view_page(experiment_id: str, sweep: str) -> str:
    """The page that opens the view of a sweep: an address that fits on a line."""
    return f"#/experiments/{experiment_id}/runs?viewStateShareKey={sweep[:8]}"


def view_tag(sweep: str, metric: str, params: Sequence[str], kind: str = "run") -> tuple[str, str]:
    """The tag of an experiment by which MLflow's UI knows the view of a sweep's runs.

    Args:
        sweep: run id of the sweep.
        metric: by which the best run is the first, and whose curves are.
        params: that vary, and are columns.
        kind: of the runs: `run`, or `best` of a sweep in groups.

    Returns:
        Its key, and its value: the best runs first, columns of what varies, and the curves before all other charts.
    """
    metrics = list(dict.fromkeys((metric, *SHOWN)))
    curves = [name for name in dict.fromkeys((metric, "val/loss", "val/accuracy", "train/loss")) if name[:5] != "test/"]
    view = {
        "searchFilter": of_kind(kind, sweep),
        "orderByKey": f"metrics.`{metric}`",
        "orderByAsc": not Metric(metric).is_maximized,
        "selectedColumns": [*(f"params.`{name}`" for name in params), *(f"metrics.`{name}`" for name in metrics)],
        "compareRunSections": [{"uuid": "curves", "name": "Curves", "display": True, "isReordered": False}],
        "compareRunCharts": [_curve(name) for name in curves],
        "isAccordionReordered": True,
    }
    return f"{VIEW}{sweep[:8]}", json.dumps(view)


def _curve(metric: str) -> dict[str, object]:
    """A chart of MLflow's UI with the curves of a metric."""
    chart: dict[str, object] = {
        "uuid": metric,
        "type": "LINE",
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "xAxisKey": "step",
    }
    chart |= {"metricSectionId": "curves", "deleted": False, "isGenerated": False, "runsCountToCompare": 10}
    chart |= {"scaleType": "linear", "xAxisScaleType": "linear", "yAxisKey": "metric", "lineSmoothness": 0, "range": {}}
    return chart | {"useGlobalXaxisKey": True, "useGlobalLineSmoothing": True, "ignoreOutliers": False}
