"""The figures of the answer."""

import numpy as np
from shared.reports import spec, swept, tables

from seedsweep.comparison.compare import compare
from seedsweep.report.figures.comparison_figures import comparison_figures


def test_both_say_what_their_marks_mean_and_have_the_options_in_the_same_order() -> None:
    comparison = compare(*swept())
    charts = comparison_figures(comparison)
    best, by_rate = spec(charts["answer"]), spec(charts["answer_map"])
    assert best["title"] == "test/loss, each at its best"
    assert "95 % interval, wide enough for the choice of the setting. In bold: " in best["description"]
    assert best["layer"][0]["encoding"]["x"]["title"] == "test/loss: smaller is better"
    assert by_rate["description"].endswith("framed: the best learning rate of each; ×: runs diverged or were pruned.")
    order = list(comparison.best[0].table["option"])
    assert [layer["encoding"]["y"]["sort"] for layer in (best["layer"][0], by_rate["layer"][0])] == [order, order]
    assert best["height"] == by_rate["height"]


def test_map_of_settings_that_are_no_rates_names_them() -> None:
    runs, _ = swept(rates=(0.01, 0.1), diverged=False)
    init = runs["optimizer.lr"].map({0.01: "zeros", 0.1: "he_normal"})
    charts = comparison_figures(compare(runs.drop(columns="optimizer.lr").assign(**{"model.init": init})))
    axis = spec(charts["answer_map"])["layer"][0]["encoding"]["x"]
    assert axis["title"] == "setting"
    assert '"init=zeros"' in axis["axis"]["labelExpr"]


def test_answers_of_one_seed_have_points_without_intervals() -> None:
    charts = comparison_figures(compare(*swept(seeds=1, diverged=False)))
    assert np.isfinite(tables(charts["answer"])[0]["mean"]).all()
    assert tables(charts["answer"])[0]["low"].isna().all()
    assert len(tables(charts["answer_map"])[0]) == 9


def test_steep_means_are_on_a_logarithmic_axis() -> None:
    runs, _ = swept(rates=(0.1,), diverged=False)
    runs["val/loss"] *= runs["optimizer"].map({"sgd": 1, "adam": 1000, "adagrad": 1})
    assert spec(comparison_figures(compare(runs))["answer"])["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"
