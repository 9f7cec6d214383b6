"""The sentence that a pairwise comparison allows."""

import numpy as np
import pytest
from shared.scores import SEEDS, runs, sentences

from seedsweep.comparison.compare import compare
from seedsweep.comparison.verdicts import conclusions


def test_winner_beats_every_other() -> None:
    comparison = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5, ("adagrad", 0.1): 0.8}))
    (sentence,) = sentences(comparison, "at the same setting")
    assert sentence.startswith("adam wins: it beats every other, adagrad the closest by 0.")
    assert "(p < 0.001)" in sentence
    (pairwise,) = comparison.same
    assert pairwise.table["option"].tolist() == ["adam", "adagrad", "sgd"]
    assert pairwise.table["rank"].tolist() == [1, 2, 3]
    pair = pairwise.pairs.set_index(["better", "worse"]).loc[("adam", "sgd")]
    assert pair["low"] < 0.5 < pair["high"]
    assert (pair["seeds"], pair["paired"], pair["probability"]) == (SEEDS, True, 1.0)
    assert comparison.best == []  # nothing was chosen


def test_too_few_seeds_are_said_with_the_number_needed() -> None:
    (pairwise,) = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.97}, seeds=4)).same
    assert 4 < pairwise.pairs["needed_low"].iloc[0] < pairwise.pairs["needed_high"].iloc[0] < 1000
    sentence = (
        "4 seeds cannot decide between 2 options, however far apart they are (adam is first so far): run 6 or more"
    )
    assert [verdict.sentence for verdict in conclusions(pairwise)] == [sentence]
    (pairwise,) = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.99}, seeds=10)).same
    fewest, most = (int(pairwise.pairs[name].iloc[0]) for name in ("needed_low", "needed_high"))
    expected = f"if it is as large as it seems, {fewest:,} to {most:,} seeds would show it"
    assert expected in conclusions(pairwise)[0].sentence


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


@pytest.mark.parametrize("missing", ["adam", "sgd"])
def test_of_two_options_the_one_without_an_end_is_the_second(missing: str) -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    table.loc[table["optimizer"] == missing, ["outcome", "val/loss", "test/loss"]] = ["missing", np.nan, np.nan]
    (pairwise,) = compare(table).same
    assert pairwise.table["rank"].tolist() == [1, 2]
    assert pairwise.table["option"].iloc[1] == missing


def test_some_missing_runs_leave_two_options_the_first_and_the_second() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    table.loc[table.index[::7], ["outcome", "val/loss", "test/loss"]] = ["missing", np.nan, np.nan]
    (pairwise,) = compare(table).same
    assert pairwise.table["rank"].tolist() == [1, 2]


def test_only_pairs_with_the_baseline_are_tested() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5, ("adagrad", 0.1): 0.8}
    (pairwise,) = compare(runs(levels), baseline="sgd").same
    first, second = conclusions(pairwise)
    assert first.sentence.startswith("adam is better than sgd by 0.5")
    assert (first.winner, second.winner, second.options) == ("adam", "adagrad", ("adagrad", "sgd"))
    assert all("sgd" in pair for pair in zip(pairwise.pairs["better"], pairwise.pairs["worse"], strict=True))
    assert len(pairwise.pairs) == 2
