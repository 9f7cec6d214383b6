"""The tables of a comparison in strings, as a person reads them in a terminal or in the report."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison.data_sets import AcrossDataSets
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.phrases import amount
from seedsweep.outcomes import OUTCOMES

NONE = "–"
COUNTED = {"wins": "wins", "ties": "ties", "undecided": "not told apart", "losses": "losses"}  # on so many data sets
ROBUST = {"median": "median", "iqm": "interquartile mean"}


def number(value: Any, form: str = ".4g") -> str:
    """A number as it is shown: a dash where it is missing, `diverged` where it is infinite."""
    if value is None or pd.isna(value):
        return NONE
    return f"{float(value):{form}}" if math.isfinite(value) else "diverged"


def p_value(value: Any) -> str:
    """An adjusted p-value as it is shown."""
    return NONE if pd.isna(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def interval(row: Any, name: str, low: str, high: str) -> str:
    """Such as `0.119 [0.117, 0.121]`, with the digits that the interval supports."""
    middle, limits = getattr(row, name), (getattr(row, low), getattr(row, high))
    if np.isfinite([middle, *limits]).all():
        return amount(middle, *limits)
    if number(middle) in (NONE, "diverged"):
        return number(middle)
    return f"{number(middle)} [{', '.join(map(number, limits))}]"


def groups_table(groups: pd.DataFrame) -> pd.DataFrame:
    """A row a group, those of an option together; `best` is 1 for the best of each, which has a star."""
    return pd.DataFrame(
        [
            _about(row, groups) | {"best": "★" if row.best else ""} | _counted(row, _lost(groups)) | _mean(row)
            for row in groups.itertuples()
        ]
    )


def best_table(pairwise: PairwiseComparison) -> pd.DataFrame:
    """A row an option at its best, the winner first, with what choosing it promised."""
    rows = []
    for row in pairwise.table.itertuples():
        chosen = {"when chosen": number(row.selected), "could be best": str(row.choices)}
        about = {"rank": NONE if pairwise.baseline else str(row.rank), "option": str(row.option)}
        about |= {"setting": str(row.setting) or NONE} | _counted(row, _lost(pairwise.table))
        rows.append(about | _mean(row) | chosen)
    return pd.DataFrame(rows)


def spread_table(groups: pd.DataFrame) -> pd.DataFrame:
    """A row a group: what else there is to say of its values, a diverged run being the worst."""
    rows = []
    for row in groups.itertuples():
        middles = {words: interval(row, name, f"{name}_low", f"{name}_high") for name, words in ROBUST.items()}
        rows.append(_about(row, groups) | middles | {"sd": number(row.sd, ".2g"), "worst": number(row.worst)})
    return pd.DataFrame(rows)


def pairs_table(pairwise_comparisons: Sequence[PairwiseComparison], several: bool) -> pd.DataFrame:
    """A row a pair, the better one first."""
    rows = []
    for pairwise in pairwise_comparisons:
        about = {"data": pairwise.problem} if several else {}
        about |= {"at": pairwise.name or NONE} if len({pairwise.name for pairwise in pairwise_comparisons}) > 1 else {}
        for row in pairwise.pairs.itertuples():
            rows.append(
                about
                | {"better": str(row.better), "worse": str(row.worse), "by": interval(row, "difference", "low", "high")}
                | {"better on a seed": number(row.probability, ".0%"), "adjusted p": p_value(row.adjusted)}
                | {"seeds": f"{row.seeds}" + ("" if row.paired else ", not paired")}
            )
    return pd.DataFrame(rows)


def data_sets_table(across: AcrossDataSets) -> pd.DataFrame:
    """A row a pair: on how many data sets an option wins, and what a test over all of them says, if there is one."""
    tests = across.tests
    p = dict(zip(map(frozenset, zip(tests["better"], tests["worse"], strict=True)), tests["adjusted"], strict=True))
    rows = []
    for row in across.pairs.to_dict("records"):
        counts = {words: str(row[name]) for name, words in COUNTED.items()}
        test = {"adjusted p": p_value(p[frozenset((row["option"], row["other"]))])} if p else {}
        rows.append({"option": str(row["option"]), "against": str(row["other"])} | counts | test)
    return pd.DataFrame(rows)


def _lost(table: pd.DataFrame) -> list[str]:
    """The outcomes that are worth a column."""
    return [outcome for outcome in OUTCOMES[1:] if table[outcome].any()]


def _about(row: Any, groups: pd.DataFrame) -> dict[str, str]:
    cells = {"data": str(row.problem)} if groups["problem"].nunique() > 1 else {}
    return cells | {"option": str(row.option), "setting": str(row.setting) or NONE}


def _counted(row: Any, lost: Sequence[str]) -> dict[str, str]:
    return {"finished": f"{row.finished} of {row.planned}"} | {name: str(getattr(row, name)) for name in lost}


def _mean(row: Any) -> dict[str, str]:
    return {"mean": interval(row, "mean", "mean_low", "mean_high")}
