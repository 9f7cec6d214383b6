"""The mean curves of groups whose runs come in parts, which together need not fit into memory."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from seedsweep.comparison.mean_curves import POINT, limits
from seedsweep.outcomes import STOPPED_EPOCH


class Moments(NamedTuple):
    """Of values: how many there are, their mean, and the sum of the squared distances from it; arrays of one shape."""

    n: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    def __add__(self, other: "Moments") -> "Moments":  # type: ignore[override]
        """Those of both together (Chan, Golub and LeVeque 1983)."""
        n = self.n + other.n
        share = np.divide(other.n, n, out=np.zeros_like(n), where=n > 0)
        with np.errstate(over="ignore", invalid="ignore"):  # values of 1e300
            apart = other.mean - self.mean
            between = np.where((self.n > 0) & (other.n > 0), apart**2 * self.n * share, 0)
        return Moments(n, self.mean + apart * share, self.squares + other.squares + between)


def _none(shape: tuple[int, ...]) -> Moments:
    return Moments(np.zeros(shape), np.zeros(shape), np.zeros(shape))


class StreamedMeans:
    """The same as `mean_curves`, to the last digits, of curves that are added part by part.

    Args:
        groups: how many there are.
    """

    def __init__(self, groups: int):
        self._groups = groups
        self._points: dict[tuple[str, int], int] = {}  # the column of each metric and step
        self._epochs: list[int] = []  # of the columns
        self._measured = _none((groups, 0))
        self._stopped = _none((groups, 0))  # the last values of runs that stopped early, at their last steps

    def add(self, curves: pd.DataFrame, group: np.ndarray) -> None:
        """Add the curves of whole runs.

        Args:
            curves: tidy (`run`, `metric`, `step`, `epoch`, `value`).
            group: the index (n,) of the group that each point is of; -1 for none.
        """
        kept = np.isfinite(curves["value"].to_numpy()) & (group >= 0)
        column = self._columns(curves)
        self._measured += self._moments(curves["value"].to_numpy()[kept], group[kept], column[kept])
        stopped = curves.loc[curves["metric"] == STOPPED_EPOCH, "run"]
        if len(stopped):
            is_last = ~curves.duplicated(["run", "metric"], keep="last").to_numpy()  # a run's steps ascend
            last = kept & is_last & curves["run"].isin(stopped).to_numpy()
            self._stopped += self._moments(curves["value"].to_numpy()[last], group[last], column[last])

    def table(self, confidence: float = 0.95) -> pd.DataFrame:
        """The mean curves.

        Args:
            confidence: of the intervals, between 0 and 1.

        Returns:
            A row a group (its index, `group`), metric and step, as `mean_curves` has them.
        """
        frames = []
        for metric, step, column, moments in self._held():
            having = np.flatnonzero(moments.n)
            values = limits(moments.n[having], moments.mean[having], moments.squares[having], confidence)
            about = {"group": having, "metric": metric, "step": step, "epoch": self._epochs[column]}
            frames.append(pd.DataFrame(about | dict(zip(("mean", "low", "high", "n"), values, strict=True))))
        empty = pd.DataFrame(columns=["group", *POINT, "mean", "low", "high", "n"])
        table = pd.concat(frames, ignore_index=True) if frames else empty
        return table.sort_values(["group", "metric", "step"], ignore_index=True)

    def _held(self) -> Iterator[tuple[str, int, int, Moments]]:
        """Each metric and step, its column, its moments; runs that stopped before stay at their last values."""
        stopped, metric = _none((self._groups,)), None
        for name, step in sorted(self._points):
            if name != metric:
                stopped, metric = _none((self._groups,)), name
            column = self._points[name, step]
            measured, ending = (Moments(*(array[:, column] for array in m)) for m in (self._measured, self._stopped))
            staying = Moments(*(np.where(measured.n > 0, array, 0) for array in stopped))
            yield name, step, column, measured + staying
            stopped += ending

    def _columns(self, curves: pd.DataFrame) -> np.ndarray:
        """The column (n,) of each point, among those of all parts so far."""
        moment = curves.groupby(["metric", "step"], sort=False, observed=True).ngroup().to_numpy()
        first = curves.drop_duplicates(["metric", "step"])
        columns = []
        for metric, step, epoch in first[POINT].itertuples(index=False, name=None):
            if (metric, step) not in self._points:
                self._points[metric, step] = len(self._points)
                self._epochs.append(epoch)
            columns.append(self._points[metric, step])
        added = _none((self._groups, len(self._points) - self._measured.n.shape[1]))
        self._measured, self._stopped = (
            Moments(*(np.hstack(pair) for pair in zip(moments, added, strict=True)))
            for moments in (self._measured, self._stopped)
        )
        return np.array(columns, dtype=np.int64)[moment]

    def _moments(self, values: np.ndarray, group: np.ndarray, column: np.ndarray) -> Moments:
        """Those of values (n,) of one part."""
        shape = self._measured.n.shape
        cell, size = group * shape[1] + column, shape[0] * shape[1]
        n = np.bincount(cell, minlength=size).astype(float)
        with np.errstate(over="ignore", invalid="ignore"):  # values of 1e300
            mean = np.divide(np.bincount(cell, values, minlength=size), n, out=np.zeros(size), where=n > 0)
            squares = np.bincount(cell, (values - mean[cell]) ** 2, minlength=size)
        return Moments(*(array.reshape(shape) for array in (n, mean, squares)))
