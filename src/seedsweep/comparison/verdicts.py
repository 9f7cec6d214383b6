"""What a pairwise comparison means, in words."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from seedsweep.comparison.pairwise import LEVEL, PairwiseComparison

VANISHED = 10  # times as far apart as options at their best are those at most settings, if tuning makes that vanish
MANY_SEEDS = 10_000  # beyond which no number of seeds is worth naming
SAME, BEST, BOTH = "at the same setting", "each at its best", "both together"


class Verdict(NamedTuple):
    """A sentence on one pairwise comparison, or on both questions: `SAME`, `BEST` or `BOTH`; `name` is the setting."""

    question: str
    problem: str
    name: str
    sentence: str


def verdict(pairwise: PairwiseComparison) -> str:
    """Who wins, ties or cannot be told apart, with how sure that is."""
    table, pairs = pairwise.table, pairwise.pairs
    judged = table[table["finished"] + table["diverged"] > 0]
    if len(judged) < 2:
        return f"there is nothing to compare {judged['option'].iloc[0]} with" if len(judged) else "no run has ended"
    if not judged["finished"].any():
        return "all runs diverged"
    if (judged["finished"] + judged["diverged"]).max() < 2:
        first = judged.iloc[0]
        return f"one seed only: {first['option']} has the best value, which may be luck; run more seeds"
    if needed := _powerless(pairwise):
        seeds, first = pairs["seeds"].max(), judged["option"].iloc[0]
        few = f"{seeds} seeds cannot decide between {len(judged)} options, however far apart they are"
        return f"{few} ({first} is first so far): run {needed} or more"
    return _against(pairs, pairwise.baseline) if pairwise.baseline else _among(judged, pairs)


def _powerless(pairwise: PairwiseComparison) -> int | None:
    """How many seeds the test needs to tell anything apart, if there are fewer: its least p-value is 2 of 2**n."""
    needed = math.ceil(1 + math.log2(max(len(pairwise.pairs), 1) / LEVEL))
    paired = pairwise.pairs[pairwise.pairs["paired"]]
    return needed if len(paired) == len(pairwise.pairs) and paired["seeds"].max() < needed else None


def _among(judged: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Of all who are compared with each other."""
    top = list(judged.loc[judged["rank"] == 1, "option"])
    rest = [name for name in judged["option"] if name not in top]
    over = pairs[(pairs["better"] == judged["option"].iloc[0]) & pairs["apart"]]
    if len(top) == 1 and len(over) == len(rest):
        return f"{top[0]} wins: {_beats(over)}"
    if not top:
        return "there is no order: each is beaten by another"
    if not rest and len(top) > 2:
        return f"no two can be told apart{_largest(pairs)}"
    among = _between(pairs, top)
    no_size = (among["low"] <= 0) | (among["adjusted"] < LEVEL)  # or a sure one that is negligible
    word = "tie" if no_size.all() else "cannot be told apart"
    tied = f"{_listed(top)} {word if len(top) > 1 else 'is first'}{_largest(among)}"
    if not rest:
        return tied
    return f"{tied}; {_listed(rest)} {'are each' if len(rest) > 1 else 'is'} beaten by {_beating(pairs, rest)}"


def _against(pairs: pd.DataFrame, baseline: str) -> str:
    """Of those who are compared with the baseline alone."""
    clauses = []
    for _, pair in pairs.sort_values("difference", ascending=False).iterrows():
        other, word = (pair["better"], "better") if pair["worse"] == baseline else (pair["worse"], "worse")
        sure = f"adjusted {significance(pair['adjusted'])}"
        by = f"{word} by {_amount(pair)}" if pair["apart"] else "not told apart"
        clauses.append(f"{other} is {by}, {sure}")
    return f"against {baseline}: {'; '.join(clauses)}; the others were not compared with each other"


def together(same: list[PairwiseComparison], best: list[PairwiseComparison]) -> list[Verdict]:
    """What the two questions say together."""
    return [*_disagreement(same, best), *_shrinkage(same, best)]


