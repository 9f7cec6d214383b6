"""A panel: one problem of a comparison, with what all of its figures have in common."""

import math
from dataclasses import dataclass

import pandas as pd

from seedsweep.comparison.analyses import leading
from seedsweep.comparison.compare import Comparison
from seedsweep.metrics import Metric


@dataclass(frozen=True)
class Panel:
    """The results of one problem.

    `options` are in the order of the sweep and the same in all problems, so that a colour means the same everywhere;
    tables name a setting by its `position` in `settings`. `groups` has `position`, `best` (1 for each option's best
    group) and `per_epoch`, the steps of an epoch.
    """

    comparison: Comparison
    problem: str
    options: list[str]
    settings: list[str]
    groups: pd.DataFrame

    @property
    def metric(self) -> Metric:
        return self.comparison.question.measure

    @property
    def by(self) -> str:
        """What the options are values of, such as `optimizer`."""
        return str(self.comparison.question.by)

    @property
    def selected(self) -> str:
        """What of a curve was compared, in words."""
        return {"last": "final", "best": "best", "auc": "mean of"}[self.comparison.question.select]

    @property
    def confidence(self) -> str:
        """That of the intervals, in words."""
        return f"{100 * self.comparison.question.confidence:.4g} %"

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of this problem, with the columns of `groups` that tell which are shown."""
        if "problem" not in table:
            return table
        rows = table[table["problem"] == self.problem].drop(columns=["option", "position", "best"], errors="ignore")
        return rows.merge(self.groups[["group", "option", "position", "best", "per_epoch"]], on="group")


def panels(comparison: Comparison) -> list[Panel]:
    """The problems of a comparison, in the order of its runs."""
    options = list(dict.fromkeys(comparison.runs["option"]))
    best, per_epoch = _best(comparison), _per_epoch(comparison.bands)
    panels = []
    for problem in dict.fromkeys(map(str, comparison.groups["problem"])):
        groups = comparison.groups[comparison.groups["problem"] == problem]
        settings = list(dict.fromkeys(groups["setting"]))
        names = [(problem, group) for group in groups["group"]]
        groups = groups.assign(
            position=groups["setting"].map(settings.index),
            best=[int(name in best) for name in names],
            per_epoch=[per_epoch.get(name, math.nan) for name in names],
        )
        panels.append(Panel(comparison, problem, options, settings, groups))
    return panels


def _best(comparison: Comparison) -> set[tuple[str, str]]:
    """Problem and group of each option's best setting: that of the pairwise comparison where it chose one alone."""
    leaders = leading(comparison.groups, comparison.question.measure)
    best = {(row.problem, row.option): row.group for row in leaders.itertuples()}
    groups = set(comparison.groups["group"])
    for pairwise in comparison.best:
        for row in pairwise.table.itertuples():
            if (group := f"{row.option} {row.setting}".strip()) in groups:
                best[pairwise.problem, row.option] = group
    first_groups = comparison.groups.drop_duplicates(["problem", "option"])
    for row in first_groups.itertuples():  # for options without any run that finished
        best.setdefault((row.problem, row.option), row.group)
    return {(str(problem), str(group)) for (problem, _), group in best.items()}


def _per_epoch(bands: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The steps of an epoch, by problem and group: what is measured at the end of an epoch tells."""
    if bands.empty:
        return {}
    paces = bands.assign(pace=bands["step"] / (bands["epoch"] + 1))
    largest = paces.groupby(["problem", "group"], as_index=False).agg({"pace": "max"})
    names = zip(largest["problem"], largest["group"], strict=True)
    return dict(zip(names, largest["pace"].clip(lower=1.0), strict=True))
