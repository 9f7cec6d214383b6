"""The verdicts on pairwise comparisons: who wins, ties or cannot be told apart, and why so."""

import math
from collections.abc import Sequence

import pandas as pd

from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.params import are_rates
from seedsweep.comparison.phrases import amount, listed, number_word, per_cent, rounded, significance
from seedsweep.comparison.question import BEST, SAME
from seedsweep.comparison.verdict import TIES, UNDECIDED, WINS, Kind, Verdict

UNPAIRED = "; not paired, as the seeds differ"


def verdicts(same: Sequence[PairwiseComparison], best: Sequence[PairwiseComparison]) -> list[Verdict]:
    """The verdicts on all pairwise comparisons.

    Args:
        same: at the same setting.
        best: of the options, each at its best.

    Returns:
        First those of the options at their best.
    """
    return [verdict for pairwise in (*best, *same) for verdict in conclusions(pairwise)]


def conclusions(pairwise: PairwiseComparison) -> list[Verdict]:
    """The verdict on a pairwise comparison; with a baseline one on each pair.

    Args:
        pairwise: whose options are compared.

    Returns:
        At least one verdict.
    """
    if sentence := _nothing_to_say(pairwise):
        return [_verdict(pairwise, UNDECIDED, list(pairwise.ended["option"]), sentence)]
    if pairwise.baseline is not None:
        pairs = pairwise.pairs.sort_values("difference", ascending=False, kind="stable")
        return [_on_pair(pairwise, pair) for _, pair in pairs.iterrows()]
    if pairwise.winner is not None:
        return [_on_winner(pairwise)]
    return [_on_leaders(pairwise)]


def _verdict(
    pairwise: PairwiseComparison, kind: Kind, options: Sequence[str], sentence: str, pair: pd.Series | None = None
) -> Verdict:
    setting = pairwise.name
    if pairwise.name == BEST:
        settings = pairwise.table.set_index("option")["setting"]
        setting = str(settings[options[0]]) if len(options) else ""
    question = BEST if pairwise.name == BEST else SAME
    about = (question, pairwise.problem, setting, kind, options[0] if kind == WINS else None)
    if pair is None:
        return Verdict(*about, tuple(options), sentence)
    p = pairwise.p if kind == WINS and pairwise.baseline is None else float(pair["adjusted"])
    by_ranks = kind == WINS and not pair["difference"] > 0
    difference, low, high = (math.nan if by_ranks else float(pair[name]) for name in ("difference", "low", "high"))
    better, worse = str(pair["better"]), str(pair["worse"])
    if len(options) == 2 and better != options[0]:  # whose worse runs were pruned, so that it comes second
        better, worse, difference, low, high = worse, better, -difference, -high, -low
    return Verdict(*about, tuple(options), sentence, difference, low, high, p, (better, worse))


def _nothing_to_say(pairwise: PairwiseComparison) -> str | None:
    """Why the seeds cannot decide, whatever their scores; None if they can."""
    ended, first = pairwise.ended, next(iter(pairwise.ended["option"]), None)
    if len(ended) < 2:
        return "no run has ended" if first is None else f"there is nothing to compare {first} with"
    if not ended["finished"].any():
        return f"all runs {pairwise.metric.lost}"
    if (ended["finished"] + ended["diverged"]).max() < 2:
        return f"one seed only: {first} has the best value, which may be luck; run more seeds"
    if pairwise.baseline is not None and pairwise.baseline not in set(ended["option"]):
        return f"no run of the baseline, {pairwise.baseline}, has ended"
    if needed := pairwise.seeds_to_decide:
        few = f"{pairwise.pairs['seeds'].max()} seeds cannot decide between {len(ended)} options, however far apart"
        return f"{few} they are ({first} is first so far): run {needed} or more"
    return None


def _on_winner(pairwise: PairwiseComparison) -> Verdict:
    """By how much and how surely the closest of the others is beaten."""
    winner = str(pairwise.winner)
    over = pairwise.pairs[pairwise.pairs["better"] == winner]
    over = over[over["worse"].isin(pairwise.ended["option"])]
    closest = over.sort_values("difference", kind="stable").iloc[0]
    who, where, cells = "it", "", ""
    if pairwise.name == BEST:
        setting = pairwise.table.set_index("option")["setting"][winner]
        who = f"{winner} at {setting}" if setting else winner
        most = int(over["beaten"].max())
        if most > 1:
            count = f"its {number_word(most)}" if len(over) == 1 else "its"
            cells = f" at each of {count} {'rates' if only_rates(pairwise) else 'settings'}"
            where = f" at {closest['closest']}" if closest["closest"] else ""
    by, nearest = _by(pairwise, closest), closest["difference"] > 0
    sure = f"({significance(pairwise.p)}{'' if over['paired'].all() else UNPAIRED})"
    if len(over) > 1:
        whom = f"every other{cells}" + f", {closest['worse']}{where} the closest" * bool(nearest)
    else:
        whom = f"{closest['worse']}{cells}" + ", the closest" * bool(nearest and cells)
    sentence = f"{winner} wins: {who} beats {whom} {by} {sure}"
    return _verdict(pairwise, WINS, [winner, str(closest["worse"])], sentence, closest)


