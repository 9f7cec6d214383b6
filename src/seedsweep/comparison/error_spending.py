"""The classical way to look at data more than once: paired t tests whose errors are spent over looks fixed beforehand.

At each look every living cell is tested against the cell that leads. The bounds are those of Lan & DeMets (1983) with a
spending function of O'Brien & Fleming's kind: next to nothing early, nearly all at the last look. The level is shared
among all cells that could lead (Bonferroni).
"""

from functools import lru_cache

import numpy as np

from seedsweep.comparison.inference import signed_ranks
from seedsweep.comparison.intervals import Array
from seedsweep.comparison.standing import Standing

POINTS = 1_001  # at which the density between two looks is known
WIDEST = 8.5  # standard deviations beyond which it is taken to be 0
TINY = 1e-300  # in the place of a p-value of 0
LEAST = 1e-15  # what may be spent at a look; less is not spent, as no float holds it


@lru_cache
def bounds(seeds: tuple[int, ...], level: float) -> tuple[float, ...]:
    """The bounds of a one-sided test at each look, by numerical integration (Armitage, McPherson & Rowe 1969).

    Args:
        seeds: how many have been seen at each look, increasing; the last is the largest.
        level: of all looks together.

    Returns:
        z-values; inf where less than 1e-15 is to be spent.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr, ndtri

    times = np.array(seeds) / seeds[-1]
    spent = 2 * ndtr(ndtri(level / 2) / np.sqrt(times))
    grid, density = np.zeros(1), np.ones(1)  # of the Brownian motion at the look before, where it has crossed no bound
    bounds = []
    for step, time, share in zip(np.diff(times, prepend=0), times, np.diff(spent, prepend=0), strict=True):
        root = np.sqrt(step)

        def overspent(bound: float, share: float = share, root: float = root) -> float:
            return float((density * ndtr((grid - bound) / root)).sum() - share)  # noqa: B023 (called at once)

        far = WIDEST * np.sqrt(time)
        top = brentq(overspent, -far, far, xtol=1e-12) if share > LEAST else np.inf
        bounds.append(float(top / np.sqrt(time)))
        new = np.linspace(-far, min(top, far), POINTS)
        weights = np.full(POINTS, new[1] - new[0])
        weights[[0, -1]] /= 2
        kernel = np.exp(-((new[:, None] - grid) ** 2) / (2 * step)) / np.sqrt(2 * np.pi * step)
        grid, density = new, weights * (kernel @ density)
    return tuple(bounds)


class ErrorSpending:
    """Paired t tests of each cell against the leader, at looks fixed beforehand.

    Args:
        options: index of the option of each cell (cells,).
        looks: how many seeds have been seen at each look, increasing.
        level: of all false answers together, 1 - confidence.
        margin: fraction of the leader's mean at the first look within which options tie; 0 asks for no ties.
        shape: of the sweeps judged at once; () for one.
    """

    def __init__(
        self, options: np.ndarray, looks: tuple[int, ...], level: float, margin: float, shape: tuple[int, ...] = ()
    ):
        self.options, self.level = options, level
        self.alive = np.ones((*shape, len(options)), dtype=bool)
        self.is_tie = np.zeros(shape, dtype=bool)
        self.evidence = np.zeros(self.alive.shape)  # by the bound, so scaled that it is reached at 2 / level
        self.standing = Standing(self.alive.shape)
        self._looks, self._margin = looks, margin
        self._losses = np.empty((*self.alive.shape, 0))
        self._distance = np.zeros(shape)

    def observe(self, losses: Array) -> None:
        """Take in the losses (…, cells, seeds) of a round and look; those of cells dropped before are not read."""
        from scipy.special import ndtr

        self._losses = np.concatenate([self._losses, losses], axis=-1)
        for seed in range(losses.shape[-1]):
            self.standing.add(losses[..., seed])
        ranks = self.standing.ranks(self.alive)
        look = self._looks.index(self.standing.seeds)
        pairs = max(len(self.options) - 1, 1)
        allowed = ndtr(-bounds(self._looks, self.level / 2 / pairs)[look])
        if look == 0:
            self._distance = self._margin * np.abs(self.standing.means(self.alive).min(axis=-1))
        p = np.maximum(self._tails(np.argmin(ranks, axis=-1), 0 * self._distance), TINY)
        self.evidence = np.where(self.alive, np.maximum(self.evidence, 2 / self.level * allowed / p), self.evidence)
        self.alive &= self.evidence < 2 / self.level
        self.is_tie |= self._tie(ranks, allowed)

    def _tie(self, ranks: np.ndarray, allowed: float) -> np.ndarray:
        """Whether (…) each living option's leading cell is less than the margin worse than every living cell."""
        tie = self._distance > 0
        for option in range(int(self.options.max()) + 1):
            of_option = self.alive & (self.options == option)
            leader = np.argmin(np.where(of_option, ranks, len(self.options)), axis=-1)
            is_rival = self.alive & (self.options != option) & of_option.any(axis=-1, keepdims=True)
            if self._margin:
                tie &= (~is_rival | (self._tails(leader, self._distance) <= allowed)).all(axis=-1)
        return np.asarray(tie)

    def _tails(self, rival: np.ndarray, distance: Array) -> Array:
        """One-sided p-values (…, cells) that a cell is not worse than a rival (…) by more than -distance (…)."""
        from scipy.special import stdtr

        with np.errstate(divide="ignore", invalid="ignore"):
            gaps = (
                self._losses - np.take_along_axis(self._losses, rival[..., None, None], -2) + distance[..., None, None]
            )
            gaps = _ranked(np.where(self.alive[..., None], gaps, 0))
            n = gaps.shape[-1]
            t = gaps.mean(axis=-1) / (gaps.std(axis=-1, ddof=1) / np.sqrt(n))
        return np.asarray(stdtr(n - 1, -np.nan_to_num(t)))


def _ranked(gaps: Array) -> Array:
    """The differences (…, seeds), or their signed ranks where one is not finite."""
    if (infinite := ~np.isfinite(gaps).all(axis=-1)).any():
        gaps = gaps.copy()
        gaps[infinite] = signed_ranks(gaps[infinite].T).T
    return gaps
