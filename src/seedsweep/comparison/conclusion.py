"""What one pairwise comparison means, as a sentence."""

import pandas as pd

from seedsweep.comparison.pairwise import LEVEL, PairwiseComparison

MANY_SEEDS = 10_000  # beyond which no number of seeds is worth naming


def conclusion(pairwise: PairwiseComparison) -> str:
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
    if needed := pairwise.seeds_to_decide:
        seeds, first = pairs["seeds"].max(), judged["option"].iloc[0]
        few = f"{seeds} seeds cannot decide between {len(judged)} options, however far apart they are"
        return f"{few} ({first} is first so far): run {needed} or more"
    return _against(pairs, pairwise.baseline) if pairwise.baseline else _among(judged, pairs)


def significance(p: float) -> str:
    """A p-value as it is printed."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def listed(names: list[str]) -> str:
    """Names in a sentence: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _among(judged: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """The conclusion on options that are all compared with each other."""
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
    tied = f"{listed(top)} {word if len(top) > 1 else 'is first'}{_largest(among)}"
    if not rest:
        return tied
    return f"{tied}; {listed(rest)} {'are each' if len(rest) > 1 else 'is'} beaten by {_beating(pairs, rest)}"


def _against(pairs: pd.DataFrame, baseline: str) -> str:
    """The conclusion on options that are compared with the baseline alone."""
    clauses = []
    for _, pair in pairs.sort_values("difference", ascending=False).iterrows():
        option, word = (pair["better"], "better") if pair["worse"] == baseline else (pair["worse"], "worse")
        sure = f"adjusted {significance(pair['adjusted'])}"
        by = f"{word} by {_amount(pair)}" if pair["apart"] else "not told apart"
        clauses.append(f"{option} is {by}, {sure}")
    return f"against {baseline}: {'; '.join(clauses)}; the others were not compared with each other"


def _beats(beaten: pd.DataFrame) -> str:
    """By how much and how surely the nearest of the beaten ones is beaten."""
    nearest = beaten.sort_values("difference").iloc[0]
    whom = f"beats {nearest['worse']}" if len(beaten) == 1 else f"beats every other, {nearest['worse']} the closest"
    by = f"by {_amount(nearest)}" if nearest["difference"] > 0 else "by ranks, as runs diverged"
    unpaired = "" if beaten["paired"].all() else "; not paired, as the seeds differ"
    return f"{whom} {by} (adjusted {significance(beaten['adjusted'].max())}{unpaired})"


def _amount(pair: pd.Series) -> str:
    """By how much the one of a pair is better, with limits."""
    return f"{pair['difference']:.3g} [{pair['low']:.3g}, {pair['high']:.3g}]"


def _beating(pairs: pd.DataFrame, beaten: list[str]) -> str:
    """Which options beat all of these; where none does, that each is beaten by at least one of them."""
    sure = pairs[pairs["worse"].isin(beaten) & pairs["apart"]]
    winners = sure[~sure["better"].isin(beaten)].groupby("better", sort=False)["worse"].nunique()
    common = [str(name) for name, count in winners.items() if count == len(beaten)]
    return listed(common) if common else "at least one of them"


def _between(pairs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The pairs of these options."""
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
