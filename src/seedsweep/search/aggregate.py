"""What a trial is worth that was trained with several seeds: one number for each objective."""

import math
from collections.abc import Sequence

import numpy as np

from seedsweep.errors import ConfigError
from seedsweep.validation import check_choice

AGGREGATES = ("mean", "median", "worst", "mean_sd")


class Aggregate:
    """Aggregates the values of a trial over its seeds.

    `aggregate` is the mean, the median, the worst, or `mean_sd`, the mean plus `risk` standard deviations (n - 1) to
    the worse side. A run that diverged counts as infinitely bad, so that only a median can leave it out.
    """

    def __init__(self, directions: Sequence[str], aggregate: str = "mean", risk: float = 1.0):
        check_choice("hydra.sweeper.aggregate", aggregate, AGGREGATES)
        if not (isinstance(risk, int | float) and math.isfinite(risk) and risk >= 0):
            raise ConfigError("hydra.sweeper.risk", risk, "must be a number of standard deviations, 0 or more")
        self.signs = np.array([1.0 if direction == "minimize" else -1.0 for direction in directions])
        self.aggregate, self.risk = aggregate, risk

    def value(self, runs: Sequence[Sequence[float]]) -> list[float]:
        """One number for each objective, of the values (seeds, objectives) of a trial's runs."""
        losses = np.array(runs, dtype=float) * self.signs
        losses[~np.isfinite(losses)] = np.inf  # as bad as can be, whichever way it is not a number
        return [float(sign * self._worth(column)) for sign, column in zip(self.signs, losses.T, strict=True)]

    def _worth(self, losses: np.ndarray) -> float:
        if self.aggregate == "median":
            return float(np.median(losses))
        if self.aggregate == "worst" or not np.isfinite(losses).all():
            return float(losses.max())
        spread = losses.std(ddof=1) if self.aggregate == "mean_sd" and len(losses) > 1 else 0.0
        return float(losses.mean() + self.risk * spread)
