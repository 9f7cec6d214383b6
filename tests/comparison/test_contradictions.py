"""No two sentences on a page contradict each other, whatever the runs are."""

import math
import re
from collections.abc import Iterator

import pytest
from shared.generated import OPTIONS, case

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.comparison.data_sets import answers as answers_of
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.phrases import amount, significance
from seedsweep.comparison.verdict import TIES, UNDECIDED, WINS, Verdict
from seedsweep.comparison.verdicts import conclusions

NAME = rf"({'|'.join(OPTIONS)})"
NO_WORD = re.compile(r"\b(nan|inf|None|NaN)\b")


def sentences(comparison: Comparison) -> list[str]:
    """Every sentence that is shown."""
    shown = [comparison.headline, *(verdict.sentence for verdict in comparison.verdicts)]
    shown += [remark.sentence for remark in comparison.remarks]
    return shown + [diagnostic.sentence for diagnostic in comparison.diagnostics]


def contradictions(comparison: Comparison) -> Iterator[str]:
    """What is wrong with a comparison, a line each."""
    for pairwise in (*comparison.best, *comparison.same):
        yield from in_table(pairwise)
        for verdict in conclusions(pairwise):
            yield from in_verdict(pairwise, verdict)
    yield from between_questions(comparison)
    diagnostics = comparison.diagnostics
    yield from in_diagnostics(comparison, [diagnostic.sentence for diagnostic in diagnostics])
    for sentence in [*sentences(comparison), *(remedy for _, remedy in diagnostics)]:
        if NO_WORD.search(sentence) or "  " in sentence:
            yield f"no sentence: {sentence}"


def in_table(pairwise: PairwiseComparison) -> Iterator[str]:
    """What the ranks, the pairs and the winner say of each other."""
    table, pairs = pairwise.table.set_index("option"), pairwise.pairs
    ended = set(pairwise.ended["option"])
    if pairwise.baseline is None:
        for option in ended:
            beaten_by = int(((pairs["worse"] == option) & pairs["apart"]).sum())
            if table.loc[option, "rank"] != 1 + beaten_by:
                yield f"{option} has rank {table.loc[option, 'rank']}, and {beaten_by} are better"
    if pairwise.winner is not None:
        beaten = set(pairs.loc[(pairs["better"] == pairwise.winner) & pairs["apart"], "worse"])
        if beaten != ended - {pairwise.winner}:
            yield f"the winner {pairwise.winner} has beaten {beaten} only"
        if table.index[0] != pairwise.winner or list(table["rank"]).count(1) != 1:
            yield f"the winner {pairwise.winner} is not the only first"
    if (pairs["apart"] & pairs["ties"]).any():
        yield "a pair is told apart and ties"
    sure = pairs[pairs["apart"] & (pairs["difference"] > 0)]
    if (sure["low"] < 0).any():
        yield "the interval of a better option reaches below 0"


def in_verdict(pairwise: PairwiseComparison, verdict: Verdict) -> Iterator[str]:
    """What a verdict says, as data and in words, and what the pairs say."""
    sentence, named = verdict.sentence, set(verdict.options)
    among = pairwise.pairs[pairwise.pairs["better"].isin(named) & pairwise.pairs["worse"].isin(named)]
    if verdict.kind == WINS:
        if (
            verdict.winner is None
            or verdict.winner != verdict.options[0]
            or verdict.p > 1 - pairwise.criterion.confidence
        ):
            yield f"no win: {verdict}"
        if pairwise.baseline is None and not sentence.startswith(f"{verdict.winner} wins"):
            yield f"the winner is {verdict.winner}: {sentence}"
        if verdict.low < 0:
            yield f"the interval of the winner reaches below 0: {verdict}"
    elif verdict.winner is not None or " wins" in sentence:
        yield f"no winner, yet one: {verdict}"
    if verdict.kind != WINS and "is ahead" in sentence:
        among = among[(among[["better", "worse"]] == verdict.options[0]).any(axis=1)]
    if verdict.kind != WINS and among["apart"].any() and "cannot decide" not in sentence:
        yield f"one of {named} has beaten another: {sentence}"
    if verdict.kind == UNDECIDED and pairwise.pairs["apart"].any() and "cannot decide" in sentence:
        yield f"seeds that cannot decide do: {sentence}"
    if " tie:" in sentence and not among["ties"].all():
        yield f"no tie: {sentence}"
    beaten = re.search(r"; (.*) (?:is|are each) beaten by (.*)$", sentence)
    for option in re.findall(NAME, beaten[1]) if beaten else []:
        by = re.findall(NAME, beaten[2]) or OPTIONS
        if not (
            (pairwise.pairs["worse"] == option) & pairwise.pairs["better"].isin(by) & pairwise.pairs["apart"]
        ).any():
            yield f"{option} is not beaten: {sentence}"
    if math.isfinite(verdict.difference) and "[" in sentence:
        shown = amount(verdict.difference, verdict.low, verdict.high)
        if shown not in sentence or (significance(verdict.p) not in sentence and verdict.kind != TIES):
            yield f"{shown}, {significance(verdict.p)}: {sentence}"
    if math.isfinite(verdict.difference):
        both = pairwise.pairs[pairwise.pairs["better"].isin(verdict.pair) & pairwise.pairs["worse"].isin(verdict.pair)]
        sign = 1 if both["better"].iloc[0] == verdict.pair[0] else -1
        if not set(verdict.pair) <= named or sign * both["difference"].iloc[0] != verdict.difference:
            yield f"the difference is not that of {verdict.pair}: {verdict}"
    for low, high in re.findall(r"\[(\S+), (\S+)\]", sentence):
        if float(low) > float(high):
            yield f"limits in the wrong order: {sentence}"
    if re.search(r"p (= |< )\S+.*would show it", sentence) and verdict.p <= 1 - pairwise.criterion.confidence:
        yield f"it is shown already: {sentence}"


