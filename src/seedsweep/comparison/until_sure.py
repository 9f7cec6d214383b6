"""Seeds are bought until it is sure which option is best, each at its best cell, and no longer.

All living cells get the same next seeds, a round at a time. What the losses show drops cells; an option wins when only
cells of its own live. The state follows from the losses alone, so that a sweep that was cut off goes on by taking in
once more what it has. See docs/until_sure.md.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from seedsweep.comparison.bets import Bets
from seedsweep.comparison.error_spending import ErrorSpending
from seedsweep.comparison.intervals import Array
from seedsweep.comparison.sequential_state import Decision, State
from seedsweep.comparison.verdict import TIES, UNDECIDED, WINS
from seedsweep.errors import ConfigError
from seedsweep.validation import check_integer, check_not_negative

Test = Literal["betting", "strict"]


class Sequential:
    """Which option is best, each at its best cell, by seeds that are bought until it is sure.

    Args:
        options: the option of each cell; one cell for each rate of it.
        first_seeds: that every cell gets before the first look.
        seeds_per_round: that every living cell gets between two looks.
        max_seeds: of a cell; then nothing is bought any more.
        confidence: that no false answer is given, at any time.
        margin: fraction of the leader's mean, as it is after `first_seeds`, within which options tie; 0 for no ties.
        test: `betting`, which may be looked at any time and goes on where `max_seeds` is raised, once the last round
            is filled up, or `strict`, the classical group-sequential test, whose looks are fixed beforehand.

    Raises:
        ConfigError: a number is out of its range, or there is no such test.
    """

    def __init__(
        self,
        options: Sequence[str],
        first_seeds: int = 10,
        seeds_per_round: int = 5,
        max_seeds: int = 100,
        confidence: float = 0.95,
        margin: float = 0.01,
        test: Test = "betting",
    ):
        _check(options, first_seeds, seeds_per_round, max_seeds, confidence, margin, test)
        self.options = tuple(options)
        self._names = list(dict.fromkeys(options))
        self._looks = looks(first_seeds, seeds_per_round, max_seeds)
        index = np.array([self._names.index(option) for option in options])
        level = 1 - confidence
        self._test: Bets | ErrorSpending = (
            Bets(index, first_seeds, level, margin)
            if test == "betting"
            else ErrorSpending(index, self._looks, level, margin)
        )
        self._seeds = self._runs = 0
        self._dropped_after: list[int | None] = [None] * len(options)
        self._means = np.zeros(len(options))

    @property
    def next_seeds(self) -> range:
        """The positions of the seeds of the next round, such as `range(10, 15)`; empty after a decision."""
        ahead = [look for look in self._looks if look > self._seeds]
        return range(self._seeds, self._seeds if self.decision else ahead[0])

    def observe(self, losses: Array) -> State:
        """Take in the losses of the next round, or of many; what lies beyond a decision is not read.

        Args:
            losses: of the next seeds (cells, seeds), smaller being better; inf or nan for a run that diverged or
                failed. Those of dropped cells are not read.

        Returns:
            The state after it.

        Raises:
            ValueError: the losses are not of whole rounds and all cells, or one is -inf.
        """
        values = np.array(losses, dtype=float)
        if values.ndim != 2 or len(values) != len(self.options) or (values == -np.inf).any():
            raise ValueError(f"losses must be numbers or inf, of {len(self.options)} cells x seeds, not {values.shape}")
        done = 0
        while (size := len(self.next_seeds)) and done < values.shape[1]:
            if done + size > values.shape[1]:
                raise ValueError(f"a round takes {size} seeds, not {values.shape[1] - done}")
            self._observe_round(values[:, done : done + size])
            done += size
        return self.state

    @property
    def state(self) -> State:
        """Where the sweep stands."""
        living = tuple(int(cell) for cell in np.flatnonzero(self._test.alive))
        leader = min(living, key=lambda cell: self._means[cell])
        others = [cell for cell, option in enumerate(self.options) if option != self.options[leader]]
        lived = [self._seeds + 1 if after is None else after for after in self._dropped_after]
        closest = min(others, key=lambda cell: (-lived[cell], self._means[cell]), default=None)
        evidence, most = self._test.evidence.copy(), len(self.options) * self._looks[-1]
        dropped = tuple(self._dropped_after)
        return State(self._seeds, living, dropped, leader, closest, evidence, self._runs, most, self.decision)

    @property
    def decision(self) -> Decision | None:
        """What is decided; None while seeds are to be bought."""
        left = {self.options[cell] for cell in np.flatnonzero(self._test.alive)}
        options = tuple(name for name in self._names if name in left)
        if len(options) == 1:
            return Decision(WINS, options)
        if self._test.is_tie:
            return Decision(TIES, options)
        return Decision(UNDECIDED, options) if self._seeds == self._looks[-1] else None

    def _observe_round(self, losses: Array) -> None:
        alive = self._test.alive.copy()
        self._seeds += losses.shape[1]
        self._runs += int(alive.sum()) * losses.shape[1]
        self._test.observe(np.where(alive[:, None], np.nan_to_num(losses, nan=np.inf, posinf=np.inf), np.nan))
        self._means = np.where(alive, self._test.standing.means(alive), self._means)
        for cell in np.flatnonzero(alive & ~self._test.alive):
            self._dropped_after[cell] = self._seeds


def looks(first_seeds: int, seeds_per_round: int, max_seeds: int) -> tuple[int, ...]:
    """How many seeds have been seen at each look; the last round is shorter where they do not add up.

    Args:
        first_seeds: before the first look.
        seeds_per_round: between two looks.
        max_seeds: at the last look.

    Returns:
        The numbers, ascending.
    """
    return (*range(first_seeds, max_seeds, seeds_per_round), max_seeds)


def _check(
    options: Sequence[str], first: int, step: int, most: int, confidence: float, margin: float, test: str
) -> None:
    """Raise a `ConfigError` for what is out of its range."""
    check_integer("first_seeds", first, 2)
    check_integer("seeds_per_round", step, 1)
    check_integer("max_seeds", most, first, note="which is first_seeds")
    check_not_negative("margin", margin)
    if not 0 < confidence < 1:
        raise ConfigError("confidence", confidence, "must lie between 0 and 1, such as 0.95")
    if test not in get_args(Test):
        raise ConfigError("test", test, f"must be {' or '.join(get_args(Test))}")
    if not options:
        raise ConfigError("options", "[]", "must hold the option of one cell at least")
