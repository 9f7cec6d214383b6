"""What the two questions say together: where their answers differ, and where tuning makes the gaps vanish."""

from collections.abc import Iterator
from typing import NamedTuple

from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.verdicts import standing

VANISHED = 10  # times as far apart as options at their best are those at most settings, if tuning makes that vanish
SETTINGS_SHOWN = 3  # in a sentence


class Remark(NamedTuple):
    """A sentence on both questions together, on one data set."""

    problem: str
    sentence: str


def remarks(same: list[PairwiseComparison], best: list[PairwiseComparison]) -> list[Remark]:
    """Where the questions disagree.

    Args:
        same: the pairwise comparisons at the same setting.
        best: those of the options, each at its best.

    Returns:
        None, one or two for each data set.
    """
    return [*_disagreement(same, best), *_shrinkage(same, best)]


def _disagreement(same: list[PairwiseComparison], best: list[PairwiseComparison]) -> Iterator[Remark]:
    """Where the winner at a setting is not that of the options at their best."""
    for at_best in best:
        if at_best.baseline or at_best.seeds_to_decide or not at_best.leaders:
            continue
        fixed = [pairwise for pairwise in same if pairwise.problem == at_best.problem]
        level = (1 - at_best.criterion.confidence) / max(len(fixed), 1)  # since several tables are looked at
        sure = {pairwise.name: pairwise.winner for pairwise in fixed if pairwise.winner and pairwise.p <= level}
        differing = {name: winner for name, winner in sure.items() if at_best.leaders != [winner]}
        if differing:
            names = [f"{winner} wins at {name or 'the same setting'}" for name, winner in differing.items()]
            shown, rest = "; ".join(names[:SETTINGS_SHOWN]), len(names) - SETTINGS_SHOWN
            rest_of_settings = f" and at {rest} more setting{'s' * (rest > 1)} another than" if rest > 0 else ""
            sentence = f"The two questions have different answers: {shown}{rest_of_settings}"
            yield Remark(at_best.problem, f"{sentence.removesuffix(' another than')}; yet {_now(at_best)}")


def _now(at_best: PairwiseComparison) -> str:
    if at_best.winner:
        return f"{at_best.winner} wins with each at its best"
    return f"{standing(at_best)} with each at its best"


def _shrinkage(same: list[PairwiseComparison], best: list[PairwiseComparison]) -> Iterator[Remark]:
    """Where tuning makes most of the gaps vanish."""
    for at_best in best:
        at_same = [pairwise for pairwise in same if pairwise.problem == at_best.problem]
        options = set(at_best.table["option"])
        if any(_incomplete(pairwise) or set(pairwise.table["option"]) != options for pairwise in [at_best, *at_same]):
            continue
        fixed = {pairwise.name: _gap(pairwise) for pairwise in at_same}
        wide = sorted((gap, name) for name, gap in fixed.items() if gap > VANISHED * _gap(at_best))
        if 2 * len(wide) > len(fixed):
            gap, name = wide[len(wide) // 2]
            now = f"{_gap(at_best):.2g} with each at its best"
            sentence = f"Tuning makes the gaps vanish: from the first to the last it is {now}, but {gap:.2g} at {name}"
            yield Remark(at_best.problem, sentence)


def _incomplete(pairwise: PairwiseComparison) -> bool:
    """Whether means are over some of the runs only."""
    return bool((pairwise.table["finished"] < pairwise.table["planned"]).any())


def _gap(pairwise: PairwiseComparison) -> float:
    """Between the best and the worst mean."""
    return float(pairwise.table["mean"].max() - pairwise.table["mean"].min())
