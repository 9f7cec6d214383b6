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
    """A trial of a study that was trained again with `n` fresh seeds.

    `value` is its aggregate over them, `low` and `high` the limits of their mean (Student's t, 95 %; nan where a run
    did not come to its end), `searched` the value that it was chosen for, and `optimism` by how much that was better.
    """

    study: str
    number: int
    params: Mapping[str, Any]
    searched: float
    value: float
    low: float
    high: float
    n: int
    optimism: float


def confirm(study: str, trial: FrozenTrial, values: Sequence[float], judge: Judge) -> Confirmed:
    """The trial with what its runs with fresh seeds gave; nan is a run that failed."""
    sign, searched = float(judge.signs[0]), float(trial.values[0])
    (value,) = judge.value([[each] for each in values])
    low = high = math.nan
    if len(values) > 1 and all(map(math.isfinite, values)):
        _, low, high = mean(values)
    optimism = sign * (value - searched)
    return Confirmed(study, trial.number, trial.params, searched, value, low, high, len(values), optimism)
