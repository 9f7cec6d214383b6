"""What is said about the evidence that decides a verdict."""

import numpy as np
import pandas as pd
import pytest
from shared.scores import runs, sentences

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.comparison.evidence import is_skewed
from seedsweep.comparison.question import BEST


def pair(differences: object, metric: str = "val/loss", **params: object) -> pd.DataFrame:
    """Runs of adam and sgd at one rate, of which adam is better by these differences."""
    better = np.asarray(differences, dtype=float)
    common = np.random.default_rng(0).normal(5, 1, len(better))
    rows = [("sgd", seed, value) for seed, value in enumerate(common)]
    rows += [("adam", seed, value) for seed, value in enumerate(common - better)]
    return pd.DataFrame(rows, columns=["optimizer", "seed", metric]).assign(**{"optimizer.lr": 0.1} | params)


def said(comparison: Comparison, part: str) -> list[str]:
    """The diagnostics that have these words."""
    return [diagnostic.sentence for diagnostic in comparison.diagnostics if part in diagnostic.sentence]


def test_skewed_differences_are_said_with_the_answer_of_the_median() -> None:
    small = np.linspace(0.1, 0.2, 11)
    (win,) = said(compare(pair([*small, 3.0])), "skewed")
    assert win.startswith("The differences between adam and sgd are strongly skewed")
    assert win.endswith("by the median adam is better by 0.155 [0.123, 0.187]")
    other = compare(pair([*-small, 3.0]))
    assert other.verdicts[0].winner is None
    assert said(other, "skewed")[0].endswith("by the median sgd is better by 0.145 [0.113, 0.177]")
    (neither,) = said(compare(pair([*(small - 0.15), 3.0])), "skewed")
    assert neither.endswith("by the median neither is shown to be better")
    assert not said(compare(pair(small)), "skewed")


@pytest.mark.parametrize(("seeds", "lognormal"), [(5, 0.15), (10, 0.45), (20, 0.8)])
def test_normal_differences_are_rarely_called_skewed_and_lognormal_ones_often(seeds: int, lognormal: float) -> None:
    draw = np.random.default_rng(1)
    assert np.mean([is_skewed(draw.normal(size=seeds)) for _ in range(2000)]) < 0.065
    assert np.mean([is_skewed(draw.lognormal(size=seeds)) for _ in range(500)]) > lognormal


def test_differences_that_are_all_the_same_are_not_skewed() -> None:
    assert not is_skewed(np.full(8, 0.1) + 1e-17 * np.arange(8))


def test_one_seed_that_hides_a_difference_is_named() -> None:
    differences = np.linspace(0.1, 0.2, 10)
    differences[7] = -1.2
    comparison = compare(pair(differences))
    assert comparison.verdicts[0].winner is None
    assert said(comparison, "alone") == ["Seed 7 alone hides that adam is better than sgd"]


def test_one_seed_of_very_many_that_hides_a_difference_is_named() -> None:
    differences = np.random.default_rng(2).normal(0.2, 1, 1000)
    assert not said(compare(pair(differences)), "alone")
    differences[700] = -150
    assert said(compare(pair(differences)), "alone") == ["Seed 700 alone hides that adam is better than sgd"]


def test_one_seed_that_decides_is_named_and_few_seeds_are_not() -> None:
    differences = np.array([-0.12, 2.2, 1.43, 0.96, 1.52, -1.11, 1.08, 1.88, 1.84, -1.11, -0.44, 0.91, 9.0])
    comparison = compare(pair(differences))
    without = [compare(pair(np.delete(differences, seed))).verdicts[0].winner for seed in range(13)]
    assert (comparison.verdicts[0].winner, without) == ("adam", ["adam"] * 12 + [None])
    assert said(comparison, "alone") == ["Seed 12 alone decides that adam is better than sgd"]
    assert not said(compare(pair(np.linspace(0.1, 0.2, 6))), "alone"), "without any seed of six no test can decide"


def test_data_sets_that_contradict_each_other_are_named() -> None:
    clear = np.linspace(0.1, 0.2, 10)
    table = pd.concat([pair(clear, data="iris"), pair(-clear, data="wine"), pair(clear, data="digits")])
    sentence = "The data sets contradict each other: adam is better than sgd on digits and iris, and worse on wine"
    assert said(compare(table), "contradict") == [sentence]
    assert not said(compare(table[table["data"] != "wine"]), "contradict")


def test_option_that_wins_and_diverges_at_other_rates_is_one_sentence() -> None:
    levels = {("sgd", 0.1): 0.5, ("sgd", 1.0): 0.4, ("sgd", 10.0): 1.0, ("adam", 0.1): 0.8, ("adam", 10.0): 1.0}
    table = runs(levels)
    lost = (table["optimizer.lr"] == 10) & ((table["optimizer"] == "sgd") | (table["seed"] < 3))
    table.loc[lost, ["outcome", "val/loss", "test/loss"]] = "diverged", np.nan, np.nan
    comparison = compare(table)
    assert comparison.verdicts[0].winner == "sgd"
    assert said(comparison, "diverge") == [
        "sgd wins at lr=1 and diverges at one of its three rates (lr=10 in all 20 runs): its win needs the right rate",
        "Runs diverged in 1 other group: adam lr=10 (3 of 20)",
    ]


