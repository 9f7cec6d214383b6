"""The figures of a search."""

import pandas as pd
import pytest
from shared.reports import MOMENTUM, searched, spec, tables

from seedsweep.report.figures.layers import Chart
from seedsweep.report.figures.search_figures import search_figures
from seedsweep.report.figures.search_panel import search_panel


def charts(*frames: pd.DataFrame, maximize: bool = False) -> dict[str, Chart]:
    trials, confirmed, importances = frames or searched()
    return search_figures(search_panel(trials, confirmed, importances, "val/loss", maximize))


def history(maximize: bool = False) -> pd.DataFrame:
    return next(table for table in tables(charts(maximize=maximize)["history"]) if "best" in table)


def test_figures_are_one_for_each_question_and_param() -> None:
    actual = charts()
    assert list(actual) == ["history", "values-optimizer.lr", f"values-{MOMENTUM}", "importances", "confirmed"]
    assert all(spec(chart)["description"] for chart in actual.values())


def test_history_has_every_trial_that_ended_and_the_best_so_far() -> None:
    table = history()
    assert len(table) == 4 * 10
    study = table[(table["option"] == "sgd") & (table["study"] == 1)]
    assert study["best"].tolist() == [0.5, 0.5, 0.5, 0.3, 0.3, 0.3, 0.2, 0.2, 0.2, 0.2]


def test_history_of_what_is_maximized_rises() -> None:
    assert (
        history(maximize=True)
        .groupby(["option", "study"])["best"]
        .apply(lambda best: best.is_monotonic_increasing)
        .all()
    )


def test_values_that_are_not_finite_or_far_off_leave_the_others_room() -> None:
    table = history()
    assert table["value"].max() == 0.7
    far = table[(table["trial"].isin([1, 5])) & (table["study"] == 1) & (table["option"] == "sgd")]
    assert far["label"].tolist() == ["diverged", "1e+09"]
    caption = spec(charts()["history"])["description"]
    assert "diverged or is far off (8)" in caption
    assert "pruned or failed (8)" in caption


def test_values_by_a_param_are_those_of_the_options_that_search_it() -> None:
    points, winners = sorted(tables(charts()[f"values-{MOMENTUM}"]), key=len, reverse=True)
    assert set(points["option"]) == set(winners["option"]) == {"adam"}
    assert winners["mean"].tolist() == pytest.approx([0.36, 0.36])


def test_rates_over_decades_have_a_logarithmic_axis_and_names_none() -> None:
    trials, *best_and_importances = searched()
    trials["model.init"] = ["zeros", "ones"] * 22
    actual = charts(trials, *best_and_importances)
    specs = [spec(actual[f"values-{name}"]) for name in ("optimizer.lr", "model.init")]
    rate, name = (chart["layer"][0]["encoding"]["x"] for chart in specs)
    assert rate["scale"]["type"] == "log"
    assert name["type"] == "nominal"


def test_confirmed_trials_show_the_optimism_of_choosing() -> None:
    summary = next(table for table in tables(charts()["confirmed"]) if "mean" in table)
    assert summary["optimism"].tolist() == pytest.approx([0.16, 0.21] * 4)
    assert summary["pair"].tolist()[:3] == ["sgd 1 #7", "sgd 1 #9", "sgd 2 #7"]
    assert (summary["low"] < summary["mean"]).all()
