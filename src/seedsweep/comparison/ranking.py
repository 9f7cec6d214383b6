"""From pairs that are tested to who wins, who ties, and the ranks."""

import math
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison import inference
from seedsweep.comparison.groups import Criterion
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.power import seeds_range

PAIR = [
    *("better", "worse", "seeds", "paired", "difference", "low", "high"),
    *("probability", "probability_low", "probability_high", "p"),
]


def conclude(
    problem: str, name: str, criterion: Criterion, described: pd.DataFrame, rows: list[dict[str, Any]]
) -> PairwiseComparison:
    """The pairwise comparison of pairs that are tested: who wins, who ties, and the ranks.

    Args:
        problem: the data set.
        name: what the options have in common.
        criterion: by what they are compared.
        described: the columns of `describe` by option.
        rows: of each pair the columns `PAIR`, and any others; and `by_seed`, as `differences_by_seed` gives it.

    Returns:
        The tables with what follows from them.
    """
    samples = {(row["better"], row["worse"]): row.pop("by_seed") for row in rows}
    pairs = pd.DataFrame(rows, columns=[*PAIR, *(key for key in (rows or [{}])[0] if key not in PAIR)])
    pairs = pairs.astype({"paired": bool})
    pairs["adjusted"] = inference.holm(pairs["p"].to_numpy(dtype=float))
    described = _in_order(described, pairs, criterion)
    ended = _has_end(described)
    is_pruned = described["pruned"] > 0
    pairs["flattered"] = is_pruned[pairs["better"]].to_numpy() & ~is_pruned[pairs["worse"]].to_numpy()
    leader = _leader(pairs, [option for option in described.index if ended[option]], str(described.index[0]))
    margin = criterion.margin * abs(float(described["mean"][leader]))
    pairs["ties"] = _tied(pairs, described, margin, 1 - criterion.confidence)
    against = pairs[(pairs["better"] == leader) & pairs["worse"].isin(described.index[ended]) & ~pairs["flattered"]]
    choices = int(described["choices"][leader]) if "choices" in described else 1
    best = _could_be_best(against, samples, int(ended.sum()), choices)
    level = criterion.pair_level(best if criterion.baseline is None else int(ended.sum()))
    pairs[["needed_low", "needed_high"]] = _needed(pairs, samples, level / choices, criterion.confidence)
    p = _p_of_winner(against, int(ended.sum()), best) if criterion.baseline is None else math.nan
    wins = p <= 1 - criterion.confidence
    sure = (pairs["adjusted"] <= 1 - criterion.confidence) | (wins & (pairs["better"] == leader))
    pairs["apart"] = sure & ~pairs["ties"] & ~pairs["flattered"] & pairs["p"].notna()
    table = _ranked(described, pairs, leader, ended)
    winner = leader if wins and not against["ties"].any() else None
    samples = {pair: sample for pair, sample in samples.items() if len(sample)}
    return PairwiseComparison(problem, name, criterion, table, pairs, winner, p, level, margin, samples)


def _has_end(described: pd.DataFrame) -> pd.Series:
    """Whether a run of an option finished or diverged."""
    return described["finished"] + described["diverged"] > 0


def _in_order(described: pd.DataFrame, pairs: pd.DataFrame, criterion: Criterion) -> pd.DataFrame:
    """The options by their means, those with lost runs after the others; if all have such, by how many they beat."""
    lost = described["diverged"] + described["pruned"] > 0
    losses = criterion.metric.as_loss(described["mean"]).mask(lost, np.inf)
    ahead = pairs["better"].value_counts().reindex(described.index, fill_value=0)
    order = pd.DataFrame({"without_end": ~_has_end(described), "loss": losses, "behind": -ahead})
    return described.loc[order.sort_values(["without_end", "loss", "behind"], kind="stable").index]


def _ranked(described: pd.DataFrame, pairs: pd.DataFrame, leader: str, ended: pd.Series) -> pd.DataFrame:
    """The options by their ranks, the leader before others of its rank; those without an end are last."""
    beaten = pairs.loc[pairs["apart"], "worse"].value_counts().reindex(described.index, fill_value=0)
    rank = (1 + beaten).where(ended, int(ended.sum()) + 1)
    order = pd.DataFrame({"rank": rank, "follows": described.index != leader})
    table = described.loc[order.sort_values(["rank", "follows"], kind="stable").index]
    table.insert(0, "rank", rank)
    return table.rename_axis("option").reset_index()


def _leader(pairs: pd.DataFrame, options: list[str], first: str) -> str:
    """The option that the tests find better than each of the others, on their common seeds; else the first in the mean.

    An option of which the worse runs were pruned is not better than one without.
    """
    ahead = pairs["better"].where(~pairs["flattered"], pairs["worse"])[
        pairs["better"].isin(options) & pairs["worse"].isin(options)
    ]
    return next((option for option in options if (ahead == option).sum() == len(options) - 1), first)


def _needed(
    pairs: pd.DataFrame, samples: dict[tuple[str, str], pd.Series], level: float, confidence: float
) -> np.ndarray:
    """How many seeds would show the difference of each pair, from and to (pairs, 2)."""
    rows = zip(pairs["better"], pairs["worse"], pairs["difference"], strict=True)
    ranges = [
        seeds_range(float(difference), samples[better, worse].to_numpy(dtype=float), level, confidence)
        for better, worse, difference in rows
    ]
    return np.array(ranges, dtype=float).reshape(-1, 2)


def _could_be_best(against: pd.DataFrame, samples: dict[tuple[str, str], pd.Series], options: int, choices: int) -> int:
    """How many options are not surely worse than the leader, at least two: those are who could be named falsely.

    The leader's cell was chosen among `choices`, by which the level is divided, too.
    """
    pairs = zip(against["better"], against["worse"], strict=True)
    differences = (samples[pair].to_numpy(dtype=float) for pair in pairs if pair in samples)
    others = (options - 1) * choices
    return max(2, options - sum(inference.is_surely_worse(sample, others) for sample in differences))


def _p_of_winner(against: pd.DataFrame, options: int, best: int) -> float:
    """An intersection-union test of the leader against all others (Berger 1982), of whom `best` could have led.

    Who is told apart from every other by Holm's method wins, too: the ranks say so already.
    """
    if options < 2 or len(against) < options - 1 or against["p"].isna().any():
        return math.nan
    return min(float(against["p"].max()) * best / 2, float(against["adjusted"].max()))


def _tied(pairs: pd.DataFrame, described: pd.DataFrame, margin: float, level: float) -> pd.Series:
    """Whether the whole interval of a pair lies within the margin, by as many seeds as a win would take."""
    lost, pruned = described["diverged"] > 0, described["pruned"] > 0
    finished = ~(lost[pairs["better"]].to_numpy() | lost[pairs["worse"]].to_numpy())
    alike = pruned[pairs["better"]].to_numpy() == pruned[pairs["worse"]].to_numpy()
    enough = pairs["seeds"] >= 1 - np.log2(level)
    within = (margin > 0) & (pairs["low"] >= -margin) & (pairs["high"] <= margin)
    return pd.Series(within & finished & alike & enough, index=pairs.index)
