"""Evidence that a cell is not the best, which may be looked at after every seed: capital won by betting against it.

On each seed a bet is laid that the cell is worse there than the cell that leads so far. The capital is multiplied by
1 + tanh(λz), z being the difference in standard deviations of those seen before. If the cell is a best one, and so the
difference is symmetric about zero or lies lower, no bet gains on average, and the capital ever exceeds c with
probability 1/c at most (Ville 1939). No variance, no normal distribution and no number of cells comes in, and a
diverged run is a large difference. See docs/until_sure.md for the proof.
"""

import math

import numpy as np

from seedsweep.comparison.intervals import Array
from seedsweep.comparison.standing import Standing

STAKES = np.array([0.25, 0.5, 1.0, 2.0])  # λ; the capital is shared among them, one for each size of difference
FARTHEST = 3.0  # standard deviations that a difference counts at most, as the one to a diverged run does
FIRST_BET = 3  # seeds seen before the first bet: who leads before is mere chance


class Bets:
    """The capital won against each cell of one sweep or of many.

    A cell is dropped, and options tie, at a capital of 2 / `level`: twice, as either of two options that are equally
    good could be dropped, and as a tie takes a best cell that lives.

    Args:
        options: index of the option of each cell (cells,).
        first_seeds: the margin is fixed after so many seeds, and whether options tie is bet on from then on.
        level: of all false answers together, 1 - confidence.
        margin: fraction of the leader's mean within which options tie; 0 asks for no ties.
        shape: of the sweeps judged at once; () for one.
    """

    def __init__(self, options: np.ndarray, first_seeds: int, level: float, margin: float, shape: tuple[int, ...] = ()):
        self.options, self.level = options, level
        self.alive = np.ones((*shape, len(options)), dtype=bool)
        self.standing = Standing(self.alive.shape)
        self._first_seeds, self._margin = first_seeds, margin
        self._distance = np.zeros(shape)  # within which options tie, in the units of the losses
        self._count = 1 + int(options.max()) if margin else 0
        self._log_capital = np.zeros((*self.alive.shape, 1 + self._count, len(STAKES)))
        self._log_most = np.zeros((*self.alive.shape, 1 + self._count))

    def observe(self, losses: Array) -> None:
        """Take in the losses (…, cells, seeds) of a round, seed by seed; those of cells dropped before are not read."""
        for seed in range(losses.shape[-1]):
            self._observe_seed(losses[..., seed])

    @property
    def evidence(self) -> Array:
        """The evidence (…, cells) that a cell is no best one: the largest capital so far, which was 1 at the start."""
        return np.exp(self._log_most[..., 0])

    @property
    def is_tie(self) -> np.ndarray:
        """Whether (…) each living option's best cell is within the margin of the best one, whichever that is."""
        if not self._count:
            return np.zeros(self.alive.shape[:-1], dtype=bool)
        shown = self._log_most[..., 1:] >= math.log(2 / self.level)
        return np.asarray((shown | ~self._are_rivals()).all(axis=(-1, -2)))

    def _are_rivals(self) -> np.ndarray:
        """Whether (…, cells, options) a living cell is of another option than that, which lives as well."""
        belongs = self.options[:, None] == np.arange(self._count)
        lives = (self.alive[..., None] & belongs).any(axis=-2)
        return np.asarray(self.alive[..., None] & lives[..., None, :] & ~belongs)

    def _observe_seed(self, losses: Array) -> None:
        if self.standing.seeds >= FIRST_BET:
            self._bet(losses)
            self.alive &= self.evidence < 2 / self.level
        self.standing.add(losses)
        if self.standing.seeds == self._first_seeds:
            self._distance = self._margin * np.abs(self.standing.means(self.alive).min(axis=-1))

    def _bet(self, losses: Array) -> None:
        """Settle the bets on the next seed, which were laid by the seeds before."""
        rivals, is_open = self._rivals()
        with np.errstate(divide="ignore", invalid="ignore"):
            gaps = losses[..., :, None] - np.take_along_axis(losses[..., None, :], rivals, -1)
            gaps[..., 1:] += self._distance[..., None, None]
            z = np.clip(gaps / self.standing.spreads(rivals), -FARTHEST, FARTHEST)
        z = np.where(is_open, np.nan_to_num(z), 0)  # nan: both diverged, or equal where all seeds before were
        self._log_capital += np.log1p(np.tanh(z[..., None] * STAKES))
        largest = self._log_capital.max(axis=-1)
        shares = np.exp(self._log_capital - largest[..., None]).mean(axis=-1)
        self._log_most = np.maximum(self._log_most, largest + np.log(shares))

    def _rivals(self) -> tuple[np.ndarray, np.ndarray]:
        """Whom each cell is held against (…, cells, 1 + options), and whether that is a bet.

        First the leader, for the leader the second; then for ties the leading cell of each option.
        """
        ranks = self.standing.ranks(self.alive)
        order = np.argsort(ranks, axis=-1)
        first = np.where(ranks == 0, order[..., 1:2], order[..., :1])[..., None]
        is_open = (self.alive & np.take_along_axis(self.alive, first[..., 0], -1))[..., None]
        if not self._count:
            return first, is_open
        of_option = [np.where(self.options == option, ranks, len(self.options)) for option in range(self._count)]
        leaders = np.stack([np.argmin(ranked, axis=-1) for ranked in of_option], axis=-1)[..., None, :]
        leaders = np.broadcast_to(leaders, (*self.alive.shape, self._count))
        is_laid = (
            self._are_rivals() & (self.standing.seeds >= self._first_seeds) & (self._distance > 0)[..., None, None]
        )
        return np.concatenate([first, leaders], axis=-1), np.concatenate([is_open, is_laid], axis=-1)
