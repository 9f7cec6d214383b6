"""What the winner of a sweep is worth on seeds that had no part in the choice: the means of survivors flatter."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from seedsweep.comparison import intervals
from seedsweep.comparison.intervals import Array, Interval


class Confirmation(NamedTuple):
    """The winner and the runner-up on fresh seeds.

    Args:
        mean: of the winner's finished runs.
        runner_up: mean of the runner-up's finished runs.
        difference: by how much the runner-up is worse, over the seeds on which both have finished.
        diverged: how many runs have diverged or failed, of the winner and of the runner-up.
        seeds: how many fresh seeds there were.
    """

    mean: Interval
    runner_up: Interval
    difference: Interval
    diverged: tuple[int, int]
    seeds: int


def confirm(winner: ArrayLike, runner_up: ArrayLike, confidence: float = 0.95) -> Confirmation:
    """Estimate the means of two cells and their difference from fresh seeds, with Student's intervals.

    Each interval stands alone; that the cells were chosen by other seeds costs nothing.

    Args:
        winner: losses of the winning cell (n,), one a fresh seed; inf or nan for a run that diverged or failed.
        runner_up: the other's, of the same seeds (n,).
        confidence: of each interval, between 0 and 1.

    Returns:
        The estimates; nan where no run has finished.

    Raises:
        ValueError: the two are not of the same seeds.
    """
    losses = np.asarray(winner, dtype=float), np.asarray(runner_up, dtype=float)
    if losses[0].ndim != 1 or losses[0].shape != losses[1].shape:
        raise ValueError(f"both cells must have the same fresh seeds, not {losses[0].shape} and {losses[1].shape}")
    finite = np.isfinite(losses[0]), np.isfinite(losses[1])
    mean, other = (_mean(values[ended], confidence) for values, ended in zip(losses, finite, strict=True))
    both = finite[0] & finite[1]
    difference = _mean(losses[1][both] - losses[0][both], confidence)
    return Confirmation(mean, other, difference, (int((~finite[0]).sum()), int((~finite[1]).sum())), len(both))


def _mean(values: Array, confidence: float) -> Interval:
    return intervals.mean(values, confidence) if len(values) else Interval(math.nan, math.nan, math.nan)
