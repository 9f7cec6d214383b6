"""The two questions of a comparison: the options at the same setting, and each of them at its best."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison import inference, intervals
from seedsweep.comparison.at_best import Cells, compare_bests
from seedsweep.comparison.groups import UNKNOWN, Criterion, columns, describe
from seedsweep.comparison.pairs import advantage, compare_options, differences_by_seed, resamples
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.question import BEST, Question
from seedsweep.comparison.ranking import conclude
from seedsweep.comparison.scores import independent, score_runs
from seedsweep.metrics import Metric

WORTH_REFINING = 10_000  # resamples that show whether more of them could matter


def at_same_setting(
    replicates: pd.DataFrame, groups: pd.DataFrame, criterion: Criterion
) -> Iterator[PairwiseComparison]:
    """The pairwise comparisons at the settings that several options have.

    Args:
        replicates: independent runs, as `scores.independent` gives them.
        groups: as `describe_groups` gives them.
        criterion: by what they are compared.

    Yields:
        One for each problem and setting, in the order of `groups`.
    """
    for (problem, setting), rows in groups.groupby(["problem", "setting"], sort=False):
        if len(rows) > 1:
            runs = replicates[(replicates["problem"] == problem) & (replicates["setting"] == setting)]
            described = rows.set_index("option").drop(columns=["problem", "setting", "group"])
            yield compare_options(runs, str(setting), criterion, described)


def at_best_setting(runs: pd.DataFrame, replicates: pd.DataFrame, question: Question) -> Iterator[PairwiseComparison]:
    """The options of each problem, each at its best setting: see `at_best`.

    Args:
        runs: as for `compare`.
        replicates: the independent ones of them, scored.
        question: with `by` and `at`.

    Yields:
        One for each problem where the options do not all have one and the same setting. Its table has besides:
        `setting`, the best; `selected`, the mean that it was chosen for, in the metric of the question; and `choices`,
        how many settings could have been the best, by which the limits of its statistics are widened. Its pairs have
        besides: `closest`, the setting of the worse option that is the closest; `hardest`, the one with the largest
        p-value, how many runs of it ended, `hardest_seeds`, and whether some have diverged while the others are no
        worse, `hardest_diverged`; and `beaten`, how many settings it has.
    """
    metric = question.claim if question.claim in runs else question.measure
    claims = replicates
    if metric != question.metric:
        claims = independent(score_runs(runs, None, metric, "last", str(question.by), question.at or ()))
    for problem, of_problem in replicates.groupby("problem", sort=False):
        if of_problem["option"].nunique() > 1 and of_problem["setting"].nunique() > 1:
            yield _each_at_its_best(str(problem), of_problem, claims.loc[of_problem.index], question, metric)


def _each_at_its_best(
    problem: str, choosing: pd.DataFrame, claims: pd.DataFrame, question: Question, metric: Metric
) -> PairwiseComparison:
    criterion = question.criterion(metric)
    options = {
        str(option): _Option(rows, claims.loc[rows.index], question.measure, metric)
        for option, rows in choosing.groupby("option")
    }
    described = {name: option.described(criterion) for name, option in options.items()}
    pairs = [pair for pair in combinations(options, 2) if criterion.baseline in (None, *pair)]
    rows = [_pair({name: options[name] for name in pair}, criterion, len(pairs)) for pair in pairs]
    return conclude(problem, BEST, criterion, pd.DataFrame.from_dict(described, orient="index"), rows)


class _Option:
    """The cells of one option, with their settings; those without any run that ended are left out."""

    def __init__(self, choosing: pd.DataFrame, claims: pd.DataFrame, chooses: Metric, metric: Metric):
        settings = list(dict.fromkeys(choosing.loc[choosing["score"].notna(), "setting"]))
        self.settings = settings or list(choosing["setting"].iloc[:1])
        self.runs, self.chooses, self.metric = claims, chooses, metric
        self.losses = _by_seed(choosing, chooses, self.settings), _by_seed(claims, metric, self.settings)
        pruned = choosing[choosing["outcome"] == "pruned"]
        self.flawed = np.isin(self.settings, pruned["setting"])
        self.cells = self._cells(self.losses[0].columns)
        self.leading = self.cells.leading()
        self.choices = len(self.cells.could_lead())

    def _cells(self, seeds: pd.Index) -> Cells:
        choosing, claims = (losses.reindex(columns=seeds).to_numpy(dtype=float) for losses in self.losses)
        return Cells(choosing, claims, self.flawed)

    def over(self, other: "_Option") -> tuple[Cells, Cells]:
        """The cells of both options over the seeds of either."""
        seeds = self.losses[0].columns.union(other.losses[0].columns)
        return self._cells(seeds), other._cells(seeds)

    def described(self, criterion: Criterion) -> dict[str, Any]:
        """The statistics of the leading cell, with limits that hold though it was chosen: Bonferroni's."""
        setting, losses = self.settings[self.leading], self.cells.choosing[self.leading]
        limits = replace(criterion, confidence=1 - (1 - criterion.confidence) / self.choices)
        finite = losses[np.isfinite(losses)]
        selected = self.chooses.as_loss(float(finite.mean())) if len(finite) else np.nan
        about = {"setting": setting, "selected": selected, "choices": self.choices}
        return describe({setting: self.runs[self.runs["setting"] == setting]}, limits)[setting] | about


