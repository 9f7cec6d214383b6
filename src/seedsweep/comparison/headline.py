"""The answer in one sentence: which option wins or that none can be named, how sure that is, over how many seeds."""

from collections import Counter
from collections.abc import Sequence

from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.phrases import listed, number_word, per_cent
from seedsweep.comparison.question import BEST
from seedsweep.comparison.verdict import TIES, UNDECIDED, WINS, Verdict
from seedsweep.comparison.verdicts import conclusions, only_rates


def headline(same: Sequence[PairwiseComparison], best: Sequence[PairwiseComparison], by: str) -> str:
    """The answer in one sentence, for somebody who has not read any of the statistics.

    Args:
        same: the pairwise comparisons at the same setting.
        best: those of the options, each at its best; where there are none there is one setting.
        by: the param whose options are compared.

    Returns:
        A sentence, with its full stop.
    """
    answers = best or same
    if not answers:
        return f"No winner can be named: no two values of {by} were run at the same setting."
    if len(answers) > 1:
        return _on_several(answers)
    pairwise = answers[0]
    verdicts = conclusions(pairwise)
    if pairwise.baseline is not None and verdicts[0].p == verdicts[0].p:
        return _against(pairwise.baseline, verdicts, _how_sure(pairwise))
    return _on_one(pairwise, verdicts[0], by)


def _on_one(pairwise: PairwiseComparison, verdict: Verdict, by: str) -> str:
    how = _how_sure(pairwise)
    each = ""
    if pairwise.name == BEST:
        each = (
            f"with each {by.rpartition('.')[2]} at its best {'learning rate' if only_rates(pairwise) else 'setting'}, "
        )
    if verdict.kind == WINS:
        others = "every other" if len(pairwise.ended) > 2 else verdict.options[1]
        return f"{verdict.winner} wins: {each}it is better than {others}, {how}."
    if verdict.kind == TIES:
        margin = per_cent(pairwise.criterion.margin)
        return f"{listed(verdict.options)} tie: {each}they differ by less than {margin}, {how}."
    if pairwise.seeds_to_decide and len(pairwise.ended) > 1:
        seeds = int(pairwise.pairs["seeds"].max())
        few = f"{number_word(seeds)} seed{' is' if seeds == 1 else 's are'} too few"
        return f"No winner can be named: {few}, whatever they say; run {pairwise.seeds_to_decide} or more."
    if len(verdict.options) < 2 or verdict.p != verdict.p:
        return f"No winner can be named: {verdict.sentence}."
    ahead, others = verdict.options[0], listed(verdict.options[1:])
    return f"No winner can be named: {each}{ahead} is ahead, but not surely better than {others}, {how}."


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


def _on_several(answers: Sequence[PairwiseComparison]) -> str:
    """How many data sets or settings each option wins on."""
    verdicts = [verdict for pairwise in answers for verdict in conclusions(pairwise)]
    of_problems = len({pairwise.problem for pairwise in answers}) == len(answers)
    what = "data sets" if of_problems else "settings"
    how = f"at {per_cent(answers[0].criterion.confidence)} confidence each"
    winners = Counter(verdict.winner for verdict in verdicts if verdict.winner)
    if answers[0].baseline is not None or not winners:
        total = f"{number_word(len(answers))} {what}"
        return f"No winner can be named on any of {total}, {how}." if not winners else f"{total} were compared, {how}."
    parts = [f"{name} wins on {number_word(count)}" for name, count in winners.most_common()]
    rest = len(answers) - winners.total()
    undecided = f"; on {number_word(rest)} no winner can be named" if rest else ""
    return f"Of {number_word(len(answers))} {what} {listed(parts)}{undecided}, {how}."
