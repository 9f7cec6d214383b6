"""How large rounds should be: a fleet takes some time however small it is, and rounds of small ones would add it up."""

import math

SHARE = 0.2  # of a round's time that may go into what it takes whatever its size


class Pace:
    """Learns from the rounds that were trained how many runs one should have."""

    def __init__(self) -> None:
        self._rounds: list[tuple[int, float]] = []

    def note(self, runs: int, seconds: float) -> None:
        """Take in how long a round of so many runs has taken."""
        if runs:
            self._rounds.append((runs, seconds))

    @property
    def runs(self) -> float:
        """How many runs a round needs at least to be worth it; infinite where more of them take no longer."""
        if len(self._rounds) < 2:
            return 0
        (few, short), (many, long) = min(self._rounds), max(self._rounds)
        each = (long - short) / (many - few) if many > few else 0.0
        fixed = short - max(each, 0.0) * few
        if fixed <= 0:
            return 0
        return fixed * (1 / SHARE - 1) / each if each > 0 else math.inf