def _by_seed(scored: pd.DataFrame, metric: Metric, settings: list[str]) -> pd.DataFrame:
    """Losses by setting (rows) and seed (columns); nan where a run has no end."""
    losses = scored.assign(loss=metric.as_loss(scored["score"]))
    return losses.pivot(index="setting", columns="seed", values="loss").reindex(settings)


def _pair(options: dict[str, _Option], criterion: Criterion, pairs: int) -> dict[str, Any]:
    """A row of `PairwiseComparison.pairs`, one of so many."""
    (better, a), (worse, b) = _ordered(options)
    cells_a, cells_b = a.over(b)
    first, second, paired = inference.comparable(cells_a.claims[a.leading], cells_b.claims[b.leading])
    row: dict[str, Any] = dict.fromkeys(("difference", "low", "high", "p"), np.nan)
    row |= {"better": better, "worse": worse, "seeds": min(len(first), len(second)), "paired": paired}
    row["by_seed"] = pd.Series(dtype=float)
    row |= {"closest": "", "hardest": "", "hardest_seeds": 0, "hardest_diverged": False, "beaten": len(b.settings)}
    if not row["seeds"]:
        return row | columns("probability", UNKNOWN)
    number = resamples(pairs, criterion.confidence)
    result = compare_bests(cells_a, cells_b, criterion.confidence, criterion.seed, min(number, WORTH_REFINING), number)
    row |= {"difference": result.difference, "low": result.low, "high": result.high}
    row |= {"closest": b.settings[result.closest], "hardest": b.settings[result.hardest]}
    hardest = cells_b.claims[result.hardest]
    row["hardest_diverged"] = bool(np.isinf(hardest).any()) and not result.gap > 0
    row["hardest_seeds"] = int((~np.isnan(hardest)).sum())
    seeds = a.losses[0].columns.union(b.losses[0].columns)
    row["by_seed"] = differences_by_seed(*(pd.Series(x, seeds) for x in (cells_a.claims[a.leading], hardest)))
    if row["seeds"] > 1:
        row["p"] = result.p
    confidence = 1 - (1 - criterion.confidence) / (a.choices * b.choices)
    return row | columns("probability", intervals.probability(first, second, paired, confidence))


def _ordered(options: dict[str, _Option]) -> list[tuple[str, _Option]]:
    """Two options, the one whose leading cell is better first."""
    (first, a), (second, b) = options.items()
    cells_a, cells_b = a.over(b)
    losses = inference.comparable(cells_a.claims[a.leading], cells_b.claims[b.leading])
    return [(second, b), (first, a)] if advantage(*losses) < 0 else [(first, a), (second, b)]
