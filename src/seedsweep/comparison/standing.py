"""How the cells of a sweep that buys its seeds one after another stand so far: means, and spreads of differences.

Arrays have leading dimensions of any shape, so that many sweeps are judged at once; the last is that of the cells. A
diverged run is `inf`. Only what has been seen goes in, so that a bet on the next seed may be laid by it.
"""

import numpy as np

from seedsweep.comparison.intervals import Array


class Standing:
    """The cells over the seeds seen so far.

    Args:
        shape: of the arrays: any leading dimensions, then the cells.
    """

    def __init__(self, shape: tuple[int, ...]):
        self.losses = np.empty((*shape, 0))
        self._total, self._diverged = np.zeros(shape), np.zeros(shape)
        self._highest, self._lowest = np.full(shape, -np.inf), np.full(shape, np.inf)

    @property
    def seeds(self) -> int:
        """How many have been seen."""
        return self.losses.shape[-1]

    def add(self, losses: Array) -> None:
        """Take in the losses (…, cells) of the next seed; those of dropped cells do not matter."""
        finite = np.isfinite(losses)
        finite_losses = np.where(finite, losses, 0)
        self.losses = np.concatenate([self.losses, losses[..., None]], axis=-1)
        self._total += finite_losses
        self._diverged += ~finite
        self._highest = np.where(finite, np.maximum(self._highest, losses), self._highest)
        self._lowest = np.where(finite, np.minimum(self._lowest, losses), self._lowest)

    def means(self, alive: np.ndarray) -> Array:
        """The means (…, cells); inf for dropped cells.

        A diverged run counts as much worse than the worst loss as that is than the best one, of the living cells.
        """
        worst = np.where(alive, self._highest, -np.inf).max(axis=-1, keepdims=True)
        best = np.where(alive, self._lowest, np.inf).min(axis=-1, keepdims=True)
        lost = np.where(np.isfinite(worst), 2 * worst - np.where(np.isfinite(best), best, 0), 0)
        return np.where(alive, (self._total + self._diverged * lost) / max(self.seeds, 1), np.inf)

    def ranks(self, alive: np.ndarray) -> np.ndarray:
        """The ranks (…, cells) by the mean, 0 the leader.

        Where means are equal the fewer diverged runs count, then the latest loss, so that the order of the cells
        matters only where these are equal, too.
        """
        latest = np.where(alive, self.losses[..., -1], np.inf)
        order = np.lexsort((latest, self._diverged, self.means(alive)), axis=-1)
        return np.argsort(order, axis=-1)

    def spreads(self, rivals: np.ndarray) -> Array:
        """The standard deviations of the differences of each cell to its rivals, 0 of fewer than two differences.

        Args:
            rivals: indices of cells (…, cells, r).

        Returns:
            Standard deviations (…, cells, r), in the units of the losses.
        """
        sweeps, (cells, each) = rivals.shape[:-2], rivals.shape[-2:]
        chosen = np.take_along_axis(self.losses, rivals.reshape(*sweeps, cells * each, 1), -2)
        with np.errstate(invalid="ignore"):
            gaps = self.losses[..., :, None, :] - chosen.reshape(*sweeps, cells, each, self.seeds)
        shared = np.isfinite(gaps)
        count = shared.sum(axis=-1)
        gaps = np.where(shared, gaps, 0)
        gaps -= np.where(shared, (gaps.sum(axis=-1) / np.maximum(count, 1))[..., None], 0)
        return np.asarray(np.sqrt((gaps**2).sum(axis=-1) / np.maximum(count - 1, 1)))
