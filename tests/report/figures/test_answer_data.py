"""What the figures of the answer plot, by values that a hand can check."""

import math

import numpy as np
import pandas as pd
import pytest

from seedsweep.comparison.compare import compare
from seedsweep.report.figures.answer_data import AHEAD, NOT_LEADING, WINS, AtBest, LeaderMap, at_best, leader_map
from seedsweep.report.figures.panel import Panel, panels

LOSSES = {"adam": {0.01: 0.1, 0.1: 0.2, 1.0: 0.9}, "sgd": {0.01: 0.8, 0.1: 0.5, 1.0: 0.3}}  # by learning rate
SEEDS = 8


def panel(losses: dict[str, dict[float, float]], metric: str = "val/loss", **question: object) -> Panel:
    """The runs of options whose seeds scatter a little around these losses; diverged where they are infinite."""
    noise = 0.01 * np.random.default_rng(0).normal(size=SEEDS)
    noise -= noise.mean()
    rows = [
        (option, rate, seed, "diverged" if math.isinf(loss) else "finished", loss + (1 + k) * noise[(seed + k) % SEEDS])
        for k, (option, rates) in enumerate(losses.items())
        for rate, loss in rates.items()
        for seed in range(SEEDS)
    ]
    runs = pd.DataFrame(rows, columns=["optimizer", "optimizer.lr", "seed", "outcome", metric])
    (made,) = panels(compare(runs.replace(math.inf, math.nan), metric=metric, **question))
    return made


def best(panel: Panel) -> AtBest:
    plotted = at_best(panel)
    assert plotted is not None
    return plotted


def mapped(panel: Panel) -> LeaderMap:
    plotted = leader_map(panel)
    assert plotted is not None
    return plotted


def test_options_at_their_best_come_the_best_first_with_their_settings() -> None:
    plotted = best(panel(LOSSES))
    assert plotted.table["option"].tolist() == ["adam", "sgd"]
    assert plotted.table["mean"].tolist() == pytest.approx([0.1, 0.3])
    assert plotted.table["label"].tolist() == ["wins at lr=0.01", "lr=1"]
    assert plotted.table["leads"].tolist() == [1, 0]
    assert (plotted.leading, plotted.is_chosen) == ("the winner", True)


def test_options_that_cannot_be_told_apart_lead_together() -> None:
    plotted = best(panel({"adam": {0.1: 0.2}, "sgd": {0.1: 0.2001}, "slow": {0.1: 0.9}}, margin=0))
    assert plotted.table["leads"].tolist() == [1, 1, 0]
    assert plotted.table["label"].tolist() == ["", "", ""]
    assert (plotted.leading, plotted.is_chosen) == ("those that may be the best", False)


def test_with_a_baseline_those_stand_out_that_are_better() -> None:
    plotted = best(panel(LOSSES | {"slow": {0.01: 0.9, 0.1: 0.9, 1.0: 0.9}}, baseline="sgd"))
    assert plotted.table.loc[plotted.table["leads"] == 1, "option"].tolist() == ["adam"]
    assert plotted.leading == "better than sgd"


def test_options_of_which_everything_diverged_are_named() -> None:
    plotted = best(panel({"adam": {0.1: 0.2}, "sgd": {0.1: math.inf}}))
    assert plotted.table["label"].tolist()[1] == "8 of 8 diverged"
    assert plotted.table["mean"].isna().tolist() == [False, True]
    assert at_best(panel({"adam": {0.1: math.inf}, "sgd": {0.1: math.inf}})) is None


def test_map_has_the_distance_to_the_best_of_each_rate_and_who_leads() -> None:
    plotted = mapped(panel(LOSSES))
    table = plotted.table.sort_values(["option", "column"])
    assert (plotted.columns, plotted.rate, plotted.together) == (["0.01", "0.1", "1"], "optimizer.lr", 1)
    assert table["behind"].tolist() == pytest.approx([0, 0, 0.6, 0.7, 0.3, 0])
    assert table["leads"].tolist() == [WINS, WINS, NOT_LEADING, NOT_LEADING, NOT_LEADING, WINS]
    assert table["best"].tolist() == [1, 0, 0, 0, 0, 1]


def test_map_of_a_metric_to_maximize_has_distances_too() -> None:
    plotted = mapped(panel(LOSSES, metric="val/accuracy"))
    table = plotted.table.sort_values(["option", "column"])
    assert table["behind"].tolist() == pytest.approx([0.7, 0.3, 0, 0, 0, 0.6])
    assert table["best"].tolist() == [0, 0, 1, 1, 0, 0]


def test_map_marks_what_diverged_and_says_nothing_where_an_option_is_alone() -> None:
    plotted = mapped(panel({"adam": {0.01: 0.1, 0.1: 0.2, 1.0: 0.1}, "sgd": {0.01: 0.1001, 0.1: math.inf}}))
    table = plotted.table.set_index(["option", "column"])
    assert table["lost"].to_dict()["sgd", 1] == 1
    assert table["lost"].sum() == 1
    assert math.isnan(table.loc[("sgd", 1), "behind"])
    assert (table.loc[("adam", 1), "behind"], table.loc[("adam", 1), "leads"]) == (0, WINS)
    assert math.isnan(table.loc[("adam", 2), "behind"])
    assert table.loc[("adam", 2), "leads"] == NOT_LEADING
    assert table.loc[("adam", 0), "leads"] == AHEAD


def test_map_of_very_many_rates_puts_neighbours_together() -> None:
    rates = [10.0**power for power in range(-50, 20)]
    losses = {"adam": {rate: 0.2 + k / 1000 for k, rate in enumerate(rates)}, "sgd": dict.fromkeys(rates, 0.5)}
    plotted = mapped(panel(losses))
    assert plotted.together == 3
    assert len(plotted.columns) == 24
    assert plotted.columns[0] == "1e-50 to 1e-48"
    adam = plotted.table[plotted.table["option"] == "adam"].sort_values("column")
    assert adam["mean"].tolist()[:3] == pytest.approx([0.2, 0.203, 0.206])
    assert set(adam["leads"]) == {AHEAD}


def test_map_has_the_best_of_the_other_params_at_each_rate_and_names_no_winner_among_them() -> None:
    runs = panel(LOSSES).comparison.runs.rename(columns={"option": "optimizer", "score": "val/loss"})
    runs = runs[["optimizer", "optimizer.lr", "seed", "outcome", "val/loss"]]
    worse = runs.assign(**{"model.init": "zeros", "val/loss": runs["val/loss"] + 0.5})
    both = pd.concat([runs.assign(**{"model.init": "ones"}), worse], ignore_index=True)
    (panel_of_both,) = panels(compare(both))
    plotted = mapped(panel_of_both)
    assert plotted.together == 2
    assert plotted.table["setting"].str.contains("init=ones").all()
    assert set(plotted.table.loc[plotted.table["behind"] == 0, "leads"]) == {AHEAD}


def test_there_is_no_map_of_one_setting_nor_of_settings_that_options_do_not_share() -> None:
    assert leader_map(panel({"adam": {0.1: 0.2}, "sgd": {0.1: 0.3}})) is None
    assert leader_map(panel({"adam": {0.1: 0.2}, "sgd": {1.0: 0.3}})) is None
