"""A verdict: what the seeds allow to say, as data and as a sentence."""

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["wins", "ties", "cannot be told apart"]
WINS: Kind = "wins"
TIES: Kind = "ties"
UNDECIDED: Kind = "cannot be told apart"


@dataclass(frozen=True)
class Verdict:
    """What the seeds allow to say on one question.

    Args:
        question: `SAME` or `BEST`.
        problem: the data set.
        setting: of the runs, or if the question is `BEST` that of the first option.
        kind: `wins`: the winner is better than every other option (with a baseline: than that); `ties`: the difference
            lies within the margin with its whole interval; `cannot be told apart`: neither was shown.
        winner: None where none wins.
        options: that the verdict is about, the first in the mean first: the winner and the closest to it, or those that
            tie or cannot be told apart.
        difference: of a winner from the closest to it, or where none wins the largest among the options; nan where
            there is none.
        low: lower limit of the difference.
        high: upper limit of the same.
        p: of a winner, that one is named though none is better than all others; else of the difference, adjusted.
        pair: the two options that the difference is of, the better first; empty where there is none.
        sentence: the same in words.
    """

    question: str
    problem: str
    setting: str
    kind: Kind
    winner: str | None
    options: tuple[str, ...]
    sentence: str
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    pair: tuple[str, ...] = ()
