"""What the pairwise comparisons mean: a verdict on each of them, and on the two questions together."""

from collections.abc import Iterator
from typing import NamedTuple

from seedsweep.comparison.conclusion import conclusion, listed
from seedsweep.comparison.pairwise import LEVEL, PairwiseComparison

VANISHED = 10  # times as far apart as options at their best are those at most settings, if tuning makes that vanish
SETTINGS_SHOWN = 3  # in a sentence
SAME, BEST, BOTH = "at the same setting", "each at its best", "both together"


class Verdict(NamedTuple):
    """A sentence on one pairwise comparison, or on both questions together.

    Args:
        question: `SAME`, `BEST` or `BOTH`.
        problem: the data set.
        name: the setting, if the question is `SAME`.
        sentence: who wins, ties or cannot be told apart, with how sure that is.
    """

    question: str
    problem: str
    name: str
    sentence: str


def verdicts(same: list[PairwiseComparison], best: list[PairwiseComparison]) -> list[Verdict]:
    """What the pairwise comparisons mean, first of the options at their best; then where the questions disagree."""
    single = [Verdict(BEST, pairwise.problem, pairwise.name, conclusion(pairwise)) for pairwise in best]
    single += [Verdict(SAME, pairwise.problem, pairwise.name, conclusion(pairwise)) for pairwise in same]
    return [*single, *_disagreement(same, best), *_shrinkage(same, best)]


def _disagreement(same: list[PairwiseComparison], best: list[PairwiseComparison]) -> Iterator[Verdict]:
    """Where the winner at a setting is not that of the options at their best."""
    for judged in best:
        if judged.baseline or judged.seeds_to_decide:
            continue
        top = set(judged.leaders)
        fixed = [pairwise for pairwise in same if pairwise.problem == judged.problem]
        winners = {
            pairwise.name: pairwise.leaders[0] for pairwise in fixed if _has_winner(pairwise, LEVEL / len(fixed))
        }
        differing = {name: winner for name, winner in winners.items() if top != {winner}}
        if differing:
            names = [f"{winner} at {name or 'the same setting'}" for name, winner in differing.items()]
            shown, rest = "; ".join(names[:SETTINGS_SHOWN]), len(names) - SETTINGS_SHOWN
            rest_of_settings = f" and at {rest} more setting{'s' * (rest > 1)}" if rest > 0 else ""
            now = f"{listed(sorted(top))} {'cannot be told apart' if len(top) > 1 else 'wins'} with each at its best"
            sentence = f"The two questions have different answers: {shown}{rest_of_settings}; yet {now}"
            yield Verdict(BOTH, judged.problem, "", sentence)


def _shrinkage(same: list[PairwiseComparison], best: list[PairwiseComparison]) -> Iterator[Verdict]:
    """Where tuning makes most of the gaps vanish."""
    for judged in best:
        at_same = [pairwise for pairwise in same if pairwise.problem == judged.problem]
        options = set(judged.table["option"])
        if any(_incomplete(pairwise) or set(pairwise.table["option"]) != options for pairwise in [judged, *at_same]):
            continue
        fixed = {pairwise.name: _gap(pairwise) for pairwise in at_same}
        wide = sorted((gap, name) for name, gap in fixed.items() if gap > VANISHED * _gap(judged))
        if 2 * len(wide) > len(fixed):
            gap, name = wide[len(wide) // 2]
            now = f"{_gap(judged):.2g} with each at its best"
            sentence = f"Tuning makes the gaps vanish: from the first to the last it is {now}, but {gap:.2g} at {name}"
            yield Verdict(BOTH, judged.problem, "", sentence)


def _has_winner(pairwise: PairwiseComparison, level: float) -> bool:
    """Whether one beats every other at that level, which is stricter where several tables are looked at."""
    pairs = pairwise.pairs
    sure = pairs[pairs["apart"] & (pairs["adjusted"] < level)]["better"].value_counts()
    return bool(len(sure)) and int(sure.max()) == len(pairwise.table) - 1 and len(pairwise.leaders) == 1


def _incomplete(pairwise: PairwiseComparison) -> bool:
    """Whether means are over some of the runs only."""
    return bool((pairwise.table["finished"] < pairwise.table["planned"]).any())


def _gap(pairwise: PairwiseComparison) -> float:
    """Between the best and the worst mean."""
    return float(pairwise.table["mean"].max() - pairwise.table["mean"].min())
