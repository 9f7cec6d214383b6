"""Runs that diverged or have no end: in which groups, and what that means for who wins."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from seedsweep.comparison.diagnostic import Diagnostic, shortened
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.phrases import number_word
from seedsweep.comparison.question import BEST
from seedsweep.comparison.verdict import TIES
from seedsweep.comparison.verdicts import conclusions, only_rates


class Words(NamedTuple):
    """How it is said that runs have the worst value there is, and what to do."""

    what: str
    fails: str
    do: str
    does: str
    remedy: str


WORDS = {  # by `Metric.lost`
    "diverged": Words(
        *("Runs diverged", "diverges", "converge", "converges"),
        "they count as the worst; a mean is over the runs that finished; take smaller rates to compare means",
    ),
    "missed the target": Words(
        *("Runs missed the target", "misses the target", "reach the target", "reaches the target"),
        "they count as the worst; a mean is over those that reached it; train longer (trainer.max_epochs), or take a"
        " target that is easier to reach",
    ),
}
WITHOUT_END = {
    "pruned": "the mean of those that stayed is too good, since the worse ones left; train all of them to compare",
    "failed": "see why (those of seedsweep have a traceback.txt in MLflow), and run them again",
    "missing": "type the sweep's command again: it trains what is missing",
}


def lost_runs(groups: pd.DataFrame, answers: Sequence[PairwiseComparison]) -> Iterator[Diagnostic]:
    """What runs that diverged or have no end mean for who wins.

    Args:
        groups: see `describe_groups`.
        answers: as `data_sets.answers` gives them.

    Yields:
        First those of options that win or are ahead, one diagnostic an option; then one for each outcome of the others.
    """
    told: set[int] = set()
    for answer in answers:
        if answer.name == BEST and answer.baseline is None and len(answer.ended) > 1:
            cells = groups[(groups["problem"] == answer.problem) & (groups["option"] == answer.table["option"].iloc[0])]
            if answer.table["finished"].iloc[0] and (cells["diverged"] > 0).any():
                told.update(cells.index[cells["diverged"] > 0])
                yield _needs_right_rate(answer, cells, several=groups["problem"].nunique() > 1)
    diverged = groups[(groups["diverged"] > 0) & ~groups.index.isin(told)]
    if len(diverged):
        words = WORDS[answers[0].metric.lost if answers else "diverged"]
        yield Diagnostic(_in_groups(words.what, diverged, groups, "diverged", bool(told)), words.remedy)
    for outcome, remedy in WITHOUT_END.items():
        lost = groups[groups[outcome] > 0]
        if len(lost):
            yield Diagnostic(_in_groups(f"Runs are {outcome}", lost, groups, outcome), remedy)


def label(row: pd.Series, groups: pd.DataFrame, name: str = "group") -> str:
    """The group or option, and the data set if there are several."""
    return f"{row[name]} on {row['problem']}" if groups["problem"].nunique() > 1 else str(row[name])


def _needs_right_rate(answer: PairwiseComparison, cells: pd.DataFrame, several: bool) -> Diagnostic:
    """The option that wins, ties or is ahead at its best cell, and diverges at some or all of its `cells`."""
    first, lost = answer.table.iloc[0], cells[cells["diverged"] > 0]
    counts = []
    for _, row in lost.iterrows():
        share = "all" if row["diverged"] == row["planned"] else f"{row['diverged']} of"
        counts.append(f"{row['setting']} in {share} {row['planned']} runs")
    what = "rate" if only_rates(answer) else "setting"
    share = number_word(len(lost)) if len(lost) < len(cells) else "each"
    place = f"at {share} of its {number_word(len(cells))} {what}s" if len(cells) > 1 else f"at its only {what}"
    does, noun = ("wins", "win") if answer.winner else ("is ahead", "lead")
    if conclusions(answer)[0].kind == TIES:
        does, noun = "ties", "tie"
    where = f" on {answer.problem}" if several else ""
    words = WORDS[answer.metric.lost]
    sentence = f"{first['option']} {does}{where} at {first['setting']} and {words.fails} {place} ({shortened(counts)})"
    if len(lost) == len(cells):
        others = "smaller rates" if what == "rate" else "other settings, such as smaller rates"
        return Diagnostic(
            f"{sentence}: at no {what} do all its runs {words.do}", f"sweep {others}, until all runs {words.do}"
        )
    return Diagnostic(
        f"{sentence}: its {noun} needs the right {what}",
        f"keep to {what}s where it {words.does}, or compare at the same {what}",
    )


def _in_groups(what: str, lost: pd.DataFrame, groups: pd.DataFrame, outcome: str, are_others: bool = False) -> str:
    """How many groups have such runs, and which."""
    names = [f"{label(row, groups)} ({row[outcome]} of {row['planned']})" for _, row in lost.iterrows()]
    return f"{what} in {len(lost)} {'other ' * are_others}group{'s' * (len(lost) > 1)}: {shortened(names)}"
