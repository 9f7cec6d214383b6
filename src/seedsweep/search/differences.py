"""What a study searches, in words, and how that differs from what it searched before."""

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from seedsweep.search.distributions import Space
from seedsweep.search.values import written


def difference(recorded: Space, current: Space) -> list[str]:
    """A line for each key that is searched otherwise than it was; none where the spaces are equal.

    The order of choices counts, as it does for Optuna: a study cannot go on with another.
    """
    lines = []
    for key in dict.fromkeys([*recorded, *current]):
        if key not in recorded:
            lines.append(f"{key}: added, is {describe(current[key])}")
        elif key not in current:
            lines.append(f"{key}: removed, was {describe(recorded[key])}")
        elif recorded[key] != current[key]:
            lines.append(f"{key}: was {describe(recorded[key])}, is {describe(current[key])}")
    return lines


def describe(distribution: BaseDistribution) -> str:
    """A distribution in words: `0.0001 to 10.0 (log)`, `0 to 9 by 3`, `adam or sgd`; only floats have a point."""
    if isinstance(distribution, CategoricalDistribution):
        return " or ".join(map(written, distribution.choices))
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        return str(distribution)
    integral = isinstance(distribution, IntDistribution)
    step = "" if distribution.step is None or (integral and distribution.step == 1) else f" by {distribution.step}"
    return f"{distribution.low} to {distribution.high}{step}{' (log)' if distribution.log else ''}"
