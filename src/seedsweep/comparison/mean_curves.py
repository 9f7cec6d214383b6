"""The curves of a group's runs as one: their mean at each step, with its interval."""

import numpy as np
import pandas as pd

from seedsweep.outcomes import STOPPED_EPOCH

GROUP = ["problem", "option", "setting", "group"]
POINT = ["metric", "step", "epoch"]


def mean_curves(curves: pd.DataFrame, scored: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """The mean of each group's curves at each step, with Student's t interval.

    An interval holds for its step, not for the whole curve at once.

    Args:
        curves: tidy (`run`, `metric`, `step`, `epoch`, `value`); a run that stopped early stays at its last values.
        scored: of each `run` its `problem`, `option`, `setting` and `group`.
        confidence: of the intervals, between 0 and 1.

    Returns:
        A row a group, metric and step, the groups in the order of `scored`: `problem`, `option`, `setting`, `group`,
        `metric`, `step`, `epoch`, `mean`, `low`, `high` in units of the metric, and `n`, the number of runs with a
        finite value, which alone count. The limits are nan where n is 1.
    """
    scored = scored.dropna(subset="run")  # those planned and never run have none
    curves = _held(curves, scored)
    group_of_run = scored.groupby(GROUP, sort=False).ngroup().to_numpy()
    groups = scored.drop_duplicates(GROUP)[GROUP]
    position = pd.Index(scored["run"]).get_indexer(curves["run"])
    values = curves["value"].to_numpy(dtype=float)
    kept = (position >= 0) & np.isfinite(values)
    points, values = curves[POINT][kept], values[kept]
    group = group_of_run[position[kept]]
    row, first = _rows(group, points)
    frame = groups.take(group[first]).reset_index(drop=True)
    frame[POINT] = points.take(first).reset_index(drop=True)
    for name, column in zip(("mean", "low", "high", "n"), _student(values, row, confidence), strict=True):
        frame[name] = column
    return frame


def _held(curves: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """The curves, in which runs that stopped early stay at their last values while others of their group train on.

    Without them a mean would jump where runs stop, and be that of the slowest alone at its end.
    """
    stopped = curves.loc[curves["metric"] == STOPPED_EPOCH, "run"]
    if stopped.empty:
        return curves
    groups = scored[["run", "problem", "group"]]
    last = curves[curves["run"].isin(stopped)].sort_values("step").drop_duplicates(["run", "metric"], keep="last")
    last = last.merge(groups, on="run")[["run", "problem", "group", "metric", "value", "step"]]
    points = curves.merge(groups, on="run").drop_duplicates(["problem", "group", "metric", "step"])
    later = last.merge(points[["problem", "group", *POINT]], on=["problem", "group", "metric"], suffixes=("_last", ""))
    later = later.loc[later["step"] > later["step_last"], ["run", *POINT, "value"]]
    return pd.concat([curves[["run", *POINT, "value"]], later], ignore_index=True)


def _rows(group: np.ndarray, points: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """For each point (n,) the row (group, metric and step) that it is in; for each row, in order, a point in it."""
    metric, metrics = pd.factorize(points["metric"], sort=True)
    step, steps = pd.factorize(points["step"], sort=True)
    code = (group.astype(np.int64) * len(metrics) + metric) * len(steps) + step
    _, first, row = np.unique(code, return_index=True, return_inverse=True)
    return row, first


def _student(values: np.ndarray, row: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Mean, lower and upper limit, and number, each (rows,), of the values (n,) of each row."""
    n = np.bincount(row)
    with np.errstate(over="ignore", invalid="ignore"):  # values of 1e300
        mean = np.bincount(row, values) / n
        squares = np.bincount(row, (values - mean[row]) ** 2)
    return limits(n, mean, squares, confidence)


def limits(n: np.ndarray, mean: np.ndarray, squares: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Mean, lower and upper limit, and number, of `n` values with that mean and sum of squared distances from it."""
    from scipy.special import stdtrit  # scipy.stats takes 0.4 s to import

    with np.errstate(over="ignore", invalid="ignore"):  # values of 1e300; single ones, 0 / 0
        half = stdtrit(n - 1, (1 + confidence) / 2) * np.sqrt(squares / (n - 1) / n)
        return mean, mean - half, mean + half, n
