"""Seeds that are bought round by round: jobs are asked for, what they returned is told, until the answer is sure."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seedsweep.comparison.fresh_seeds import Confirmation, confirm
from seedsweep.comparison.intervals import Array
from seedsweep.comparison.sequential_data_sets import SequentialDataSets
from seedsweep.comparison.sequential_state import State
from seedsweep.comparison.until_sure import Sequential
from seedsweep.metrics import Metric
from seedsweep.until_sure.cells import Cells
from seedsweep.until_sure.pace import Pace

APART = 1_000_000  # between the first seed and the fresh ones, which no larger `max_seeds` comes to
OVERALL = "over all"  # what the answer over several data sets is called

Place = tuple[str, int, int]  # data set, cell, seed


@dataclass
class Purchase:
    """Asks for the runs of the next seeds of the cells that live, then of fresh seeds, and is told what they returned.

    `test` decides; the metric says which direction is better; `labels` are the params in which the cells differ; seeds
    are judged at the numbers `looks_at`, and count from `first_seed`. When it is over, the cell that leads and the one
    that comes closest are trained with `confirm_seeds` fresh seeds.
    """

    cells: Cells
    test: Sequential | SequentialDataSets
    metric: Metric
    confidence: float
    labels: Sequence[str]
    looks_at: Sequence[int]
    first_seed: int = 0
    confirm_seeds: int = 10
    seen_by: str = ""  # the sweep that is why they do not count from 0
    losses: dict[str, list[Array]] = field(default_factory=dict)  # of each seed (cells,); nan where nothing was bought
    looks: list[dict[str, State]] = field(default_factory=list)  # the states after each round
    confirmations: dict[str, Confirmation] = field(default_factory=dict)
    recorded: float = -math.inf  # when the tables were last written, by the clock that only goes forward
    _asked: list[Place] = field(default_factory=list)
    _known: dict[Place, float] = field(default_factory=dict)  # the losses of all runs but the confirming ones
    _pace: Pace = field(default_factory=Pace)
    _began: float = 0.0  # when the round was asked for
    _confirming: dict[str, tuple[int, int]] | None = None  # the two cells of each data set

    def __post_init__(self) -> None:
        self.losses = {data_set: [] for data_set in self.cells.jobs}

    @property
    def states(self) -> dict[str, State]:
        """The state on each data set, and over all where there are several; with a single one under an empty name."""
        if isinstance(self.test, Sequential):
            return {"": self.test.state}
        return {name: test.state for name, test in self.test.each.items()} | {OVERALL: self.test.overall.state}

    @property
    def runs(self) -> int:
        """How many runs were bought for the decision."""
        return self.test.runs if isinstance(self.test, SequentialDataSets) else self.test.state.runs

    @property
    def most_runs(self) -> int:
        """How many it could cost."""
        first = next(iter(self.states.values()))
        return first.most_runs * len(self.cells.jobs)

    @property
    def is_decided(self) -> bool:
        """Whether no more seeds are to be bought, but for those that confirm."""
        return not len(self.test.next_seeds)

    def ask(self) -> list[list[str]]:
        """The jobs of the next round, or of several at once where that takes hardly longer; none when it is over."""
        if len(self.test.next_seeds):
            self._asked = [
                (data_set, cell, seed)
                for data_set, living in self._living().items()
                for cell in living
                for seed in self._next_seeds(sum(map(len, self._living().values())))
                if (data_set, cell, seed) not in self._known
            ]
        elif self._confirming is None and self.confirm_seeds:
            self._confirming = self._pairs()
            start = self.first_seed + APART
            self._asked = [
                (data_set, cell, seed)
                for data_set, pair in self._confirming.items()
                for cell in pair
                for seed in range(start, start + self.confirm_seeds)
            ]
        else:
            self._asked = []
        self._began = time.monotonic()
        return [self.cells.job(*place) for place in self._asked]

    def tell(self, returned: Sequence[Any]) -> None:
        """Take in what the jobs of the round returned, in the order of `ask`: a number, or an exception."""
        values = dict(zip(self._asked, map(self._loss, returned), strict=True))
        if self._confirming is not None:
            self.confirmations = {
                data_set: confirm(
                    self._of(values, data_set, first), self._of(values, data_set, second), self.confidence
                )
                for data_set, (first, second) in self._confirming.items()
            }
            return
        self._pace.note(len(values), time.monotonic() - self._began)
        self._known |= values
        while len(self.test.next_seeds) and (round_of := self._next_round()) is not None:
            self._observe(round_of)

    @property
    def trained_ahead(self) -> int:
        """How many runs were trained for rounds that did not come to need them."""
        return len(self._known) - self.runs

    def _next_seeds(self, living: int) -> range:
        """The seeds of the next round, and as many more as make it worth while: at most as many as there were."""
        next_seeds = self.test.next_seeds
        wanted = min(self._pace.runs / living, next_seeds.start)
        stop = next_seeds.start + max(len(next_seeds), int(wanted))
        last = next(look for look in self.looks_at if look >= min(stop, self.looks_at[-1]))
        return range(self.first_seed + next_seeds.start, self.first_seed + last)

    def _next_round(self) -> dict[str, Array] | None:
        """The losses of the next round by data set, (cells, seeds); None where some are not known."""
        seeds = [self.first_seed + position for position in self.test.next_seeds]
        round_of = {name: np.full((len(self.cells.options), len(seeds)), math.nan) for name in self.cells.jobs}
        for data_set, living in self._living().items():
            for cell in living:
                places = [(data_set, cell, seed) for seed in seeds]
                if not all(place in self._known for place in places):
                    return None
                round_of[data_set][cell] = [self._known[place] for place in places]
        return round_of

    def _observe(self, round_of: Mapping[str, Array]) -> None:
        if isinstance(self.test, Sequential):
            self.test.observe(round_of[next(iter(round_of))])
        else:
            self.test.observe(round_of)
        for data_set, matrix in round_of.items():
            self.losses[data_set] += list(matrix.T)
        self.looks.append(self.states)

    def _living(self) -> dict[str, tuple[int, ...]]:
        if isinstance(self.test, SequentialDataSets):
            return self.test.next_cells
        return {next(iter(self.cells.jobs)): self.test.state.living}

    def _pairs(self) -> dict[str, tuple[int, int]]:
        """The cell that leads on each data set, and the one of another option that comes closest."""
        states = self.test.each if isinstance(self.test, SequentialDataSets) else {"": self.test}
        names = dict(zip(states, self.cells.jobs, strict=True))
        state_of = {names[name]: test.state for name, test in states.items()}
        return {
            name: (state.leader, state.runner_up) for name, state in state_of.items() if state.runner_up is not None
        }

    def _loss(self, returned: Any) -> float:
        """Smaller is better; a failed run is one that diverged."""
        value = math.inf if isinstance(returned, Exception) else self.metric.as_loss(float(returned))
        return math.inf if math.isnan(value) else value

    def _of(self, values: Mapping[Place, float], data_set: str, cell: int) -> Array:
        return np.array([loss for (name, number, _), loss in values.items() if (name, number) == (data_set, cell)])
