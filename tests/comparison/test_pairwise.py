"""Ranks and pairs of options whose scores are made by hand."""

import numpy as np
import pandas as pd
from shared.scores import SEEDS, runs

from seedsweep.comparison.compare import compare
from seedsweep.comparison.verdicts import conclusions


def test_identical_options_share_a_rank_and_nobody_wins() -> None:
    table = runs({("sgd", 0.1): 1.0})
    both = pd.concat([table, table.assign(optimizer="twin", run=table["run"] + "t")])
    (pairwise,) = compare(both).same
    assert pairwise.table["rank"].tolist() == [1, 1]
    assert pairwise.pairs["difference"].tolist() == [0]
    assert conclusions(pairwise)[0].kind == "ties"


def test_difference_without_size_is_a_tie_however_sure() -> None:
    table = runs({("sgd", 0.1): 1.0, ("momentum", 0.1): 1.0})
    momentum = table["optimizer"] == "momentum"
    tiny = 1e-5 * (1 + table.loc[momentum, "seed"])
    table.loc[momentum, "val/loss"] = table.loc[~momentum, "val/loss"].to_numpy() - tiny
    (pairwise,) = compare(table).same
    assert pairwise.pairs["adjusted"].iloc[0] < 0.001
    assert pairwise.table["rank"].tolist() == [1, 1]
    (verdict,) = conclusions(pairwise)
    assert (verdict.kind, verdict.winner, verdict.options) == ("ties", None, ("momentum", "sgd"))
    assert verdict.sentence.endswith("though momentum is surely better (p < 0.001)")
    assert compare(table, margin=0).verdicts[0].winner == "momentum"


def test_differences_are_paired_by_seed() -> None:
    """The noise of a seed is common to both, and ten times the difference."""
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.9}, noise=1.0)
    for name in ("sgd", "adam"):
        chosen = table["optimizer"] == name
        table.loc[chosen, "val/loss"] = (
            np.arange(SEEDS) + (0.1 if name == "sgd" else 0) + 0.001 * table.loc[chosen, "seed"]
        )
    (pairwise,) = compare(table).same
    assert pairwise.pairs["adjusted"].iloc[0] < 0.001
    apart = table.assign(seed=table["seed"] + 100 * (table["optimizer"] == "adam"))
    (pairwise,) = compare(apart).same
    assert not pairwise.pairs["paired"].iloc[0]
    assert pairwise.pairs["adjusted"].iloc[0] > 0.5


def test_direction_is_that_of_the_ranks_that_are_tested() -> None:
    """adam is a little better in most seeds, and diverges in the others."""
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.99}, seeds=60, noise=0.0)
    lost = (table["optimizer"] == "adam") & (table["seed"] < 27)
    table.loc[lost, ["outcome", "val/loss"]] = "diverged", np.nan
    (pairwise,) = compare(table).same
    assert pairwise.pairs["better"].iloc[0] == "sgd"
    assert conclusions(pairwise)[0].sentence.startswith("sgd wins: it beats adam by ranks, as runs diverged")


def test_accuracy_is_better_when_it_is_larger() -> None:
    table = runs({("sgd", 0.1): 0.8, ("adam", 0.1): 0.6}).rename(columns={"val/loss": "val/accuracy"})
    (pairwise,) = compare(table, metric="val/accuracy").same
    assert pairwise.table["option"].tolist() == ["sgd", "adam"]
    pair, sgd = pairwise.pairs.iloc[0], pairwise.table.iloc[0]
    assert pair["low"] < 0.2 < pair["high"]
    assert sgd["mean_low"] < sgd["mean"] < sgd["mean_high"]
    assert sgd["worst"] == table.loc[table["optimizer"] == "sgd", "val/accuracy"].min()