def _disagreement(same: list[PairwiseComparison], best: list[PairwiseComparison]) -> Iterator[Verdict]:
    """Where the winner at a setting is not that of the options at their best."""
    for judged in best:
        if judged.baseline or _powerless(judged):
            continue
        top = set(_top(judged))
        fixed = [pairwise for pairwise in same if pairwise.problem == judged.problem]
        won = {pairwise.name: _top(pairwise)[0] for pairwise in fixed if _has_winner(pairwise, LEVEL / len(fixed))}
        others = {name: winner for name, winner in won.items() if top != {winner}}
        if others:
            shown = "; ".join(f"{winner} at {name or 'the same setting'}" for name, winner in list(others.items())[:3])
            rest = len(others) - 3
            rest_of_settings = f" and at {rest} more setting{'s' * (rest > 1)}" if rest > 0 else ""
            now = f"{_listed(sorted(top))} {'cannot be told apart' if len(top) > 1 else 'wins'} with each at its best"
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


def significance(p: float) -> str:
    """A p-value as it is printed."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _has_winner(pairwise: PairwiseComparison, level: float) -> bool:
    """Whether one beats every other at that level, which is stricter where several tables are looked at."""
    pairs = pairwise.pairs
    sure = pairs[pairs["apart"] & (pairs["adjusted"] < level)]["better"].value_counts()
    return bool(len(sure)) and int(sure.max()) == len(pairwise.table) - 1 and len(_top(pairwise)) == 1


def _incomplete(pairwise: PairwiseComparison) -> bool:
    """Whether means are over some of the runs only."""
    return bool((pairwise.table["finished"] < pairwise.table["planned"]).any())


def _gap(pairwise: PairwiseComparison) -> float:
    """Between the best and the worst mean."""
    return float(pairwise.table["mean"].max() - pairwise.table["mean"].min())


def _top(pairwise: PairwiseComparison) -> list[str]:
    ended = pairwise.table["finished"] + pairwise.table["diverged"] > 0
    return [str(name) for name in pairwise.table.loc[ended & (pairwise.table["rank"] == 1), "option"]]


def _beats(beaten: pd.DataFrame) -> str:
    """By how much and how surely the nearest of the beaten ones is beaten."""
    nearest = beaten.sort_values("difference").iloc[0]
    whom = f"beats {nearest['worse']}" if len(beaten) == 1 else f"beats every other, {nearest['worse']} the closest"
    by = f"by {_amount(nearest)}" if nearest["difference"] > 0 else "by ranks, as runs diverged"
    unpaired = "" if beaten["paired"].all() else "; not paired, as the seeds differ"
    return f"{whom} {by} (adjusted {significance(beaten['adjusted'].max())}{unpaired})"


def _amount(pair: pd.Series) -> str:
    return f"{pair['difference']:.3g} [{pair['low']:.3g}, {pair['high']:.3g}]"


def _beating(pairs: pd.DataFrame, beaten: list[str]) -> str:
    """Who beats all of these, or at least one of them."""
    sure = pairs[pairs["worse"].isin(beaten) & pairs["apart"]]
    winners = sure[~sure["better"].isin(beaten)].groupby("better", sort=False)["worse"].nunique()
    common = [str(name) for name, count in winners.items() if count == len(beaten)]
    return _listed(common) if common else "at least one of them"


def _between(pairs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return pairs[pairs["better"].isin(names) & pairs["worse"].isin(names)]


def _largest(pairs: pd.DataFrame) -> str:
    """The largest of the differences, and how many seeds would show it, where that is a number one could run."""
    with_seeds_needed = pairs[pairs["difference"] > 0].dropna(subset="needed")
    if with_seeds_needed.empty:
        return ""
    widest = with_seeds_needed.sort_values("difference").iloc[-1]
    who = f"{widest['better']} better than {widest['worse']}, adjusted {significance(widest['adjusted'])}"
    apart = f" (the largest difference is {_amount(widest)}, {who}"
    if widest["seeds"] < widest["needed"] <= MANY_SEEDS:
        return f"{apart}; about {int(widest['needed'])} seeds would show it)"
    return f"{apart})"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
