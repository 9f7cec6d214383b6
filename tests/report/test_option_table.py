"""The options of a comparison as plain numbers."""

import numpy as np
import pandas as pd
import pytest
from shared.reports import swept
from shared.scores import runs

from seedsweep.comparison.compare import compare
from seedsweep.errors import ConfigError
from seedsweep.report.option_table import option_table

CLEAR = {("sgd", 0.1): 0.4, ("sgd", 0.01): 0.5, ("adam", 0.1): 0.3, ("adam", 0.01): 0.2}


def test_each_option_is_at_its_best_with_the_numbers_of_the_comparison() -> None:
    comparison = compare(runs(CLEAR))
    table = option_table(comparison).set_index("option")
    best = comparison.best[0].table.set_index("option")
    assert list(table.index) == ["adam", "sgd"]
    assert dict(table["setting"]) == {"adam": "lr=0.01", "sgd": "lr=0.1"}
    assert set(table["metric"]) == {"test/loss"}
    for name, column in {"mean": "mean", "low": "mean_low", "high": "mean_high", "rank": "rank"}.items():
        assert list(table[name]) == list(best[column])
    assert dict(table["wins"]) == {"adam": True, "sgd": False}
    assert set(table["winner"]) == {"adam"}
    assert set(table["sentence"]) == {comparison.verdicts[0].sentence}


def test_half_the_width_of_an_interval_says_both_limits() -> None:
    table = option_table(compare(*swept()))
    np.testing.assert_allclose(table["high"] - table["mean"], table["mean"] - table["low"])


def test_nobody_wins_a_tie_or_what_cannot_be_told_apart() -> None:
    undecided = option_table(compare(runs({("sgd", 0.1): 0.4, ("adam", 0.1): 0.4001})))
    tied = option_table(compare(runs({("sgd", 0.1): 0.4, ("adam", 0.1): 0.4}, noise=0.001)))
    assert set(undecided["verdict"]) == {"cannot be told apart"}
    assert set(tied["verdict"]) == {"ties"}
    assert not undecided["wins"].any()
    assert not tied["wins"].any()


def test_against_a_baseline_an_option_wins_that_is_better_than_it() -> None:
    levels = {("sgd", 0.1): 0.4, ("adam", 0.1): 0.2, ("rmsprop", 0.1): 0.6}
    table = option_table(compare(runs(levels), baseline="sgd")).set_index("option")
    assert dict(table["wins"]) == {"adam": True, "sgd": False, "rmsprop": False}
    assert table["winner"].dropna().to_dict() == {"adam": "adam", "rmsprop": "sgd"}
    assert table.loc["sgd", ["verdict", "p", "rank"]].isna().all()


def test_every_data_set_has_its_own_winner() -> None:
    first, second = runs(CLEAR, data="wine"), runs({key: 1 - level for key, level in CLEAR.items()}, data="iris")
    both = pd.concat([first, second], ignore_index=True).drop(columns="run")
    table = option_table(compare(both))
    assert set(table.loc[table["wins"], ["data", "option"]].itertuples(index=False, name=None)) == {
        ("wine", "adam"),
        ("iris", "sgd"),
    }


def test_options_that_share_no_data_set_have_no_table() -> None:
    apart = pd.concat([runs({("sgd", 0.1): 0.4}, data="wine"), runs({("adam", 0.1): 0.4}, data="iris")])
    with pytest.raises(ConfigError, match="by=optimizer: there is no table, as no two of its values"):
        option_table(compare(apart))
