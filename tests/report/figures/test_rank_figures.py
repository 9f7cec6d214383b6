"""The picture of mean ranks over several data sets."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from shared.reports import spec

from seedsweep.comparison.compare import compare
from seedsweep.comparison.data_sets import AcrossDataSets
from seedsweep.report.figures.comparison_figures import comparison_figures
from seedsweep.report.figures.layers import Chart
from seedsweep.report.figures.panel import Panel, panels
from seedsweep.report.figures.rank_data import ROW, rank_diagram, unjoined
from seedsweep.report.figures.rank_figures import ranks

NAMES = tuple(f"option {index:02d}" for index in range(12))


def panel(options: Sequence[str], sets: int = 14, **question: Any) -> Panel:
    """One run of each option on each data set, the first option the best; every other data set turns the order."""
    rows = [
        {
            "data": f"set {data}",
            "optimizer": name,
            "seed": 0,
            "val/loss": 9 + index * (-1 if data % 2 else 1.1),
        }
        for data in range(sets)
        for index, name in enumerate(options)
    ]
    return panels(compare(pd.DataFrame(rows), **question))[0]


def across(of: Panel) -> AcrossDataSets:
    actual = of.comparison.across
    assert actual is not None
    return actual


def drawn(chart: Chart) -> list[str]:
    """The tables of a chart, as it has them."""
    return [data for data in spec(chart)["datasets"].values() if isinstance(data, str)]


@pytest.mark.parametrize("count", [2, 3, 6, 12])
def test_names_stand_in_rows_of_their_own_on_both_sides(count: int) -> None:
    plotted = rank_diagram(across(panel(NAMES[:count])))
    assert len(plotted.labels) == count
    for left in (0, 1):
        heights = sorted(plotted.labels.loc[plotted.labels["left"] == left, "y"])
        assert all(below - above == ROW for above, below in pairwise(heights))
    assert plotted.labels["y"].max() + ROW / 2 <= plotted.height
    assert plotted.bars.empty or plotted.bars["y"].max() < plotted.labels["y"].min()


def test_lines_do_not_cross() -> None:
    """Of two names on a side the one whose rank is farther from the middle is above."""
    labels = rank_diagram(across(panel(NAMES))).labels
    assert labels["rank"].is_monotonic_increasing
    left, right = (labels[labels["left"] == side] for side in (1, 0))
    assert left["y"].is_monotonic_increasing
    assert right["y"].is_monotonic_decreasing


def test_bars_join_what_is_not_told_apart() -> None:
    actual = across(panel(NAMES[:3]))
    assert actual.cliques == [[*actual.ranks.index]]
    bars = rank_diagram(actual).bars
    assert bars[["low", "high"]].to_numpy().tolist() == [[actual.ranks.iloc[0], actual.ranks.iloc[-1]]]


def test_pairs_that_no_bar_can_join_are_named() -> None:
    actual = across(panel(NAMES[:3]))
    apart = actual.tests.assign(apart=[True, False, False])  # the first two, with the third between no others
    parted = AcrossDataSets(**(vars(actual) | {"tests": apart, "cliques": [list(actual.ranks.index[1:])]}))
    (pair,) = unjoined(parted)
    assert set(pair) == {actual.ranks.index[0], actual.ranks.index[2]}


def test_figure_says_what_was_tested() -> None:
    chart = ranks(panel(NAMES[:3]))
    assert chart is not None
    caption = spec(chart)["description"]
    assert any(text.startswith("low,high") for text in drawn(chart))
    assert caption.startswith("Mean rank of each over 14 data sets, the best on the left (Friedman p = ")
    assert "A bar joins options that are not told apart (Wilcoxon's signed-rank test of each pair, Holm's" in caption
    assert set(NAMES[:3]) <= {row.split(",")[0] for text in drawn(chart) for row in text.splitlines()}


def test_with_a_baseline_there_are_no_bars() -> None:
    chart = ranks(panel(NAMES[:3], baseline=NAMES[1]))
    assert chart is not None
    assert "Only option 01 is tested against the others" in spec(chart)["description"]
    assert not any(text.startswith("low,high") for text in drawn(chart))


def test_figure_is_one_of_all_data_sets_together_from_six_on() -> None:
    charts = comparison_figures(panel(NAMES[:2], sets=6).comparison)
    assert spec(charts["ranks"])["usermeta"]["title"] == "mean rank by val/loss, one seed – 6 data sets"
    assert "ranks" not in comparison_figures(panel(NAMES[:2], sets=5).comparison)
