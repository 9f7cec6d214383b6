"""What several data sets say together: wins, ties and losses of each pair of options, and from six on mean ranks.

Demšar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7; with Wilcoxon's test of each pair
in place of Nemenyi's, whose verdict on two options depends on which others took part, as Benavoli, Corani & Mangili
(2016, JMLR 17) advise. See docs/statistics.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd

from seedsweep.comparison.inference import holm, signed_ranks
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.phrases import listed, significance

FEWEST = 6  # data sets that are tested: the least p-value of five is 2 of 2**5, more than 0.05
DIGITS = 12  # of relative scores: what differs less is a tie
COUNTS = ("wins", "ties", "undecided", "losses")


@dataclass(frozen=True)
class AcrossDataSets:
    """The options over several data sets.

    Args:
        pairs: a row a pair, `option` being the one with the better mean rank, or with a baseline the one that `other`,
            the baseline, is compared with: on how many of the data sets that have both it `wins`, `ties` (within the
            margin), cannot be told apart (`undecided`), and `losses`. They are those of each data set by itself.
        scores: the mean of each option (columns, in the order of `ranks`) on each data set (rows), in units of the
            metric: the worst where it diverged or has no end, nan where it was not run.
        ranks: the mean rank of each option over the data sets that have all options, the best first; ties are averaged.
        friedman_p: of Friedman's test (1937) that all options rank alike; nan for two options, or below six data sets.
        tests: a row a pair: which one Wilcoxon's signed ranks (1945) find `better` and which `worse`, `p`, `adjusted`
            by Holm's method over the pairs, and whether they are told `apart`; no rows below six data sets.
        cliques: the largest groups of options, neighbours by mean rank, of which no two are told apart; none with a
            baseline, with which the others are compared alone.
        confidence: of the tests.
        baseline: the option that the others are compared with, if it is not None.
        alone: the data sets that have one option only, which are in none of these, and that option.
    """

    pairs: pd.DataFrame
    scores: pd.DataFrame
    ranks: pd.Series
    friedman_p: float
    tests: pd.DataFrame
    cliques: list[list[str]]
    confidence: float
    baseline: str | None
    alone: Mapping[str, str] = field(default_factory=dict)

    @property
    def ranked(self) -> int:
        """How many data sets have all options, so that they count in ranks and tests."""
        return len(self.scores.dropna())

    @property
    def leaders(self) -> list[str]:
        """The options with the best mean rank."""
        return [str(option) for option in self.ranks.index[np.isclose(self.ranks, self.ranks.min())]]

    @property
    def needed(self) -> int | None:
        """How many data sets could tell a pair apart, if these are too few: the least p-value of n is 2 of 2**n."""
        if self.tests.empty:
            return FEWEST
        fewest = math.ceil(1 + math.log2(len(self.tests) / (1 - self.confidence)) - 10**-DIGITS)
        return fewest if self.ranked < fewest else None

    @property
    def sentences(self) -> list[str]:
        """What the data sets say together, and which of them do not take part."""
        lacking = self.scores[self.scores.isna().any(axis=1)]
        without = [f"{name} (without {listed(list(row.index[row.isna()]))})" for name, row in lacking.iterrows()]
        left_out = [f"not counted in ranks and tests: {listed(without)}"] if without else []
        single = [f"{name} ({option} only)" for name, option in self.alone.items()]
        left_out += [f"without a pair to count: {listed(single)}"] if single else []
        if not self.tests.empty:
            return [_on_ranks(self), *left_out]
        if self.ranked == 0:
            return ["no data set has all options, so that there is no test over data sets", *left_out]
        sets = f"{self.ranked} data set{'s are' if self.ranked > 1 else ' with all options is'}"
        return [f"{sets} too few for a test over data sets (six are needed)", *left_out]

    def better_than(self, option: str) -> list[str]:
        """The others that the tests find it surely better than."""
        return list(self.tests.loc[(self.tests["better"] == option) & self.tests["apart"], "worse"])

    def split(self, option: str) -> tuple[list[str], list[str], list[str]]:
        """What the tests tell of one option.

        Args:
            option: that is compared.

        Returns:
            The others that it is better than, those that are better than it, and those not told apart from it, each
            with its p-value.
        """
        worse: list[str] = []
        better: list[str] = []
        close: list[str] = []
        for row in self.tests.to_dict("records"):
            if option in (row["better"], row["worse"]):
                is_better = row["better"] == option
                other = f"{row['worse' if is_better else 'better']} ({significance(row['adjusted'])})"
                (close if not row["apart"] else worse if is_better else better).append(other)
        return worse, better, close


def answers(same: Sequence[PairwiseComparison], best: Sequence[PairwiseComparison]) -> list[PairwiseComparison]:
    """The pairwise comparison that speaks for each data set.

    Args:
        same: the pairwise comparisons at the same setting.
        best: those of the options, each at its best.

    Returns:
        Of each data set that of the options at their best; of one whose runs all have one setting, that at it.
    """
    at_best = {pairwise.problem for pairwise in best}
    return [*best, *(pairwise for pairwise in same if pairwise.problem not in at_best)]


def with_one_option(groups: pd.DataFrame) -> dict[str, str]:
    """The data sets that have one option only, and that option.

    Args:
        groups: see `describe_groups`.

    Returns:
        Option by data set.
    """
    options = groups.groupby("problem", sort=False)["option"].unique()
    return {str(problem): str(names[0]) for problem, names in options.items() if len(names) == 1}


def across_data_sets(
    pairwise_comparisons: Sequence[PairwiseComparison], alone: Mapping[str, str] | None = None
) -> AcrossDataSets | None:
    """What several data sets say together.

    Options are ranked by their means on each data set, a diverged one last. Wilcoxon's test takes differences of means
    between data sets, whose losses may be of any size (Demšar's are accuracies): they are taken relative to the mean of
    the leader on that data set, as the margin of a tie is, or as they are where that mean is 0. A pair's difference
    keeps its sign by that, and an equal change counts as much on a data set with large losses as on one with small.

    Args:
        pairwise_comparisons: one for each data set, see `answers`.
        alone: the data sets that have one option only, and that option.

    Returns:
        Counts, ranks and tests; None where there are fewer than two data sets.
    """
    if len(pairwise_comparisons) < 2:
        return None
    criterion = pairwise_comparisons[0].criterion
    rows = {pairwise.problem: _scores(pairwise) for pairwise in pairwise_comparisons}
    scores = pd.DataFrame.from_dict(rows, orient="index").sort_index(axis=1)
    relative = {
        pairwise.problem: _relative(pairwise.metric.as_loss(rows[pairwise.problem]))
        for pairwise in pairwise_comparisons
    }
    losses = pd.DataFrame.from_dict(relative, orient="index")[scores.columns][scores.notna().all(axis=1)]
    placed = losses.rank(axis=1)
    ranks = placed.mean().sort_values(kind="stable")
    order = [str(option) for option in ranks.index]
    pairs = _compared_pairs(order, criterion.baseline)
    tests = _tests(losses, pairs if len(losses) >= FEWEST else [], 1 - criterion.confidence)
    sure = tests[tests["apart"]]
    apart = {frozenset(pair) for pair in zip(sure["better"], sure["worse"], strict=True)}
    return AcrossDataSets(
        pairs=_counted(pairs, pairwise_comparisons),
        scores=scores[order],
        ranks=ranks,
        friedman_p=_friedman(placed) if len(losses) >= FEWEST else math.nan,
        tests=tests,
        cliques=_cliques(order, apart) if len(tests) and criterion.baseline is None else [],
        confidence=criterion.confidence,
        baseline=criterion.baseline,
        alone=alone or {},
    )


def _compared_pairs(order: Sequence[str], baseline: str | None) -> list[tuple[str, str]]:
    """The pairs of options in this order; with a baseline those with it, which is the second."""
    if baseline is None:
        return list(combinations(order, 2))
    return [(option, baseline) for option in order if option != baseline]


def _scores(pairwise: PairwiseComparison) -> pd.Series:
    """The mean of each option in units of the metric, the worst one if it has diverged, was pruned or has no end."""
    table = pairwise.table.set_index("option")
    finished = (table["diverged"] + table["pruned"] == 0) & table["mean"].notna()
    return table["mean"].where(finished, pairwise.metric.worst)


def _relative(losses: pd.Series) -> pd.Series:
    """By how much each loss is above the least, as a fraction of that."""
    least = float(losses.min())
    return ((losses - least) / (abs(least) or 1.0)).round(DIGITS) if math.isfinite(least) else losses


def _counted(pairs: Sequence[tuple[str, str]], pairwise_comparisons: Sequence[PairwiseComparison]) -> pd.DataFrame:
    """The rows of `AcrossDataSets.pairs`."""
    counts = {pair: dict.fromkeys(COUNTS, 0) for pair in pairs}
    for pairwise in pairwise_comparisons:
        columns = (pairwise.pairs[name] for name in ("better", "worse", "ties", "apart"))
        for better, worse, ties, apart in zip(*columns, strict=True):
            is_won = (better, worse) in counts
            pair = (better, worse) if is_won else (worse, better)
            counts[pair]["ties" if ties else "undecided" if not apart else "wins" if is_won else "losses"] += 1
    return pd.DataFrame([{"option": option, "other": other} | row for (option, other), row in counts.items()])


def _friedman(placed: pd.DataFrame) -> float:
    """The p-value of Friedman's test of ranks (data sets, options)."""
    if placed.shape[1] < 3:
        return math.nan
    if (placed.nunique(axis=1) == 1).all():
        return 1.0
    from scipy.stats import friedmanchisquare

    return float(friedmanchisquare(*placed.to_numpy().T).pvalue)


def _tests(losses: pd.DataFrame, pairs: Sequence[tuple[str, str]], level: float) -> pd.DataFrame:
    """The rows of `AcrossDataSets.tests`: of losses (data sets, options), where equal ones say nothing of a pair."""
    from scipy.stats import wilcoxon

    rows = []
    for first, second in pairs:
        with np.errstate(invalid="ignore"):  # inf - inf, where both have diverged
            differences = losses[second].to_numpy() - losses[first].to_numpy()
        ranks = signed_ranks(differences.round(DIGITS))
        p = float(wilcoxon(ranks).pvalue) if ranks.any() else 1.0
        better, worse = (first, second) if ranks.sum() >= 0 else (second, first)
        rows.append({"better": better, "worse": worse, "p": p})
    tests = pd.DataFrame(rows, columns=["better", "worse", "p"])
    tests["adjusted"] = holm(tests["p"].to_numpy(dtype=float))
    return tests.assign(apart=tests["adjusted"] <= level)


def _cliques(order: Sequence[str], apart: set[frozenset[str]]) -> list[list[str]]:
    """The largest runs of neighbours of which no two are told apart, each of two options or more."""
    cliques: list[list[str]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(frozenset((name, order[end])) in apart for name in order[start:end]):
            end += 1
        if end - start > 1 and end > reached:
            cliques.append(list(order[start:end]))
            reached = end
    return cliques


def _on_ranks(across: AcrossDataSets) -> str:
    """Who has the best mean rank, and from which options it (or the baseline) is told apart."""
    leaders, sets = across.leaders, f"{across.ranked} data sets"
    have = "has" if len(leaders) == 1 else "share"
    friedman = "" if math.isnan(across.friedman_p) else f" (Friedman {significance(across.friedman_p)})"
    best = f"{across.ranks.iloc[0]:.3g} of {len(across.ranks)}"
    sentence = f"{listed(leaders)} {have} the best mean rank, {best} over {sets}{friedman}"
    if across.needed:
        whom = f"any two of {len(across.ranks)} options" if across.baseline is None else f"any from {across.baseline}"
        return f"{sentence}; {sets} cannot tell {whom} apart, whatever they say: {across.needed} could"
    subject = leaders[0] if len(leaders) > 1 else "it"
    if across.baseline is not None:
        subject = f"{across.baseline}, the baseline,"
    words = ("is surely better than", "is surely worse than", "is not told apart from")
    parts = zip(words, across.split(across.baseline or leaders[0]), strict=True)
    return f"{sentence}; {subject} {listed([f'{word} {listed(names)}' for word, names in parts if names])}"
