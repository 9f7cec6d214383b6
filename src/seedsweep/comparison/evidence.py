"""What weakens the evidence that decides a verdict: its differences, its seeds, its cells, and its data sets."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from seedsweep.comparison import inference, intervals
from seedsweep.comparison.diagnostic import NAMES_SHOWN, Diagnostic
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.phrases import amount, listed
from seedsweep.comparison.question import BEST

EXTREMES = 16  # of the smallest differences, and of the largest, that are left out one by one
SKEWED = 2.0  # standard errors of the skewness of normal differences, which 5 % of them are beyond, at any number


def diagnose_evidence(answers: Sequence[PairwiseComparison]) -> list[Diagnostic]:
    """What weakens the evidence behind the answers.

    Args:
        answers: as `data_sets.answers` gives them.

    Returns:
        First what is about all data sets, then the diagnostics of each.
    """
    diagnostics = list(_contradicting(answers))
    for answer in answers:
        if len(answer.ended) < 2:
            continue
        where = f" on {answer.problem}" if len(answers) > 1 else ""
        for pair in _deciding_pairs(answer):
            diagnostics += _untested(answer, pair, where)
            if not answer.seeds_to_decide:
                diagnostics += [*_one_seed(answer, pair, where), *_skewed(answer, pair, where)]
    return diagnostics


def _deciding_pairs(answer: PairwiseComparison) -> list[pd.Series]:
    """The winner and the hardest to beat, or of those in front the pair that is furthest apart; all with a baseline."""
    pairs = answer.pairs[answer.pairs["p"].notna()]
    if answer.baseline is None:
        pairs = pairs[pairs["better"] == answer.winner] if answer.winner else answer.pairs_of_leaders.dropna(subset="p")
        by = ["p", "difference"] if answer.winner else ["ties", "difference"]
        pairs = pairs.sort_values(by, ascending=[False, bool(answer.winner)], kind="stable")[:1]
    return [pair for _, pair in pairs.iterrows()]


def _untested(answer: PairwiseComparison, pair: pd.Series, where: str) -> Iterator[Diagnostic]:
    """A cell of so few seeds that no test can beat it, fewer than the leading one has."""
    if answer.name != BEST or not pair["hardest"] or pair["apart"] or pair["ties"]:
        return
    cell = f"{pair['worse']} at {pair['hardest']}{where}"
    ended = answer.table.set_index("option").loc[pair["better"], ["finished", "diverged"]].sum()
    if pair["hardest_seeds"] < min(2, ended):
        yield Diagnostic(
            f"{cell} has one seed only, so that {pair['better']} cannot be shown to beat it",
            "run the other seeds there, or leave it out by filter",
        )
        return
    shared = len(answer.samples.get((pair["better"], pair["worse"]), ()))
    if 0 < shared < min(ended, 1 - math.log2(answer.level)):
        has = "has" if shared == pair["hardest_seeds"] else f"shares with {pair['better']}"
        yield Diagnostic(
            f"{cell} {has} {shared} seeds only, which nothing can beat", "give it all seeds, or leave it out by filter"
        )


def _one_seed(answer: PairwiseComparison, pair: pd.Series, where: str) -> Iterator[Diagnostic]:
    """A seed without which the better one would be shown to be so, or not, while no other seed changes that."""
    by_seed = answer.samples.get((pair["better"], pair["worse"]))
    level = answer.level
    if by_seed is None or len(by_seed) < 3 or pair["ties"] or pair["flattered"]:
        return
    values = by_seed.to_numpy(dtype=float)
    shown = _shown(values[:, None], answer.criterion.seed, level)[0]
    if shown != int(pair["apart"]):
        return
    extreme = _most_extreme(values)
    others = np.stack([np.delete(values, index) for index in extreme], axis=1)
    without = _shown(others, answer.criterion.seed, level)
    changed = np.flatnonzero(without != shown)
    if len(changed) == 1 and max(shown, without[changed[0]]) > 0:
        alone = f"Seed {by_seed.index[extreme[changed[0]]]} alone {'decides' if shown else 'hides'}"
        yield Diagnostic(
            f"{alone} that {pair['better']} is better than {pair['worse']}{where}",
            "look at its runs, and run more seeds; it stays in the verdict",
        )


def _most_extreme(differences: intervals.Array) -> np.ndarray:
    """The indices of the smallest and largest differences, ascending: where one of the others would change the answer,
    these would, too; and leaving out each of thousands takes gigabytes."""
    order = np.argsort(differences, kind="stable")
    return np.unique(np.concatenate([order[:EXTREMES], order[-EXTREMES:]]))


def _shown(differences: intervals.Array, seed: int, level: float) -> np.ndarray:
    """The sign of the differences (n, m) of each column, where the sign-flip test at that level shows it, else 0."""
    finite = np.isfinite(differences).all(axis=0)
    sums = np.where(finite, differences, inference.signed_ranks(differences)).sum(axis=0)
    return np.asarray(np.sign(sums) * (inference.sign_flip(differences, np.random.default_rng(seed)) <= level))


def _skewed(answer: PairwiseComparison, pair: pd.Series, where: str) -> Iterator[Diagnostic]:
    """Differences that are strongly skewed, with the answer of their median."""
    by_seed = answer.samples.get((pair["better"], pair["worse"]), pd.Series(dtype=float))
    values, level = by_seed.to_numpy(dtype=float), answer.level
    if pair["flattered"] or not np.isfinite(values).all() or not is_skewed(values):
        return
    better, worse = pair["better"], pair["worse"]
    middle, low, high = intervals.median(values, 1 - level)
    enough = len(values) >= 1 - math.log2(level)
    if enough and low > 0:
        median = f"by the median {better} is better by {amount(middle, low, high)}"
    elif enough and high < 0:
        median = f"by the median {worse} is better by {amount(-middle, -high, -low)}"
    else:
        median = "by the median neither is shown to be better"
    rate = "at 95 % confidence in 10 to 15 % of lognormal sweeps instead of 5 %"
    effect = f"tests of means then name more false winners than they promise ({rate})"
    yield Diagnostic(
        f"The differences between {better} and {worse}{where} are strongly skewed, and {effect}; {median}",
        "run more seeds; where the two differ believe the median",
    )


def is_skewed(differences: intervals.Array) -> bool:
    """Whether differences (n,) are more skewed than 95 % of normal ones: by more than two standard errors.

    At 5 to 50 seeds that holds for 4 to 6 % of normal differences, and for 23 % of lognormal ones at 5 seeds, 53 % at
    10, 87 % at 20 and 97 % at 30.
    """
    n, deviations = len(differences), differences - differences.mean() if len(differences) else differences
    scale = np.abs(deviations).max(initial=0)
    if n < 3 or scale <= inference.ROUNDING * np.abs(differences).max():
        return False
    deviations = deviations / scale
    skewness = math.sqrt(n * (n - 1)) / (n - 2) * (deviations**3).mean() / (deviations**2).mean() ** 1.5
    return bool(abs(skewness) > SKEWED * math.sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3))))


def _contradicting(answers: Sequence[PairwiseComparison]) -> Iterator[Diagnostic]:
    """Options of which one is surely better on one data set, and surely worse on another."""
    on: dict[tuple[str, str], list[str]] = {}
    for answer in answers:
        sure = answer.pairs[answer.pairs["apart"]]
        for better, worse in zip(sure["better"], sure["worse"], strict=True):
            on.setdefault((better, worse), []).append(answer.problem)
    names = [
        f"{better} is better than {worse} on {listed(on[better, worse])}, and worse on {listed(on[worse, better])}"
        for better, worse in on
        if better < worse and (worse, better) in on
    ]
    rest = f"; and so do {len(names) - NAMES_SHOWN} more pairs" * (len(names) > NAMES_SHOWN)
    if names:
        yield Diagnostic(
            f"The data sets contradict each other: {'; '.join(names[:NAMES_SHOWN])}{rest}",
            "choose for each data set; none is best on all",
        )