def _on_leaders(pairwise: PairwiseComparison) -> Verdict:
    """Which options tie or cannot be told apart, and which of the rest they beat."""
    top = pairwise.leaders
    rest = [name for name in pairwise.ended["option"] if name not in top]
    pairs_of_leaders = pairwise.pairs_of_leaders
    ties = bool(pairs_of_leaders["ties"].all()) and pairwise.are_level
    open_pairs = pairs_of_leaders if pairs_of_leaders["ties"].all() else pairs_of_leaders[~pairs_of_leaders["ties"]]
    largest = open_pairs.sort_values("difference", kind="stable", na_position="first").iloc[-1]
    if ties:
        margin, fraction = rounded(pairwise.margin, pairwise.margin), per_cent(pairwise.criterion.margin)
        within = f"less than {margin} ({fraction} of the mean of {top[0]})"
        sentence = f"{listed(top)} tie: they differ by {_amount(largest)}, {within}"
        if largest["adjusted"] <= 1 - pairwise.criterion.confidence and largest["difference"] > 0:
            sentence += f", though {largest['better']} is surely better ({significance(largest['adjusted'])})"
    else:
        none = pairwise.are_level and not rest and len(top) > 2
        whom = "no two can be told apart" if none else standing(pairwise)
        sentence = whom + _largest(pairwise, largest, " but for ties" * bool(pairs_of_leaders["ties"].any()))
    if rest:
        beaten = f"{listed(rest)} {'are each' if len(rest) > 1 else 'is'} beaten by"
        sentence += f"; {beaten} {_beating(pairwise.pairs, top, rest)}"
    return _verdict(pairwise, TIES if ties else UNDECIDED, top, sentence, largest)


def standing(pairwise: PairwiseComparison) -> str:
    """How the first options stand to each other where none wins.

    Args:
        pairwise: without a winner.

    Returns:
        Such as `adam and sgd tie`.
    """
    top = pairwise.leaders
    if not pairwise.are_level:
        return f"{top[0]} is ahead, but not shown to be better than {listed(top[1:])}"
    return f"{listed(top)} {'tie' if pairwise.pairs_of_leaders['ties'].all() else 'cannot be told apart'}"


def _on_pair(pairwise: PairwiseComparison, pair: pd.Series) -> Verdict:
    """Whether an option and the baseline differ."""
    better, worse, sure = pair["better"], pair["worse"], f"adjusted {significance(pair['adjusted'])}"
    option = better if worse == pairwise.baseline else worse
    how = "better" if option == better else "worse"
    if pair["ties"]:
        within = f"less than {rounded(pairwise.margin, pairwise.margin)}"
        sentence = f"{option} and {pairwise.baseline} tie: they differ by {_amount(pair)}, {within} ({sure})"
        return _verdict(pairwise, TIES, [better, worse], sentence, pair)
    if pair["apart"]:
        sentence = f"{option} is {how} than {pairwise.baseline} {_by(pairwise, pair)} ({sure})"
        return _verdict(pairwise, WINS, [better, worse], sentence, pair)
    sentence = f"{option} and {pairwise.baseline} cannot be told apart{_largest(pairwise, pair)}"
    return _verdict(pairwise, UNDECIDED, [better, worse], sentence, pair)


def _by(pairwise: PairwiseComparison, pair: pd.Series) -> str:
    """By how much the better of a pair that are told apart is better."""
    return f"by {_amount(pair)}" if pair["difference"] > 0 else f"by ranks, as runs {pairwise.metric.lost}"


def _amount(pair: pd.Series) -> str:
    """By how much the one of a pair is better, with limits."""
    return amount(pair["difference"], pair["low"], pair["high"])


def only_rates(pairwise: PairwiseComparison) -> bool:
    """Whether the settings of the options at their best are learning rates, and nothing else was swept."""
    return are_rates([setting for setting in (*pairwise.table["setting"], *pairwise.pairs["closest"]) if setting])


def _beating(pairs: pd.DataFrame, top: Sequence[str], beaten: Sequence[str]) -> str:
    """Which of the first beat all of these; where none does, that each is beaten by at least one option."""
    sure = pairs[pairs["worse"].isin(beaten) & pairs["apart"]]
    winners = sure[sure["better"].isin(top)].groupby("better")["worse"].nunique()
    common = [name for name in top if winners.get(name, 0) == len(beaten)]
    return listed(common) if common else "at least one option"


def _largest(pairwise: PairwiseComparison, pair: pd.Series, but_for: str = "") -> str:
    """A difference that was not shown, and how many seeds would show it, where that is a number one could run."""
    if reason := _obstacle(pairwise, pair):
        return f" ({reason})"
    if not pair["difference"] > 0:
        return f" (adjusted {significance(pair['adjusted'])})" if pair["adjusted"] <= 1 else ""
    who = f"{pair['better']} better than {pair['worse']}, adjusted {significance(pair['adjusted'])}"
    text = f" (the largest difference{but_for} is {_amount(pair)}, {who}"
    if pair["seeds"] < pair["needed_high"]:
        fewest, most = int(max(pair["needed_low"], pair["seeds"] + 1)), int(pair["needed_high"])
        numbers = f"{fewest:,} to {most:,}" if fewest < most else f"{most:,}"
        text += f"; if it is as large as it seems, {numbers} seeds would show it"
    return f"{text})"


def _obstacle(pairwise: PairwiseComparison, pair: pd.Series) -> str | None:
    """What keeps a pair from being told apart, if more seeds of both would not do."""
    if pair["flattered"]:
        return f"{pair['better']} is ahead only with its worse runs pruned"
    if math.isnan(pair["p"]):
        ended = pairwise.table.set_index("option")[["finished", "diverged"]].sum(axis=1)
        fewest = min((pair["better"], pair["worse"]), key=lambda option: ended[option])
        return f"{fewest} has {'one seed only' if ended[fewest] else 'no run that ended'}"
    if pairwise.name != BEST or not pair["hardest"]:
        return None
    cell = f"{pair['worse']} at {pair['hardest']}"
    if pair["hardest_seeds"] < 2:
        return f"{cell} has one seed only, and is not beaten"
    if pair["hardest_diverged"]:
        return f"{cell} is not beaten: some of its runs {pairwise.metric.lost}, and the others are no worse"
    return None
