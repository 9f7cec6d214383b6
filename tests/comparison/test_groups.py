"""The runs of a group by outcome, and the statistics of their scores."""

import numpy as np
import pandas as pd
import pytest
from shared.scores import runs

from seedsweep.comparison.compare import compare


def test_diverged_runs_count_as_the_worst() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    lost = (table["optimizer"] == "adam") & (table["seed"] < 12)
    table.loc[lost, ["outcome", "val/loss"]] = "diverged", np.nan
    comparison = compare(table)
    (pairwise,) = comparison.same
    adam = pairwise.table.set_index("option").loc["adam"]
    assert (adam["finished"], adam["diverged"], adam["planned"]) == (8, 12, 20)
    assert adam["median"] == adam["worst"] == np.inf
    assert adam["mean"] == pytest.approx(0.5, abs=0.2)  # over those that finished
    assert pairwise.table["option"].iloc[0] == "sgd"
    assert pairwise.pairs["better"].iloc[0] == "sgd"
    assert any("adam (12 of 20)" in diagnostic.sentence for diagnostic in comparison.diagnostics)


def test_missing_and_failed_runs_stay_in_the_count() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    table.loc[:2, ["outcome", "val/loss"]] = "missing", np.nan
    table.loc[3:4, ["outcome", "val/loss"]] = "failed", np.nan
    comparison = compare(table)
    row = comparison.groups.set_index("group").loc["sgd"]
    assert [row[outcome] for outcome in ("planned", "finished", "failed", "missing")] == [20, 15, 2, 3]
    assert {"Runs are failed in 1 group: sgd (2 of 20)", "Runs are missing in 1 group: sgd (3 of 20)"} <= {
        diagnostic.sentence for diagnostic in comparison.diagnostics
    }


def test_pruned_runs_have_no_end() -> None:
    """Neither the worst value nor the one that they were left with, and their absence is said."""
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    whole = compare(table).groups.set_index("group").loc["adam"]
    table.loc[table["seed"] < 5, ["outcome", "val/loss"]] = "pruned", 9.0
    comparison = compare(table)
    row = comparison.groups.set_index("group").loc["adam"]
    assert [row[outcome] for outcome in ("planned", "finished", "diverged", "pruned", "missing")] == [20, 15, 0, 5, 0]
    assert row["worst"] <= whole["worst"]
    assert comparison.same[0].pairs["seeds"].tolist() == [15]
    assert "Runs are pruned in 2 groups: adam (5 of 20), sgd (5 of 20)" in {
        diagnostic.sentence for diagnostic in comparison.diagnostics
    }


def test_an_unrelated_group_changes_no_other() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}
    described = compare(runs(levels)).groups
    beside_another = compare(runs(levels | {("adagrad", 0.1): 0.7})).groups
    pd.testing.assert_frame_equal(
        beside_another[beside_another["option"] != "adagrad"].reset_index(drop=True), described
    )
