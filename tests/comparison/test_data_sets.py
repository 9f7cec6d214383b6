"""Several data sets: what a hand can check, published ranks, scipy's tests, and how often they are wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare, wilcoxon
from shared.scores import runs

from seedsweep.comparison.compare import compare
from seedsweep.comparison.data_sets import AcrossDataSets, _cliques, across_data_sets
from seedsweep.comparison.inference import holm

# Demšar (2006), table 6: AUC of C4.5 with -m and -cf tuned or not, and of the voting data a digit more, since 0.975 is
# printed twice with different ranks
C45 = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
DEMSAR = {
    "adult (sample)": (0.763, 0.768, 0.771, 0.798),
    "breast cancer": (0.599, 0.591, 0.590, 0.569),
    "breast cancer wisconsin": (0.954, 0.971, 0.968, 0.967),
    "cmc": (0.628, 0.661, 0.654, 0.657),
    "ionosphere": (0.882, 0.888, 0.886, 0.898),
    "iris": (0.936, 0.931, 0.916, 0.931),
    "liver disorders": (0.661, 0.668, 0.609, 0.685),
    "lung cancer": (0.583, 0.583, 0.563, 0.625),
    "lymphography": (0.775, 0.838, 0.866, 0.875),
    "mushroom": (1.000, 1.000, 1.000, 1.000),
    "primary tumor": (0.940, 0.962, 0.965, 0.962),
    "rheum": (0.619, 0.666, 0.614, 0.669),
    "voting": (0.972, 0.981, 0.9751, 0.975),
    "wine": (0.957, 0.978, 0.946, 0.970),
}


def one_seed(
    scores: Mapping[str, Sequence[float]], options: Sequence[str], metric: str = "val/loss", **question: Any
) -> AcrossDataSets:
    """The options with these scores on each data set, each the mean of one run; nan where it was not run."""
    rows = [
        {"data": data, "optimizer": option, "seed": 0, metric: value}
        for data, values in scores.items()
        for option, value in zip(options, values, strict=True)
        if not np.isnan(value)
    ]
    across = compare(pd.DataFrame(rows), metric=metric, **question).across
    assert across is not None
    return across


def several(levels: Mapping[str, Sequence[float]], options: Sequence[str] = ("adam", "sgd")) -> pd.DataFrame:
    """Runs of the options with these mean losses over twenty seeds, on each data set."""
    tables = [
        runs({(option, 0.1): level for option, level in zip(options, of_data, strict=True)}, data=data)
        for data, of_data in levels.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(run=table["data"] + table["run"])


def test_mean_ranks_are_those_that_demsar_printed() -> None:
    across = one_seed(DEMSAR, C45, "test/auc")
    assert across.ranks.round(3).to_dict() == {"C4.5+m+cf": 1.964, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5": 3.143}
    n, k = 14, 4
    statistic = 12 * n / (k * (k + 1)) * (float((across.ranks**2).sum()) - k * (k + 1) ** 2 / 4)
    assert statistic == pytest.approx(9.28, abs=0.005)  # as printed: without the correction for ties


def test_tests_are_those_of_scipy() -> None:
    across = one_seed(DEMSAR, C45, "test/auc")
    table = np.array(list(DEMSAR.values()))
    assert across.friedman_p == pytest.approx(friedmanchisquare(*table.T).pvalue)
    relative = (table / table.max(axis=1, keepdims=True)).round(12)
    expected = {
        frozenset((C45[a], C45[b])): wilcoxon((relative[:, a] - relative[:, b]).round(12)).pvalue
        for a, b in combinations(range(4), 2)
    }
    tests = across.tests
    pairs = map(frozenset, zip(tests["better"], tests["worse"], strict=True))
    assert dict(zip(pairs, tests["p"], strict=True)) == pytest.approx(expected)
    assert tests["adjusted"].to_numpy() == pytest.approx(holm(tests["p"]))


def test_wins_ties_and_losses_are_counted_on_each_data_set() -> None:
    levels = {"won": (1.0, 2.0), "lost": (2.0, 1.0), "close": (1.0, 1.001), "tied": (100.0, 100.001)}
    across = compare(several(levels), margin=0.005).across
    assert across is not None
    (row,) = across.pairs.to_dict("records")
    assert (row["wins"], row["ties"], row["undecided"], row["losses"]) == (1, 1, 1, 1)


def test_a_pair_that_nothing_tells_apart_is_no_tie() -> None:
    across = one_seed({"a": (1.0, 2.0), "b": (1.0, 2.0)}, ("adam", "sgd"))
    assert across.pairs.to_dict("records") == [
        {"option": "adam", "other": "sgd", "wins": 0, "ties": 0, "undecided": 2, "losses": 0}
    ]


def test_fewer_than_six_data_sets_are_counted_and_not_tested() -> None:
    comparison = compare(several({str(data): (1.0, 2.0) for data in range(5)}))
    across = comparison.across
    assert across is not None
    assert across.sentences == ["5 data sets are too few for a test over data sets (six are needed)"]
    assert (len(across.tests), across.cliques, np.isnan(across.friedman_p)) == (0, [], True)
    assert across.pairs["wins"].tolist() == [5]
    assert comparison.headline == (
        "Of five data sets adam wins on all, at 95 % confidence on each; five are too few for a verdict over all of"
        " them."
    )


def test_one_data_set_has_nothing_to_say_of_several() -> None:
    assert compare(runs({("adam", 0.1): 1.0, ("sgd", 0.1): 2.0}, data="wine")).across is None


def test_six_data_sets_tell_two_options_apart() -> None:
    comparison = compare(several({str(data): (1.0, 2.0) for data in range(6)}))
    across = comparison.across
    assert across is not None
    assert across.sentences == [
        "adam has the best mean rank, 1 of 2 over 6 data sets; it is surely better than sgd (p = 0.031)"
    ]
    assert across.cliques == []
    assert comparison.headline.startswith("adam wins over six data sets: its mean rank is 1 of 2, and it is surely")


def test_six_data_sets_cannot_tell_three_options_apart_and_say_how_many_could() -> None:
    """The least p-value is 2 of 2**6, times three pairs."""
    options = ("adam", "rmsprop", "sgd")
    across = one_seed({str(data): (1.0, 2.0, 3.0) for data in range(6)}, options)
    assert across.needed == 7
    assert across.sentences[0].endswith(
        "6 data sets cannot tell any two of 3 options apart, whatever they say: 7 could"
    )
    across = one_seed({str(data): (1.0, 2.0, 3.0) for data in range(7)}, options)
    assert across.needed is None
    assert across.tests["apart"].all()


def test_options_not_told_apart_from_the_leader_are_named() -> None:
    losses = {str(data): (1.0, 1.1 if data % 2 else 0.9, 2 + data / 10) for data in range(9)}
    across = one_seed(losses, ("adam", "rmsprop", "sgd"))
    assert across.leaders == ["rmsprop"]
    assert across.cliques == [["rmsprop", "adam"]]
    (sentence,) = across.sentences
    assert sentence.startswith("rmsprop has the best mean rank, 1.44 of 3 over 9 data sets (Friedman p = 0.001); it")
    assert sentence.endswith("it is surely better than sgd (p = 0.012) and is not told apart from adam (p = 0.160)")


def test_with_a_baseline_only_pairs_with_it_are_tested() -> None:
    losses = {str(data): (1.0, 2.0, 3.0) for data in range(8)}
    across = one_seed(losses, ("adam", "rmsprop", "sgd"), baseline="rmsprop")
    assert across.pairs[["option", "other"]].to_numpy().tolist() == [["adam", "rmsprop"], ["sgd", "rmsprop"]]
    assert across.tests[["better", "worse"]].to_numpy().tolist() == [["adam", "rmsprop"], ["rmsprop", "sgd"]]
    assert across.cliques == []
    assert across.sentences[0].endswith(
        "rmsprop, the baseline, is surely better than sgd (p = 0.016) and is surely worse than adam (p = 0.016)"
    )


def test_a_data_set_that_lacks_an_option_is_counted_but_not_ranked() -> None:
    losses = {str(data): (1.0, 2.0, 3.0) for data in range(7)} | {"moons": (5.0, 4.0, np.nan)}
    across = one_seed(losses, ("adam", "rmsprop", "sgd"))
    assert across.ranked == 7
    assert across.ranks.tolist() == [1, 2, 3]
    assert across.pairs["undecided"].tolist() == [8, 7, 7]
    assert across.sentences[1] == "not counted in ranks and tests: moons (without sgd)"
    few = one_seed({name: losses[name] for name in ("1", "2", "moons")}, ("adam", "rmsprop", "sgd"))
    assert few.sentences[0] == "2 data sets are too few for a test over data sets (six are needed)"


def test_a_data_set_of_one_option_has_no_pair_to_count_which_is_said() -> None:
    losses = {str(data): (1.0, 2.0) for data in range(6)} | {"moons": (5.0, np.nan)}
    across = one_seed(losses, ("adam", "sgd"))
    assert across.sentences[1] == "without a pair to count: moons (adam only)"
    assert across.pairs["undecided"].tolist() == [6]
    table = pd.concat([several({"wine": (1.0, 2.0)}), several({"moons": (1.0,)}, ("adam",))], ignore_index=True)
    assert "Nothing is compared on moons (adam only)" in [sentence for sentence, _ in compare(table).diagnostics]


def test_headline_says_that_data_sets_are_too_few_to_tell_any_from_the_baseline() -> None:
    levels = {str(data): (1.0, 2.0, 3.0) for data in range(6)}
    headlines = [
        compare(several(levels | more, ("adam", "rmsprop", "sgd")), baseline="sgd").headline
        for more in ({}, {"6": (1.0, 2.0, 3.0)})
    ]
    assert headlines[0].endswith("; six are too few to tell any from it, whatever they say: run seven or more.")
    assert headlines[1].endswith("; over all of them adam and rmsprop are surely better.")


def test_data_sets_without_a_common_set_of_options_are_not_ranked() -> None:
    across = one_seed({"a": (1.0, 2.0, np.nan), "b": (np.nan, 1.0, 2.0)}, ("adam", "rmsprop", "sgd"))
    assert across.sentences[0] == "no data set has all options, so that there is no test over data sets"
    assert across.ranks.isna().all()


def test_a_diverged_option_ranks_last_and_two_of_them_share_that_rank() -> None:
    losses = {str(data): (1.0, np.inf if data else 0.5, np.inf) for data in range(8)}
    across = one_seed(losses, ("adam", "rmsprop", "sgd"))
    assert across.scores.loc["1"].tolist() == [1.0, np.inf, np.inf]
    assert across.ranks.to_dict() == {"adam": 9 / 8, "rmsprop": (1 + 7 * 2.5) / 8, "sgd": (3 + 7 * 2.5) / 8}
    by_pair = across.tests.set_index(["better", "worse"])["p"].to_dict()
    assert by_pair["adam", "sgd"] == 2 / 2**8
    assert by_pair["rmsprop", "sgd"] == 1.0  # they differ on one data set


def test_the_scale_of_a_data_set_makes_no_difference() -> None:
    draw = np.random.default_rng(0)
    drawn = {str(data): 1 + draw.random(3) for data in range(9)}
    losses = {name: values.tolist() for name, values in drawn.items()}
    scaled = {name: (10.0 ** (int(name) - 4) * values).tolist() for name, values in drawn.items()}
    one, other = (one_seed(of, ("adam", "rmsprop", "sgd")) for of in (losses, scaled))
    pd.testing.assert_frame_equal(one.tests, other.tests)


def test_equal_options_share_a_rank_though_their_means_are_rounded() -> None:
    across = one_seed({str(data): (0.1 + 0.2, 0.3) for data in range(6)}, ("adam", "sgd"))
    assert across.leaders == ["adam", "sgd"]
    assert across.tests["p"].tolist() == [1.0]
    assert across.sentences == [
        "adam and sgd share the best mean rank, 1.5 of 2 over 6 data sets; adam is not told apart from sgd (p = 1.000)"
    ]


def test_a_leading_mean_of_zero_is_compared_as_it_is() -> None:
    across = one_seed({str(data): (0.0, 0.1 + data) for data in range(6)}, ("adam", "sgd"))
    assert across.tests["p"].tolist() == [2 / 2**6]


def test_a_data_set_with_one_setting_stands_beside_those_with_several() -> None:
    levels = {(option, rate): level for option, level in (("adam", 1.0), ("sgd", 2.0)) for rate in (0.1, 1.0)}
    comparison = compare(pd.concat([runs(levels, data="wine"), several({"iris": (1.0, 2.0)})], ignore_index=True))
    assert [pairwise.problem for pairwise in comparison.best] == ["wine"]
    assert comparison.across is not None
    assert comparison.across.pairs["wins"].tolist() == [2]
    assert comparison.headline.startswith("Of two data sets adam wins on all")


@pytest.mark.parametrize(
    ("apart", "cliques"),
    [
        ("", ["abcd"]),
        ("ad", ["abc", "bcd"]),
        ("ac ad", ["ab", "bcd"]),
        ("ab", ["bcd"]),  # a and c, which b parts, are no neighbours
        ("ac ad bd", ["ab", "bc", "cd"]),
        ("ab bc cd", []),
    ],
)
def test_cliques_are_the_largest_groups_of_neighbours(apart: str, cliques: list[str]) -> None:
    assert _cliques("abcd", {frozenset(pair) for pair in apart.split()}) == [list(clique) for clique in cliques]


@pytest.mark.slow
@pytest.mark.parametrize(("options", "sets"), [(2, 6), (4, 10)])
def test_options_that_do_not_differ_are_seldom_told_apart(options: int, sets: int) -> None:
    draw, names = np.random.default_rng(0), [f"option {index}" for index in range(options)]
    rows = [
        {"data": str(data), "optimizer": name, "seed": 0, "val/loss": 1.0} for data in range(sets) for name in names
    ]
    pairwise_comparisons = compare(pd.DataFrame(rows)).same
    wrong, repetitions = 0, 150
    for _ in range(repetitions):
        scales = 10.0 ** draw.uniform(-3, 3, sets)
        drawn = [
            replace(pairwise, table=pairwise.table.assign(mean=scale * draw.lognormal(sigma=0.1, size=options)))
            for pairwise, scale in zip(pairwise_comparisons, scales, strict=True)
        ]
        across = across_data_sets(drawn)
        assert across is not None
        wrong += bool(across.tests["apart"].any())
    assert wrong / repetitions <= 0.05 + 3 * (0.05 * 0.95 / repetitions) ** 0.5
