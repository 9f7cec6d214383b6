"""What is left of the best trials of a search when they are trained again with fresh seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from seedsweep.comparison.intervals import mean
from seedsweep.search.aggregate import Aggregate

ALIKE = 0.02  # of the range that is searched: of five decades a quarter more


@dataclass(frozen=True)
class Confirmation:
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


def different(ranked: Sequence[FrozenTrial], count: int) -> list[FrozenTrial]:
    """So many of the trials, the best first; those that are like a better one come last.

    Trials next to one another have the luck of the same seeds in common: if one of them was lucky, so were all.
    """
    chosen: list[FrozenTrial] = []
    for trial in ranked:
        if len(chosen) < count and all(_apart(trial, better) for better in chosen):
            chosen.append(trial)
    return chosen + [trial for trial in ranked if trial not in chosen][: count - len(chosen)]


def _apart(trial: FrozenTrial, better: FrozenTrial) -> bool:
    """Whether two trials differ in a choice, or in a number by more than `ALIKE` of its range."""
    if trial.params.keys() != better.params.keys():
        return True
    return any(
        _distance(trial.distributions[key], trial.params[key], better.params[key]) > ALIKE for key in trial.params
    )


def _distance(distribution: BaseDistribution, first: Any, second: Any) -> float:
    """Between two values, as a fraction of the range; 0 or 1 between choices."""
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        return float(first != second)
    scale = math.log if distribution.log else float
    low, high = scale(distribution.low), scale(distribution.high)
    return abs(scale(first) - scale(second)) / (high - low) if high > low else 0.0


def at_the_end(trial: FrozenTrial) -> list[str]:
    """A sentence for each of a trial's numbers that lies at an end of what was searched."""
    sentences = []
    for key, distribution in trial.distributions.items():
        if isinstance(distribution, FloatDistribution) and distribution.low < distribution.high:
            ends = (distribution.low, distribution.high)
            if min(_distance(distribution, trial.params[key], end) for end in ends) <= ALIKE:
                advice = f"is at an end of what was searched, {distribution.low:g} to {distribution.high:g}: widen it"
                sentences.append(f"the best {key}, {trial.params[key]:.4g}, {advice}")
    return sentences


def confirm(study: str, option: str, trial: FrozenTrial, values: Sequence[float], aggregate: Aggregate) -> Confirmation:
    """The trial with what its runs with fresh seeds gave; nan is a run that failed."""
    sign, searched = float(aggregate.signs[0]), float(trial.values[0])
    (value,) = aggregate.value([[run_value] for run_value in values])
    low = high = math.nan
    if len(values) > 1 and all(map(math.isfinite, values)):
        _, low, high = mean(values)
    optimism = sign * (value - searched)
    return Confirmation(study, option, trial.number, trial.params, searched, value, low, high, optimism, tuple(values))
