"""The sentence that a pairwise comparison allows."""

import numpy as np
from shared.scores import SEEDS, runs, sentences

from seedsweep.comparison.compare import compare
from seedsweep.comparison.conclusion import conclusion


def test_winner_beats_every_other() -> None:
    comparison = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5, ("adagrad", 0.1): 0.8}))
    (sentence,) = sentences(comparison, "at the same setting")
    assert sentence.startswith("adam wins: beats every other, adagrad the closest by 0.")
    assert "(adjusted p < 0.001)" in sentence
    (pairwise,) = comparison.same
    assert pairwise.table["option"].tolist() == ["adam", "adagrad", "sgd"]
    assert pairwise.table["rank"].tolist() == [1, 2, 3]
    pair = pairwise.pairs.set_index(["better", "worse"]).loc[("adam", "sgd")]
    assert pair["low"] < 0.5 < pair["high"]
    assert (pair["seeds"], pair["paired"], pair["probability"]) == (SEEDS, True, 1.0)
    assert comparison.best == []  # nothing was chosen


def test_too_few_seeds_are_said_with_the_number_needed() -> None:
    (pairwise,) = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.97}, seeds=4)).same
    needed = pairwise.pairs["needed"].iloc[0]
    assert 4 < needed < 100
    sentence = (
        "4 seeds cannot decide between 2 options, however far apart they are (adam is first so far): run 6 or more"
    )
    assert conclusion(pairwise) == sentence
    (pairwise,) = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.999}, seeds=10)).same
    assert f"about {pairwise.pairs['needed'].iloc[0]:.0f} seeds would show it" in conclusion(pairwise)


def test_one_seed_has_no_interval_and_that_is_said() -> None:
    comparison = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=1))
    assert comparison.groups["mean_low"].isna().all()
    assert sentences(comparison, "at the same setting")[0].startswith("one seed only: adam has the best value")


def test_all_runs_diverged_is_said() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}).assign(outcome="diverged")
    assert sentences(compare(table), "at the same setting") == ["all runs diverged"]


def test_sweep_without_a_single_end_is_said_to_have_none() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 1.0, ("adam", 0.1): 0.5, ("adam", 1.0): 0.5})
    comparison = compare(table.assign(outcome="missing", **{"val/loss": np.nan, "test/loss": np.nan}))
    assert set(sentences(comparison, "at the same setting")) == {"no run has ended"}


def test_only_pairs_with_the_baseline_are_tested() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5, ("adagrad", 0.1): 0.8}
    (pairwise,) = compare(runs(levels), baseline="sgd").same
    assert conclusion(pairwise).startswith("against sgd: adam is better by 0.")
    assert conclusion(pairwise).endswith("the others were not compared with each other")
    assert all("sgd" in pair for pair in zip(pairwise.pairs["better"], pairwise.pairs["worse"], strict=True))
    assert len(pairwise.pairs) == 2