def between_questions(comparison: Comparison) -> Iterator[str]:
    """What the headline, the remarks and the diagnostics say of who wins."""
    answers = answers_of(comparison.same, comparison.best)
    verdicts = [verdict for pairwise in answers for verdict in conclusions(pairwise)]
    headline = re.match(rf"{NAME} wins:", comparison.headline)
    if len(answers) == 1 and answers[0].baseline is None:
        if (headline[1] if headline else None) != verdicts[0].winner:
            yield f"{comparison.headline} But: {verdicts[0].sentence}"
        if (" tie:" in comparison.headline) != (verdicts[0].kind == TIES):
            yield f"{comparison.headline} But: {verdicts[0].sentence}"
    winners = {verdict.winner for verdict in verdicts} - {None}
    if answers and comparison.headline.startswith("No winner") and winners:
        yield f"{comparison.headline} But: {winners}"
    at_best = {pairwise.problem: conclusions(pairwise)[0] for pairwise in comparison.best}
    for remark in comparison.remarks:
        now = re.search(rf"; yet {NAME} wins with each at its best", remark.sentence)
        if "; yet" in remark.sentence and (now[1] if now else None) != at_best[remark.problem].winner:
            yield f"{remark.sentence}. But: {at_best[remark.problem].sentence}"
        for option, setting in re.findall(rf"{NAME} wins at (lr=[\d.]+)", remark.sentence):
            found = [v.winner for v in comparison.verdicts if (v.problem, v.setting) == (remark.problem, setting)]
            if option not in found:
                yield f"{remark.sentence}. But: {found}"


def in_diagnostics(comparison: Comparison, sentences: list[str]) -> Iterator[str]:
    """What the diagnostics say of who wins, and of each other."""
    if len(set(sentences)) < len(sentences):
        yield f"a diagnostic stands there twice: {sentences}"
    answers = {pairwise.problem: pairwise for pairwise in answers_of(comparison.same, comparison.best)}
    for sentence in sentences:
        problem = next((name for name in answers if f" on {name}" in sentence), next(iter(answers), ""))
        first = re.match(rf"{NAME} (wins|is ahead) .*and diverges", sentence)
        if first and (first[1] != answers[problem].table["option"].iloc[0]):
            yield f"{first[1]} is not the first: {sentence}"
        if first and (first[2] == "wins") != (answers[problem].winner is not None):
            yield f"the winner is {answers[problem].winner}: {sentence}"
        seed = re.search(rf"alone (decides|hides) that {NAME} is better than {NAME}", sentence)
        if seed:
            pairs = answers[problem].pairs
            (apart,) = pairs.loc[(pairs["better"] == seed[2]) & (pairs["worse"] == seed[3]), "apart"]
            if apart != (seed[1] == "decides"):
                yield f"told apart: {apart}. But: {sentence}"
        for edge in re.findall(rf"largest that was swept for .*{NAME} ", sentence):
            if any(f"{edge} is ahead" in other and "at each of its" in other for other in sentences):
                yield f"larger rates would diverge: {sentence}"


@pytest.mark.parametrize("number", range(25))
def test_sentences_on_generated_runs_do_not_contradict_each_other(number: int) -> None:
    runs, question = case(number)
    assert list(contradictions(compare(runs, **question))) == []
