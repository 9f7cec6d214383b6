"""What the picture of mean ranks shows: where each option stands, its label, and the bars between them."""

from typing import NamedTuple

import pandas as pd

from seedsweep.comparison.data_sets import AcrossDataSets

BAR, ROW = 9, 20  # the height of a bar and of a label, with what is between it and the next
TOP = 8  # between the axis and what is below it


class RankDiagram(NamedTuple):
    """A critical-difference diagram (Demšar 2006), whose heights are pixels below the axis.

    `labels` has a row an option: its mean `rank`, the height `y` of its name, and `left`, 1 for those whose names
    are there. `bars` has a row a group of options that are not told apart: from `low` to `high` at `y`.
    """

    labels: pd.DataFrame
    bars: pd.DataFrame
    ticks: list[int]
    height: int


def rank_diagram(across: AcrossDataSets) -> RankDiagram:
    """The better half of the options has its labels on the left, the other half on the right, the outermost on top."""
    ranks, count = across.ranks, len(across.ranks)
    bars = [(ranks[names[0]], ranks[names[-1]], TOP + BAR * row) for row, names in enumerate(across.cliques)]
    first = TOP + BAR * len(bars) + ROW // 2
    half = (count + 1) // 2
    rows = [
        {
            "option": str(option),
            "rank": float(rank),
            "left": int(index < half),
            "y": first + ROW * (index if index < half else count - 1 - index),
        }
        for index, (option, rank) in enumerate(ranks.items())
    ]
    ticks = list(range(1, count + 1, 1 + count // 15))
    return RankDiagram(
        pd.DataFrame(rows), pd.DataFrame(bars, columns=["low", "high", "y"]), ticks, first + ROW * half - ROW // 2
    )


def unjoined(across: AcrossDataSets) -> list[tuple[str, str]]:
    """The pairs that no bar joins though they are not told apart, as an option between them is told apart from one."""
    joined = [set(names) for names in across.cliques]
    close = across.tests[~across.tests["apart"]]
    pairs = zip(close["better"], close["worse"], strict=True)
    return [(str(a), str(b)) for a, b in pairs if not any({a, b} <= names for names in joined)]
