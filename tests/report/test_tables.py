"""The tables of a comparison in strings."""

import numpy as np
from shared.reports import swept

from seedsweep.comparison.compare import compare
from seedsweep.report.figures.panel import panels
from seedsweep.report.tables import best_table, data_sets_table, groups_table, number, p_value


def test_tables_against_a_baseline_have_no_ranks() -> None:
    (pairwise,) = compare(*swept(), baseline="sgd").best
    assert set(best_table(pairwise)["rank"]) == {"–"}


def test_small_p_values_are_shown_as_such() -> None:
    assert [p_value(0.0009), p_value(0.0123), p_value(np.nan)] == ["< 0.001", "0.012", "–"]


def test_missing_numbers_are_dashes_and_infinite_ones_are_diverged_runs() -> None:
    assert [number(None), number(np.nan), number(np.inf), number(0.123456)] == ["–", "–", "diverged", "0.1235"]


def test_data_sets_are_counted_for_each_pair_and_tested_from_six_on() -> None:
    for count in (2, 6):
        across = compare(*swept(problems=tuple(f"set {index}" for index in range(count)), diverged=False)).across
        assert across is not None
        table = data_sets_table(across)
        counted = table[["wins", "ties", "not told apart", "losses"]].astype(int)
        assert counted.sum(axis=1).tolist() == [count] * 3
        assert ("adjusted p" in table) == (count == 6)


def test_the_best_setting_of_each_option_has_a_star() -> None:
    (panel,) = panels(compare(*swept(diverged=False)))
    table = groups_table(panel.groups)
    starred = table[table["best"] == "★"]
    assert sorted(starred["option"]) == ["adagrad", "adam", "sgd"]
    assert set(table["best"]) == {"★", ""}
