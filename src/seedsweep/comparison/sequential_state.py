"""Where a sweep stands that buys its seeds one after another, as data and as a sentence."""

from typing import NamedTuple

import numpy as np

from seedsweep.comparison.intervals import Array
from seedsweep.comparison.phrases import listed, per_cent
from seedsweep.comparison.verdict import UNDECIDED, WINS, Kind


class Decision(NamedTuple):
    """What the seeds have decided.

    Args:
        kind: `wins`; `ties`: the bests of the options lie within the margin; `cannot be told apart`: `max_seeds` are
            spent.
        options: the winner, those that tie, or those that are left.
    """

    kind: Kind
    options: tuple[str, ...]


class State(NamedTuple):
    """Where a sweep stands that buys its seeds one after another.

    Args:
        seeds: seen of each living cell.
        living: indices of the cells that may still be the best.
        dropped_after: of each cell, how many seeds had been seen when it was dropped; None of one that lives.
        leader: index of the living cell with the lowest mean.
        runner_up: index of the cell of another option that comes closest: of those that lived longest the one with
            the lowest mean; None without another option.
        evidence: that a cell is no best one (cells,); 2 / (1 - confidence) drop it. Under `betting` the largest
            capital that bets against it have won, under `strict` how near the test came to its bound.
        runs: bought so far.
        most_runs: that the sweep could have cost.
        decision: None while seeds are to be bought.
    """

    seeds: int
    living: tuple[int, ...]
    dropped_after: tuple[int | None, ...]
    leader: int
    runner_up: int | None
    evidence: Array
    runs: int
    most_runs: int
    decision: Decision | None

    @property
    def p(self) -> Array:
        """The p-values (cells,) that a cell is a best one, to be read against 1 - confidence after any round."""
        return np.minimum(1, 2 / np.maximum(self.evidence, 1))

    def sentence(self, confidence: float) -> str:
        """The state in words.

        Args:
            confidence: of the sweep.

        Returns:
            Such as `adam wins; sure at 95 % after 412 of at most 6,000 runs; 55 of 60 cells dropped`.
        """
        names = listed(self.decision.options) if self.decision else ""
        cost = f"after {self.runs:,} of at most {self.most_runs:,} runs"
        cells = len(self.dropped_after)
        dropped = f"{cells - len(self.living)} of {cells} cells dropped"
        if self.decision is None:
            return f"not sure yet {cost}; {dropped}"
        if self.decision.kind == UNDECIDED:
            return f"{names} cannot be told apart; not sure {cost}; {dropped}"
        verb = "wins" if self.decision.kind == WINS else "tie within the margin"
        return f"{names} {verb}; sure at {per_cent(confidence)} {cost}; {dropped}"
