"""What is plotted over steps or settings tried, and what is left out."""

import pytest
from shared.reports import swept

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.report.figures.curve_data import mean_curves, reached_target, suboptimality_curves, tunability
from seedsweep.report.figures.panel import Panel, panels


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(*swept())


def first_panel(comparison: Comparison) -> Panel:
    return panels(comparison)[0]


def test_the_metric_in_question_is_the_first_and_the_distance_has_a_figure_of_its_own(comparison: Comparison) -> None:
    panel = first_panel(comparison)
    curves, distance = mean_curves(panel), suboptimality_curves(panel)
    assert curves is not None
    assert curves.metrics == ["val/loss", "train/loss"]
    assert distance is not None
    assert distance.metrics == ["train/suboptimality"]


def test_every_point_of_every_seed_is_plotted_where_there_is_room(comparison: Comparison) -> None:
    curves = mean_curves(first_panel(comparison))
    assert curves is not None
    assert curves.note == " “Every seed” draws all 72 runs."
    assert curves.seeds["line"].nunique() == 72
    assert len(curves.seeds) == 2 * (68 * 5 + 4 * 2)  # four runs diverged in their second epoch


def test_curves_of_too_many_runs_are_those_of_the_best_groups_and_say_so(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedsweep.report.figures.curve_data.LINES", 3 * 8 * 5)
    curves = mean_curves(first_panel(comparison))
    assert curves is not None
    assert "draws 24 of 72 runs, those at the best setting of each optimizer" in curves.note
    assert len(curves.seeds) == 3 * 8 * 5


def test_what_is_left_out_of_the_means_and_of_the_seeds_is_said_once(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedsweep.report.figures.curve_data.BANDS", 10)
    curves = mean_curves(first_panel(comparison))
    assert curves is not None
    assert curves.note == (" Only the best setting of each optimizer is drawn, of 3. “Every seed” draws all 72 runs.")
    assert set(curves.means["best"]) == {1}


def test_the_share_that_reached_the_target_rises_from_nothing(comparison: Comparison) -> None:
    reached = reached_target(first_panel(comparison))
    assert reached is not None
    for _, group in reached.table.groupby(["option", "position"]):
        assert group["step"].iloc[0] == 0
        assert group["reached"].iloc[0] == 0
        assert group["reached"].is_monotonic_increasing


def test_what_to_expect_of_one_setting_is_not_plotted(comparison: Comparison) -> None:
    several = tunability(first_panel(comparison))
    assert several is not None
    assert several.budgets == [1, 2, 3]
    assert tunability(first_panel(compare(swept(rates=(0.1,), diverged=False)[0]))) is None
