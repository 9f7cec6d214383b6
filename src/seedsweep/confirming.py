"""What is left of the best trials of a search when they are trained again with fresh seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial

from seedsweep.judging import Judge
from seedsweep.statistics import mean


@dataclass(frozen=True)
class Confirmed:
    """A trial of a study, of one of several options if any, that was trained again with fresh seeds.

    `values` are those of its runs with them, nan where one failed; `value` is their aggregate, `low` and `high` the
    limits of their mean (Student's t, 95 %; nan where a run did not come to its end), `searched` the value that it was
    chosen for, and `optimism` by how much that was better.
    """

    study: str
    option: str
    number: int
    params: Mapping[str, Any]
    searched: float
    value: float
    low: float
    high: float
    optimism: float
    values: tuple[float, ...]


def confirm(study: str, option: str, trial: FrozenTrial, values: Sequence[float], judge: Judge) -> Confirmed:
    """The trial with what its runs with fresh seeds gave; nan is a run that failed."""
    sign, searched = float(judge.signs[0]), float(trial.values[0])
    (value,) = judge.value([[each] for each in values])
    low = high = math.nan
    if len(values) > 1 and all(map(math.isfinite, values)):
        _, low, high = mean(values)
    optimism = sign * (value - searched)
    return Confirmed(study, option, trial.number, trial.params, searched, value, low, high, optimism, tuple(values))
