"""The pages of MLflow's UI where our runs are shown, as addresses below that of its server."""

import json
from collections.abc import Sequence

from seedsweep.metrics import Metric
from seedsweep.tracking.queries import clause, of_kind

TRAINING = "workflowType=machine_learning"  # the side of the UI that shows runs


VIEW = "mlflow.sharedViewState."  # tags of an experiment: views that its users share
SHOWN = ("val/loss", "test/loss", "val/accuracy", "test/accuracy")


def run_page(experiment_id: str, run_id: str) -> str:
    """The page of one run."""
    return f"#/experiments/{experiment_id}/runs/{run_id}?{TRAINING}"


def view_page(experiment_id: str, sweep: str, kind: str = "run") -> str:
    """The page that opens the view of a sweep's runs, or of its groups.

    Args:
        experiment_id: of the sweep, in the store.
        sweep: its run id.
        kind: of the runs, as `view_tag` has it.

    Returns:
        What follows the server's address: so short that both fit on a line.
    """
    return f"#/experiments/{experiment_id}/runs?viewStateShareKey={_share_key(sweep, kind)}"


def view_tag(sweep: str, metric: str, params: Sequence[str], kind: str = "run") -> tuple[str, str]:
    """The tag of an experiment by which MLflow's UI knows the view of a sweep's runs.

    Args:
        sweep: run id of the sweep.
        metric: by which the best run is the first, and whose curves are.
        params: that vary, and are columns.
        kind: of the runs: `run`, or `best` of a sweep in groups; `group` for the mean curves.

    Returns:
        Its key, and its value: the best runs first, columns of what varies, and the curves before all other charts.
    """
    metrics = list(dict.fromkeys((metric, *SHOWN)))
    curves = [name for name in dict.fromkeys((metric, "val/loss", "val/accuracy", "train/loss")) if name[:5] != "test/"]
    view = {
        "searchFilter": clause(of_kind(kind, sweep)),
        "orderByKey": f"metrics.`{metric}`",
        "orderByAsc": not Metric(metric).is_maximized,
        "selectedColumns": [*(f"params.`{name}`" for name in params), *(f"metrics.`{name}`" for name in metrics)],
        "compareRunSections": [{"uuid": "curves", "name": "Curves", "display": True, "isReordered": False}],
        "compareRunCharts": [_curve(name) for name in curves],
        "isAccordionReordered": True,
    }
    return f"{VIEW}{_share_key(sweep, kind)}", json.dumps(view)


def _share_key(sweep: str, kind: str) -> str:
    return sweep[:8] + "groups" * (kind == "group")


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