def test_cell_of_one_seed_is_said_to_block_a_win_with_what_to_do() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 0.9, ("adam", 0.1): 0.3}, seeds=10)
    table = table[(table["optimizer.lr"] == 0.1) | (table["seed"] == 0)]
    comparison = compare(table)
    assert sentences(comparison, BEST) == [
        "adam and sgd cannot be told apart (sgd at lr=1 has one seed only, and is not beaten)"
    ]
    (sentence,) = said(comparison, "cannot be shown to beat it")
    assert sentence.startswith("sgd at lr=1 has one seed only")


def test_best_rate_at_the_largest_is_no_edge_where_its_runs_diverge() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 0.5, ("adam", 0.1): 0.4, ("adam", 1.0): 0.9})
    assert said(compare(table), "largest that was swept")
    sgd = table["optimizer"] == "sgd"
    table.loc[sgd & (table["seed"] < 2), ["outcome", "val/loss", "test/loss"]] = "diverged", np.nan, np.nan
    assert not said(compare(table), "largest that was swept")


def diverged(levels: dict[tuple[str, float], float], lost: dict[tuple[str, float], int]) -> pd.DataFrame:
    """Runs at these levels, of which so many diverged."""
    table = runs(levels, seeds=10)
    for (option, rate), count in lost.items():
        cell = (table["optimizer"] == option) & (table["optimizer.lr"] == rate) & (table["seed"] < count)
        table.loc[cell, ["outcome", "val/loss", "test/loss"]] = "diverged", np.nan, np.nan
    return table


def test_no_option_needs_the_right_rate_where_all_runs_diverged() -> None:
    levels = {(option, rate): 1.0 for option in ("adam", "sgd") for rate in (0.1, 1.0)}
    comparison = compare(diverged(levels, dict.fromkeys(levels, 10)))
    assert sentences(comparison, BEST) == ["all runs diverged"]
    assert [sentence.split(":")[0] for sentence in said(comparison, "diverge")] == ["Runs diverged in 4 groups"]


def test_option_that_ties_and_diverges_at_other_rates_is_not_said_to_be_ahead() -> None:
    levels = {("sgd", 0.1): 10.0, ("adam", 0.1): 10.001, ("adam", 1.0): 12.0, ("sgd", 1.0): 12.0}
    table = diverged(levels, {("adam", 1.0): 3, ("sgd", 1.0): 3})
    comparison = compare(table, margin=0.05)
    assert comparison.verdicts[0].kind == "ties"
    (sentence, _) = said(comparison, "diverge")
    assert "ties at lr=0.1 and diverges at one of its two rates (lr=1 in 3 of 10 runs): its tie needs" in sentence


def test_winner_that_diverges_at_every_rate_has_no_rate_to_keep_to() -> None:
    levels = {("adam", 0.1): 0.3, ("adam", 1.0): 0.5, ("sgd", 0.1): 1.0, ("sgd", 1.0): 1.0}
    table = diverged(levels, {("adam", 0.1): 1, ("adam", 1.0): 3, ("sgd", 0.1): 9, ("sgd", 1.0): 9})
    first = compare(table).diagnostics[0]
    assert "at each of its two rates (lr=0.1 in 1 of 10 runs, lr=1 in 3 of 10 runs): at no rate do" in first.sentence
    assert first.remedy == "sweep smaller rates, until all runs converge"


def test_one_seed_that_hides_the_opposite_is_not_named() -> None:
    differences = -np.linspace(0.1, 0.2, 10)
    differences[0] = 3.0
    comparison = compare(pair(differences))
    assert "adam is ahead" in comparison.headline
    assert not said(comparison, "alone")


@pytest.mark.parametrize("level", [0.9, 1.05])
def test_cell_of_too_few_seeds_for_any_win_is_said(level: float) -> None:
    """Whether or not it is the best of its option."""
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): level, ("adam", 0.1): 0.3}, seeds=10)
    few = table[(table["optimizer.lr"] == 0.1) | (table["seed"] < 5)]
    assert compare(few).verdicts[0].winner is None
    assert said(compare(few), "nothing can beat") == ["sgd at lr=1 has 5 seeds only, which nothing can beat"]
    assert not said(compare(table), "nothing can beat")
    assert not said(compare(table[table["seed"] < 5]), "nothing can beat"), "as all have: then the verdict says so"


def test_skew_is_not_said_of_an_option_whose_worse_runs_were_pruned() -> None:
    table = pair([*np.linspace(0.1, 0.2, 11), 3.0])
    assert "(at 95 % confidence in 10 to 15 % of lognormal sweeps" in said(compare(table), "skewed")[0]
    pruned = table.iloc[[-1]].assign(seed=99, outcome="pruned")
    assert not said(compare(pd.concat([table.assign(outcome="finished"), pruned])), "skewed")
