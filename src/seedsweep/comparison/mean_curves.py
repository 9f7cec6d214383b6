"""The curves of a group's runs as one: their mean at every step, and how sure it is."""

import numpy as np
import pandas as pd

ABOUT = ["problem", "option", "setting", "group"]
CURVE = ["metric", "step", "epoch"]


def mean_curves(curves: pd.DataFrame, scored: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """The mean of every group's curves at each step, with Student's t interval: a row a group, metric and step.

    `curves` is tidy (`run`, `metric`, `step`, `epoch`, `value`), `scored` says of each `run` its `problem`, `option`,
    `setting` and `group`. Columns: these four, `metric`, `step`, `epoch`, `mean`, `low`, `high`, and `n`, the number of
    runs with a finite value there, which alone are in the mean: it is smaller where runs have diverged. One run has no
    interval: its limits are not numbers. The groups are in the order of `scored`. An interval holds for its step, not
    for the whole curve at once.
    """
    scored = scored.dropna(subset="run")  # those planned and never run have none
    number = scored.groupby(ABOUT, sort=False).ngroup().to_numpy()
    about = scored.drop_duplicates(ABOUT)[ABOUT]
    position = pd.Index(scored["run"]).get_indexer(curves["run"])
    values = curves["value"].to_numpy(dtype=float)
    kept = (position >= 0) & np.isfinite(values)
    points, values = curves[CURVE][kept], values[kept]
    cell, first = _cells(number[position[kept]], points)
    frame = about.take(number[position[kept]][first]).reset_index(drop=True)
    frame[CURVE] = points.take(first).reset_index(drop=True)
    for name, column in zip(("mean", "low", "high", "n"), _student(values, cell, confidence), strict=True):
        frame[name] = column
    return frame


def _cells(group: np.ndarray, points: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """For each point (n,) the cell of group, metric and step that it is in; for each cell, in order, a point in it."""
    metric, metrics = pd.factorize(points["metric"], sort=True)
    step, steps = pd.factorize(points["step"], sort=True)
    code = (group.astype(np.int64) * len(metrics) + metric) * len(steps) + step
    _, first, cell = np.unique(code, return_index=True, return_inverse=True)
    return cell, first


def _student(values: np.ndarray, cell: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Mean, lower and upper limit, and number, each (cells,), of the values (n,) of each cell."""
    from scipy.stats import t

    n = np.bincount(cell)
    with np.errstate(over="ignore", invalid="ignore"):  # values of 1e300; single ones, 0 / 0
        mean = np.bincount(cell, values) / n
        squares = np.bincount(cell, (values - mean[cell]) ** 2)
        half = t.ppf((1 + confidence) / 2, n - 1) * np.sqrt(squares / (n - 1) / n)
        return mean, mean - half, mean + half, n
