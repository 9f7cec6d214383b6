"""The figures of a comparison: which there are, and what they are called."""

import pytest
from shared.reports import spec, swept

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.report.figures.comparison_figures import comparison_figures


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(*swept())


def test_there_is_a_figure_for_whatever_was_measured(comparison: Comparison) -> None:
    expected = ["answer", "answer_map", "curves", "suboptimality", "learning_rates", "distribution", "differences"]
    expected += ["differences_same", "time_to_target", "tunability", "best_at_budget"]
    assert list(comparison_figures(comparison)) == expected


def test_figures_are_valid_and_say_what_they_show(comparison: Comparison) -> None:
    for name, chart in comparison_figures(comparison).items():
        about = spec(chart)
        assert about["description"], name
        assert about["usermeta"]["figure"] == name


def test_figures_of_runs_without_curves_or_settings_are_those_that_remain() -> None:
    runs, _ = swept(rates=(0.1,), diverged=False)
    assert list(comparison_figures(compare(runs))) == ["answer", "distribution", "differences_same"]


def test_figures_of_one_seed_are_drawn_without_intervals() -> None:
    actual = comparison_figures(compare(*swept(seeds=1, diverged=False)))
    assert {"curves", "learning_rates", "distribution"} <= set(actual)


def test_figures_of_several_problems_are_told_apart() -> None:
    actual = comparison_figures(compare(*swept(problems=("wine", "my data/1"))))
    assert {"curves-wine", "curves-my_data_1", "profile"} <= set(actual)


@pytest.mark.slow
def test_figures_have_titles_that_stand_alone() -> None:
    actual = comparison_figures(compare(*swept(problems=("wine", "iris"))))
    titles = {name: spec(chart)["usermeta"]["title"] for name, chart in actual.items()}
    assert titles["distribution-wine"] == "final val/loss over 8 seeds, each at its best setting – wine"
    assert titles["answer-wine"] == "test/loss over 8 seeds, each at its best – wine"
    assert titles["answer_map-iris"] == "val/loss behind the best at each rate over 8 seeds – iris"
    assert titles["learning_rates-iris"] == "final val/loss by learning rate over 8 seeds – iris"
    assert titles["differences_same-iris"].endswith("over 8 seeds, at lr=0.01 – iris")
    assert titles["profile"] == "data sets solved, by val/loss over 8 seeds – 2 data sets"
