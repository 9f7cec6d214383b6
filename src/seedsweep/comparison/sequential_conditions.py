"""Whether the conditions of a sweep that buys its seeds can be doubted by what it has seen. See docs/until_sure.md."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from seedsweep.comparison.diagnostic import Diagnostic, shortened
from seedsweep.comparison.evidence import is_skewed
from seedsweep.comparison.intervals import Array
from seedsweep.comparison.sequential_state import State

FEWEST = 10  # seeds that two cells share, below which nothing is to be seen
DEPENDENT = 3.0  # standard errors of the correlation of successive differences
EQUAL = 0.5  # share of the seeds on which two cells have the same loss


class Condition(NamedTuple):
    """How a condition shows, in differences (n,), that does not hold; `{}` stands for the leader, then the others."""

    is_doubtful: Callable[[Array], bool]
    sentence: str
    remedy: str


def _is_dependent(differences: Array) -> bool:
    """Whether each difference goes with the one before."""
    deviations = differences - differences.mean()
    square = float((deviations**2).sum())
    correlation = float((deviations[1:] * deviations[:-1]).sum()) / square if square > 0 else 0.0
    return bool(abs(correlation) > DEPENDENT / len(differences) ** 0.5)


CONDITIONS = (
    Condition(
        is_skewed,
        "The differences of {} to {} are strongly skewed, and the evidence counts on symmetric ones: where one of two "
        "has rare bad runs that the other has not, few seeds may have missed them",
        "compare medians and the worst runs on fresh seeds before you believe it",
    ),
    Condition(
        _is_dependent,
        "The differences of {} to {} go with those of the seed before, and the evidence counts on seeds that have "
        "nothing in common",
        "see to it that no run goes on from another, and that every seed draws its own initialization and order",
    ),
    Condition(
        lambda differences: bool((differences == 0).mean() > EQUAL),
        "{} has on most seeds the same value as {}; nothing can be learnt from these",
        "take a finer metric, such as a loss for an accuracy",
    ),
)


def diagnose_sequential(losses: Array, state: State, options: Sequence[str]) -> list[Diagnostic]:
    """What can be seen of conditions that do not hold, in the leader and the closest cell of each other option.

    What is not found may be so all the same: a tail that no seed has shown cannot be seen.

    Args:
        losses: of all seeds seen (cells, seeds); inf for a run that diverged or failed, nan where a cell was dropped.
        state: after these seeds.
        options: the option of each cell.

    Returns:
        The gravest first; the cells are named by their options.
    """
    leader, rivals = options[state.leader], _rivals(state, options)
    pairs = {}
    with np.errstate(invalid="ignore"):
        for cell in rivals:
            differences = losses[cell] - losses[state.leader]
            if np.isfinite(differences).sum() >= FEWEST:
                pairs[options[cell]] = differences[np.isfinite(differences)]
    diagnostics = []
    for condition in CONDITIONS:
        if names := [name for name, differences in pairs.items() if condition.is_doubtful(differences)]:
            diagnostics.append(Diagnostic(condition.sentence.format(leader, shortened(names)), condition.remedy))
    counts = {options[cell]: int(np.isposinf(losses[cell]).sum()) for cell in (state.leader, *rivals)}
    if lost := [f"{name} on {count}" for name, count in counts.items() if count]:
        diagnostics.append(
            Diagnostic(
                f"Runs have diverged ({shortened(lost)} seeds), each counting as three standard deviations worse",
                "if that is too much or too little, compare finished runs and shares of diverged ones apart",
            )
        )
    return diagnostics


def _rivals(state: State, options: Sequence[str]) -> list[int]:
    """The cell of each other option that lived longest, of several that with the least evidence against it."""
    lived = np.array([state.seeds + 1 if after is None else after for after in state.dropped_after])
    closest: dict[str, int] = {}
    for cell in np.lexsort((state.evidence, -lived)):
        if options[cell] != options[state.leader]:
            closest.setdefault(options[cell], int(cell))
    return list(closest.values())
