"""Which members of a fleet go on, and how the others ended."""

from collections.abc import Collection, Sequence

import numpy as np

from seedsweep.outcomes import Outcome


class Roster:
    """The members of a fleet that are laid out, by their position (n,), and the outcomes of all of the fleet.

    `members` (n,) are their indices in the fleet, `epochs` (n,) for how many epochs each of them trains, and `done` how
    many are over. `active` (n,) says who trains in this epoch and has not ended in it.
    """

    def __init__(self, epochs: Sequence[int]):
        self.outcomes: list[Outcome] = ["finished"] * len(epochs)
        self.members = np.arange(len(epochs))
        self.epochs = np.array(epochs)
        self.done = 0
        self._alive = np.ones(len(epochs), dtype=bool)
        self.active = self._alive.copy()

    def continuing(self) -> np.ndarray:
        """Who has more epochs to come (n,)."""
        continuing: np.ndarray = self._alive & (self.epochs > self.done)
        return continuing

    def remaining(self) -> int:
        """How many epochs of members are to come."""
        return int((self.epochs - self.done)[self.continuing()].sum())

    def begin_epoch(self) -> None:
        """Those train who have more epochs to come."""
        self.active = self.continuing()

    def end_epoch(self) -> None:
        """Only those stay active who have come to the end of their training."""
        self.done += 1
        self.active &= self.epochs == self.done

    def end(self, positions: np.ndarray, outcome: Outcome) -> None:
        """The training of the members at these positions ends now, with that outcome."""
        self._alive[positions] = self.active[positions] = False
        for member in self.members[positions]:
            self.outcomes[member] = outcome

    def stop(self, positions: np.ndarray) -> None:
        """This epoch is the last one of the members at these positions, as if it had been planned so."""
        self.epochs[positions] = self.done + 1

    def prune(self, members: Collection[int]) -> None:
        """End those of the members, given by their index in the fleet, that would go on."""
        self.end(np.flatnonzero(self.continuing() & np.isin(self.members, list(members))), "pruned")

    def keep(self, positions: np.ndarray) -> None:
        """Go on with the members at these positions only."""
        self.members, self.epochs, self._alive = self.members[positions], self.epochs[positions], self._alive[positions]
