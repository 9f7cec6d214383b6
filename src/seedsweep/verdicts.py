"""What a contest means, in words."""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from seedsweep.contests import LEVEL, Contest

VANISHED = 10  # times as far apart as options at their best are those at most settings, if tuning makes that vanish
MANY_SEEDS = 10_000  # beyond which no number of seeds is worth naming


SAME, BEST, BOTH = "at the same setting", "each at its best", "both together"


class Verdict(NamedTuple):
    """A sentence on one contest, or on both questions; `question` is `SAME`, `BEST` or `BOTH`, `name` the setting."""

    question: str
    problem: str
    name: str
    sentence: str


def verdict(contest: Contest) -> str:
    """Who wins, ties or cannot be told apart, with how sure that is."""
    table, pairs = contest.table, contest.pairs
    judged = table[table["finished"] + table["diverged"] > 0]
    if len(judged) < 2:
        return f"there is nothing to compare {judged['competitor'].iloc[0]} with" if len(judged) else "no run has ended"
    if not judged["finished"].any():
        return "all runs diverged"
    if (judged["finished"] + judged["diverged"]).max() < 2:
        first = judged.iloc[0]
        return f"one seed only: {first['competitor']} has the best value, which may be luck; run more seeds"
    top = list(judged.loc[judged["rank"] == 1, "competitor"])
    leader = top[0] if top else judged["competitor"].iloc[0]
    over = pairs[pairs["better"] == leader]
    beaten = over[over["adjusted"] < LEVEL]
    if len(top) == 1 and len(beaten) == len(judged) - 1:
        return f"{leader} wins: {_beats(beaten)}"
    if not pairs["adjusted"].lt(LEVEL).any() and len(judged) > 2:
        return f"no two can be told apart{_more_seeds(_between(pairs, top or list(judged['competitor'])))}"
    rest = [name for name in judged["competitor"] if name not in top]
    among = _between(pairs, top)
    tied = f"{_listed(top)} {'tie' if len(top) > 1 else 'is first'}{_more_seeds(among)}"
    return tied + (
        f"; {_listed(rest)} {'are each' if len(rest) > 1 else 'is'} beaten by {_beating(pairs, rest)}" if rest else ""
    )


def together(same: list[Contest], best: list[Contest]) -> list[Verdict]:
    """What the two questions say together."""
    return [*_disagreement(same, best), *_shrinkage(same, best)]


def _disagreement(same: list[Contest], best: list[Contest]) -> Iterator[Verdict]:
    """Where the winner at a setting is not that of the options at their best."""
    for judged in best:
        top = set(_top(judged))
        fixed = [contest for contest in same if contest.problem == judged.problem and len(_top(contest)) == 1]
        others = {contest.name: _top(contest)[0] for contest in fixed if top != set(_top(contest))}
        if others:
            shown = "; ".join(f"{winner} at {name or 'the same setting'}" for name, winner in list(others.items())[:3])
            more = f" and at {len(others) - 3} more settings" if len(others) > 3 else ""
            now = f"{_listed(sorted(top))} {'tie' if len(top) > 1 else 'wins'} with each at its best"
            sentence = f"The two questions have different answers: {shown}{more}; yet {now}"
            yield Verdict(BOTH, judged.problem, "", sentence)


def _shrinkage(same: list[Contest], best: list[Contest]) -> Iterator[Verdict]:
    """Where tuning makes most of the gaps vanish."""
    for judged in best:
        fixed = {contest.name: _gap(contest) for contest in same if contest.problem == judged.problem}
        wide = sorted((gap, name) for name, gap in fixed.items() if gap > VANISHED * _gap(judged))
        if 2 * len(wide) > len(fixed):
            gap, name = wide[len(wide) // 2]
            now = f"{_gap(judged):.2g} with each at its best"
            sentence = f"Tuning makes the gaps vanish: from the first to the last it is {now}, but {gap:.2g} at {name}"
            yield Verdict(BOTH, judged.problem, "", sentence)


def significance(p: float) -> str:
    """A p-value as it is printed."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _gap(contest: Contest) -> float:
    """Between the best and the worst mean."""
    return float(contest.table["mean"].max() - contest.table["mean"].min())


def _top(contest: Contest) -> list[str]:
    return [str(name) for name in contest.table.loc[contest.table["rank"] == 1, "competitor"]]


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
    sure = pairs[pairs["worse"].isin(beaten) & (pairs["adjusted"] < LEVEL)]
    winners = sure[~sure["better"].isin(beaten)].groupby("better", sort=False)["worse"].nunique()
    common = [str(name) for name, count in winners.items() if count == len(beaten)]
    return _listed(common) if common else "at least one of them"


def _between(pairs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return pairs[pairs["better"].isin(names) & pairs["worse"].isin(names)]


def _more_seeds(pairs: pd.DataFrame) -> str:
    """How many seeds would tell the closest pair apart, where that is a number one could run."""
    known = pairs[pairs["difference"] > 0].dropna(subset="needed")
    if known.empty:
        return ""
    widest = known.sort_values("difference").iloc[-1]
    apart = f" (at most {_amount(widest)} apart, {widest['better']} before {widest['worse']}"
    if widest["seeds"] < widest["needed"] <= MANY_SEEDS:
        return f"{apart}; about {int(widest['needed'])} seeds would show a difference of this size)"
    return f"{apart})"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
