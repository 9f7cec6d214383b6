"""The figures of groups and their runs."""

import re

import numpy as np
import pandas as pd
import pytest
from shared.reports import spec, swept, tables

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.report.figures.comparison_figures import comparison_figures


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(*swept())


def test_differences_are_in_units_of_the_metric() -> None:
    runs, _ = swept(diverged=False)
    runs["val/accuracy"] = 1 - runs["val/loss"]
    chart = comparison_figures(compare(runs, metric="val/accuracy", at=["optimizer.lr"]))["differences"]
    actual = spec(chart)
    assert re.match(r"difference in val/accuracy from \w+, each at its best$", actual["title"])
    assert actual["description"].startswith("Left of the dashed line is worse")
    table = max(tables(chart), key=len)
    assert (table["difference"] < 0).all()


def test_distribution_shows_every_run_that_finished(comparison: Comparison) -> None:
    longest = max(tables(comparison_figures(comparison)["distribution"]), key=len)
    assert len(longest) == (comparison.runs["outcome"] == "finished").sum()


def test_distribution_of_very_many_runs_counts_them_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.report.figures.group_data.POINTS", 10)
    comparison = compare(*swept())
    chart = comparison_figures(comparison)["distribution"]
    finished = (comparison.runs["outcome"] == "finished").sum()
    assert spec(chart)["description"].startswith(f"The {finished} runs are counted in bins")


def test_settings_that_are_no_rates_are_categories() -> None:
    runs, curves = swept(rates=(0.01, 0.1))
    init = runs["optimizer.lr"].map({0.01: "zeros", 0.1: "he_normal"})
    comparison = compare(runs.drop(columns="optimizer.lr").assign(**{"model.init": init}), curves)
    encoding = spec(comparison_figures(comparison)["learning_rates"])["layer"][0]["encoding"]
    assert (encoding["x"]["field"], encoding["x"]["type"]) == ("setting", "nominal")


def test_the_best_rate_of_each_option_has_a_ring_and_test_metrics_can_be_chosen() -> None:
    runs, curves = swept(diverged=False)
    runs["test/accuracy"] = 1 - runs["test/loss"]
    comparison = compare(runs, curves)
    chart = comparison_figures(comparison)["learning_rates"]
    actual = spec(chart)
    assert "A ring marks the best of each by val/loss" in actual["description"]
    menu = next(param for param in actual["params"] if param["name"] == "measured")
    assert menu["bind"]["labels"] == ["val/loss", "test/loss", "test/accuracy"]
    table = max(tables(chart), key=len)
    assert len(table) == 3 * len(comparison.groups)
    best = table[table["best"] == 1].set_index("option")
    assert best["metric"].value_counts().to_dict() == {0: 3, 1: 3, 2: 3}
    (row,) = best[best["metric"] == 2].loc[["adam"]].to_dict("records")
    of_group = runs[(runs["optimizer"] == "adam") & (runs["optimizer.lr"] == row["x"])]
    assert row["mean"] == pytest.approx(of_group["test/accuracy"].mean(), rel=1e-5)
    assert row["mean_low"] < row["mean"] < row["mean_high"]


def test_shares_have_a_colour_for_each_source_of_variance() -> None:
    generator, rows = np.random.default_rng(0), []
    for option in ("sgd", "adam"):
        for init in range(5):
            rows += [(option, init, order, init + 0.1 * generator.normal()) for order in range(4)]
    comparison = compare(pd.DataFrame(rows, columns=["optimizer", "init_seed", "order_seed", "val/loss"]))
    chart = comparison_figures(comparison)["shares"]
    (table,) = tables(chart)
    assert table.groupby("option")["share"].sum().tolist() == pytest.approx([1, 1])
    initialization = table.loc[table["source"] == "initialization", "share"]
    assert len(initialization) == 2
    assert (initialization > 0.9).all()
    assert set(table["source"]) == set(spec(chart)["layer"][0]["encoding"]["color"]["scale"]["domain"])
