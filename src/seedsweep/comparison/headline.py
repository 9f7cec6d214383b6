"""The answer in a sentence: which option wins or that none can be named, how sure that is, over how many seeds."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from seedsweep.comparison.data_sets import FEWEST, AcrossDataSets, across_data_sets, answers
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.phrases import listed, number_word, per_cent
from seedsweep.comparison.question import BEST
from seedsweep.comparison.verdict import TIES, UNDECIDED, WINS, Verdict
from seedsweep.comparison.verdicts import conclusions, only_rates


def headline(same: Sequence[PairwiseComparison], best: Sequence[PairwiseComparison], by: str) -> str:
    """The answer in a sentence or two, for somebody who has not read any of the statistics.

    Args:
        same: the pairwise comparisons at the same setting.
        best: those of the options, each at its best; where there are none there is one setting.
        by: the param whose options are compared.

    Returns:
        A sentence, with its full stop; two where six data sets or more are tested together, too.
    """
    of_each = answers(same, best)
    if not of_each:
        return f"No winner can be named: no two values of {by} were run at the same setting."
    if across := across_data_sets(of_each):
        return _on_several(of_each, across)
    pairwise = of_each[0]
    verdicts = conclusions(pairwise)
    if pairwise.baseline is not None and verdicts[0].p == verdicts[0].p:
        return _against(pairwise.baseline, verdicts, _how_sure(pairwise))
    return _on_one(pairwise, verdicts[0], by)


def _on_one(pairwise: PairwiseComparison, verdict: Verdict, by: str) -> str:
    how = _how_sure(pairwise)
    tuned = ""
    if pairwise.name == BEST:
        tuned = (
            f"with each {by.rpartition('.')[2]} at its best {'learning rate' if only_rates(pairwise) else 'setting'}, "
        )
    if verdict.kind == WINS:
        others = "every other" if len(pairwise.ended) > 2 else verdict.options[1]
        return f"{verdict.winner} wins: {tuned}it is better than {others}, {how}."
    if verdict.kind == TIES:
        margin = per_cent(pairwise.criterion.margin)
        return f"{listed(verdict.options)} tie: {tuned}they differ by less than {margin}, {how}."
    if pairwise.seeds_to_decide and len(pairwise.ended) > 1:
        seeds = int(pairwise.pairs["seeds"].max())
        few = f"{number_word(seeds)} seed{' is' if seeds == 1 else 's are'} too few"
        return f"No winner can be named: {few}, whatever they say; run {pairwise.seeds_to_decide} or more."
    if len(verdict.options) < 2 or verdict.p != verdict.p:
        return f"No winner can be named: {verdict.sentence}."
    ahead, others = verdict.options[0], listed(verdict.options[1:])
    return f"No winner can be named: {tuned}{ahead} is ahead, but not surely better than {others}, {how}."


def _how_sure(pairwise: PairwiseComparison) -> str:
    seeds = int(pairwise.pairs["seeds"].max()) if len(pairwise.pairs) else 0
    return f"at {per_cent(pairwise.criterion.confidence)} confidence over {seeds:,} seed{'s' * (seeds != 1)}"


def _against(baseline: str, verdicts: Sequence[Verdict], how: str) -> str:
    """Which options are better than the baseline, which are worse, and which cannot be told apart from it."""
    words: dict[str, list[str]] = {
        name: [] for name in ("better than it", "worse", "as good", "not told apart from it")
    }
    for verdict in verdicts:
        (option,) = set(verdict.options) - {baseline}
        sure = "worse" if verdict.winner == baseline else "better than it"
        words[{WINS: sure, TIES: "as good", UNDECIDED: "not told apart from it"}[verdict.kind]].append(option)
    parts = [f"{listed(names)} {'are' if len(names) > 1 else 'is'} {word}" for word, names in words.items() if names]
    return f"Against {baseline}: {'; '.join(parts)}; {how}."


def _on_several(of_each: Sequence[PairwiseComparison], across: AcrossDataSets) -> str:
    """Who wins over the data sets where they can be tested together, and on how many of them one by one."""
    how, sets = f"at {per_cent(across.confidence)} confidence", f"{number_word(len(of_each))} data sets"
    few = "" if across.ranked >= FEWEST else f"; {_too_few(across)} for a verdict over all of them"
    if across.baseline is not None:
        together = few or f"; {_better_over_all(across, across.baseline)}"
        return f"Against {across.baseline} on {sets}: {_counted_against(across.pairs)}, {how} on each{together}."
    winners = Counter(verdict.winner for pairwise in of_each for verdict in conclusions(pairwise) if verdict.winner)
    rest, numbers = len(of_each) - winners.total(), {len(of_each): "all"}
    wins = [f"{name} wins on {numbers.get(count, number_word(count))}" for name, count in winners.most_common()]
    counts = listed(wins or ["none wins"])
    one_by_one = counts + (f", on {number_word(rest)} no winner can be named" if rest and winners else "")
    if few and not winners:
        return f"No winner can be named on any of {sets}, {how} on each{few}."
    if few:
        return f"Of {sets} {one_by_one}, {how} on each{few}."
    return f"{_over_all(across, how)}. Of the {sets} one by one {one_by_one}."


def _too_few(across: AcrossDataSets) -> str:
    if len(across.scores) < FEWEST:
        return f"{number_word(len(across.scores))} are too few"
    return f"too few have all options ({number_word(across.ranked)})"


def _better_over_all(across: AcrossDataSets, baseline: str) -> str:
    """Which options the tests over all data sets find better than the baseline, if they are enough to find any."""
    if across.needed:
        few = f"{number_word(across.ranked)} are too few to tell any from it, whatever they say"
        return f"{few}: run {number_word(across.needed)} or more"
    better = [name for name in map(str, across.ranks.index) if baseline in across.better_than(name)]
    names = listed(better) if better else "none"
    return f"over all of them {names} {'are' if len(better) > 1 else 'is'} surely better"


def _over_all(across: AcrossDataSets, how: str) -> str:
    """Whether the option with the best mean rank wins over the data sets together."""
    sets, ahead = f"{number_word(across.ranked)} data sets", across.leaders[0]
    if across.needed:
        few = f"{sets} are too few for {len(across.ranks)} options, whatever they say"
        return f"No winner can be named over all: {few}; run {across.needed} or more"
    rank = f"{across.ranks.iloc[0]:.3g} of {len(across.ranks)}"
    if len(across.better_than(ahead)) == len(across.ranks) - 1:
        others = "every other" if len(across.ranks) > 2 else across.better_than(ahead)[0]
        return f"{ahead} wins over {sets}: its mean rank is {rank}, and it is surely better than {others}, {how}"
    others = listed([name for name in map(str, across.ranks.index[1:]) if name not in across.better_than(ahead)])
    but = f"but is not surely better than {others}, {how}"
    return f"No winner can be named over {sets}: {ahead} has the best mean rank, {rank}, {but}"


def _counted_against(pairs: pd.DataFrame) -> str:
    """On how many data sets each option is better than the baseline, as good, worse, or not told apart from it."""
    words = {"wins": "better on", "ties": "as good on", "losses": "worse on", "undecided": "not told apart on"}
    parts = []
    for row in pairs.to_dict("records"):
        counts = [f"{word} {number_word(row[name])}" for name, word in words.items() if row[name]]
        parts += [f"{row['option']} is {listed(counts)}"] if counts else []
    return "; ".join(parts)
