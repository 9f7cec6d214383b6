"""Seeds that are bought until it is sure which option is best on each of several data sets, and over all of them.

The answer over all is about the average of the losses, each data set's in units of its own noise, at one rate for all.
Half of what may go wrong is spent on it, and half is shared among the data sets: so the answer over all does not become
harder to reach with their number, and all answers together are right with the confidence asked for.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from seedsweep.comparison.intervals import Array
from seedsweep.comparison.sequential_state import State
from seedsweep.comparison.standing import Standing
from seedsweep.comparison.until_sure import Sequential, Test
from seedsweep.errors import ConfigError

DIVERGED = 10.0  # units of noise that a diverged run counts worse than the leader, one data set of the average


class SequentialDataSets:
    """Which option is best on each data set and over all, by seeds that are bought until it is sure.

    The first round, which all cells get on all data sets, fixes the units of noise; the answer over all is bet on from
    the second round on, so that no bet knows more than what was seen before it.

    Args:
        options: the option of each cell; a cell is the same option and rate on all data sets.
        data_sets: their names, two at least.
        first_seeds: see `Sequential`, as all that follow.
        seeds_per_round: here two at least.
        max_seeds: here more than `first_seeds`.
        confidence: that no false answer is given, on no data set and not over all.
        margin: fraction of the leader's mean within which options tie, over all of its average.
        test: `betting` or `strict`.

    Raises:
        ConfigError: a number is out of its range, or there is one data set only.
    """

    def __init__(
        self,
        options: Sequence[str],
        data_sets: Sequence[str],
        first_seeds: int = 10,
        seeds_per_round: int = 5,
        max_seeds: int = 100,
        confidence: float = 0.95,
        margin: float = 0.01,
        test: Test = "betting",
    ):
        if len(set(data_sets)) < 2:
            raise ConfigError("data_sets", list(data_sets), "must be two at least")
        if max_seeds <= first_seeds:
            raise ConfigError("max_seeds", max_seeds, f"must be above first_seeds={first_seeds} with several data sets")
        half = (1 - confidence) / 2
        share = 1 - half / len(data_sets)
        self.each = {
            name: Sequential(options, first_seeds, seeds_per_round, max_seeds, share, margin, test)
            for name in data_sets
        }
        rest = max_seeds - first_seeds
        first = min(seeds_per_round, rest)
        self.overall = Sequential(options, first, seeds_per_round, rest, 1 - half, margin, test)
        self.runs = 0
        self._seeds, self._first_seeds, self._cells = 0, first_seeds, len(options)
        self._centres, self._units = np.zeros(len(data_sets)), np.ones(len(data_sets))

    @property
    def next_seeds(self) -> range:
        """The positions of the seeds of the next round; empty where all is decided."""
        if not self._seeds:
            return range(self._first_seeds)
        ahead = [seeds.stop for sequential in self.each.values() if len(seeds := sequential.next_seeds)]
        if len(seeds := self.overall.next_seeds):
            ahead.append(self._first_seeds + seeds.stop)
        return range(self._seeds, min(ahead, default=self._seeds))

    @property
    def next_cells(self) -> dict[str, tuple[int, ...]]:
        """The cells that get the next seeds, by data set: those that live there or over all, where it is undecided."""
        overall = _wanted(self.overall)
        return {name: tuple(sorted(_wanted(sequential) | overall)) for name, sequential in self.each.items()}

    def observe(self, losses: Mapping[str, Array]) -> tuple[dict[str, State], State]:
        """Take in the losses of the next round.

        Args:
            losses: by data set, of the next seeds (cells, seeds), as `Sequential.observe` has them.

        Returns:
            The state of each data set, and that over all.

        Raises:
            ValueError: the losses are not of the next round and all cells, or one is -inf.
        """
        shape = (self._cells, len(self.next_seeds))
        values = np.stack([np.array(losses[name], dtype=float) for name in self.each])
        if values.shape[1:] != shape:
            raise ValueError(f"losses must be of {shape[0]} cells x {shape[1]} seeds, not {values.shape[1:]}")
        values = np.nan_to_num(values, nan=np.inf, posinf=np.inf)
        self.runs += shape[1] * sum(map(len, self.next_cells.values()))
        states = {name: self.each[name].observe(of_one) for name, of_one in zip(self.each, values, strict=True)}
        if self._seeds:
            self.overall.observe(self._average(values))
        else:
            self._centres, self._units = np.array([_noise(of_one) for of_one in values]).T
        self._seeds += shape[1]
        return states, self.overall.state

    def _average(self, values: Array) -> Array:
        """The losses (cells, seeds) over all data sets, of (data sets, cells, seeds)."""
        lost = (self._centres + DIVERGED * self._units)[:, None, None]
        return np.asarray((np.where(np.isfinite(values), values, lost) / self._units[:, None, None]).mean(axis=0))


def _wanted(sequential: Sequential) -> set[int]:
    return set() if sequential.decision else set(sequential.state.living)


def _noise(losses: Array) -> tuple[float, float]:
    """The mean of the cell that leads in (cells, seeds), and the unit: the median spread of the differences to it."""
    standing, alive = Standing((len(losses),)), np.ones(len(losses), dtype=bool)
    for seed in losses.T:
        standing.add(seed)
    leader = int(np.argmin(standing.ranks(alive)))
    spreads = np.delete(standing.spreads(np.full((len(losses), 1), leader))[:, 0], leader)
    unit = float(np.median(spreads)) if len(spreads) else 0.0
    return float(standing.means(alive)[leader]), unit if unit > 0 else 1.0
