"""Tests of differences: small cases by hand, what scipy and statsmodels say, and what holds of made-up scores."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from seedsweep.comparison import inference

INF, NAN = math.inf, math.nan


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_signed_ranks_by_hand() -> None:
    ranks = inference.signed_ranks([0.5, -0.5, 0.0, INF, -INF, NAN, 2.0])
    assert ranks.tolist() == [1.5, -1.5, 0, 4.5, -4.5, 0, 3]
    assert inference.signed_ranks([[1, 2], [-2, 1]]).tolist() == [[1, 2], [-2, 1]]


@pytest.mark.parametrize("n", [4, 8, 12])
def test_sign_flip_of_signed_ranks_is_wilcoxon_s_test(n: int) -> None:
    differences = generator(n).normal(0.5, 1, n)
    p = inference.sign_flip(inference.signed_ranks(differences), generator())
    assert p == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_sign_flip_by_hand() -> None:
    assert inference.sign_flip([1.0, 2.0, 3.0], generator()) == 2 / 8
    assert inference.sign_flip([1.0, 2.0, -3.0], generator()) == 1
    assert inference.sign_flip([1.0, 2.0, -1.0], generator()) == 6 / 8, "sums of 2 and 4, either way; ties count"
    assert inference.sign_flip([1.0], generator()) == 1
    assert inference.sign_flip([0.1] * 5, generator()) == 2 / 32, "so that five seeds never suffice for 0.05"
    assert inference.sign_flip(np.zeros((30, 2)), generator()).tolist() == [1, 1]


@pytest.mark.parametrize("n", [7, 13, 20])
def test_sign_flip_agrees_with_scipy(n: int) -> None:
    differences = generator(n).normal(0.4, 1, (n, 3))
    options = {"permutation_type": "samples", "alternative": "two-sided", "rng": generator(1), "n_resamples": 10_000}
    theirs = stats.permutation_test((differences,), lambda x, axis: x.mean(axis=axis), vectorized=True, **options)
    p = inference.sign_flip(differences, generator())
    assert p == pytest.approx(theirs.pvalue, abs=1e-12 if n <= 13 else 0.02)


def test_sign_flip_of_columns_equals_that_of_each() -> None:
    differences = generator().normal(0.3, 1, (20, 400))
    together = inference.sign_flip(differences, generator())
    alone = [float(inference.sign_flip(differences[:, column], generator())) for column in range(0, 400, 80)]
    assert together[::80].tolist() == alone


def test_sign_flip_ranks_what_has_diverged() -> None:
    p = inference.sign_flip([[-1, 1], [-2, 2], [-INF, 3], [NAN, 9]], generator())
    assert p.tolist() == [2 / 8, 2 / 16], "a pair that has diverged in both says nothing"
    assert inference.sign_flip([INF] * 30, generator()) == 1 / 10_001


def test_sign_flip_of_many_columns_finds_one_in_twenty_of_nothing() -> None:
    differences = generator().normal(size=(100, 1770))
    assert (inference.sign_flip(differences, generator()) < 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_permutation_by_hand() -> None:
    assert inference.permutation([1, 2], [3, 4], generator()) == pytest.approx(2 / 6)
    assert inference.permutation([1], [1], generator()) == 1
    assert inference.permutation([1, 2, 3], [4, 5, INF], generator()) == pytest.approx(2 / 20)
    assert inference.permutation([INF, INF], [INF, INF], generator()) == 1
    assert inference.permutation(range(30), range(100, 130), generator()) == 1 / 10_001


@pytest.mark.parametrize(("n", "m"), [(5, 6), (4, 8), (25, 25)])
def test_permutation_agrees_with_scipy(n: int, m: int) -> None:
    a, b = generator().normal(0.7, 1, n), generator(1).normal(0, 1, m)

    def apart(x: Any, y: Any, axis: int) -> Any:
        return np.abs(x.mean(axis=axis) - y.mean(axis=axis))

    theirs = stats.permutation_test((a, b), apart, alternative="greater", n_resamples=10_000, rng=generator(2))
    assert inference.permutation(a, b, generator()) == pytest.approx(theirs.pvalue, abs=0.02 if n == 25 else 1e-12)


def test_permutation_with_diverged_runs_is_mann_and_whitney_s_test() -> None:
    a, b = [1.0, 2, 4, 7, 3.5], [5.0, 6, 8, INF, 9]
    assert inference.permutation(a, b, generator()) == stats.mannwhitneyu(a, b, method="exact").pvalue


def test_holm_by_hand() -> None:
    assert inference.holm([0.01, 0.04, 0.03, NAN]) == pytest.approx([0.03, 0.06, 0.06, NAN], nan_ok=True)
    assert inference.holm([[0.5, NAN], [0.9, 0.8]]) == pytest.approx(np.array([[1, NAN], [1, 1]]), nan_ok=True)
    assert inference.holm([]).shape == (0,)


def test_holm_agrees_with_statsmodels() -> None:
    p = generator().uniform(0, 0.2, 40) ** 2
    assert inference.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert inference.holm(p.reshape(5, 8)).shape == (5, 8)


def test_identical_groups_have_no_winner_and_hardly_a_difference() -> None:
    draw, pairs, different = generator(), np.triu_indices(12, 1), 0
    for _ in range(300):
        runs = draw.normal(size=(20, 1)) + draw.normal(size=(20, 12))
        apart = inference.holm(inference.sign_flip(runs[:, pairs[0]] - runs[:, pairs[1]], draw)) < 0.05
        lead = runs.mean(axis=0).argmin()
        assert not apart[(pairs[0] == lead) | (pairs[1] == lead)].all(), "no group beats every other"
        different += apart.any()
    assert different / 300 < 0.05 + 0.038  # three standard errors


def test_sign_flip_finds_a_difference_of_one_standard_deviation_at_twenty_seeds() -> None:
    draw = generator()
    assert (inference.sign_flip(draw.normal(1, 1, (20, 2_000)), draw) < 0.05).mean() > 0.9
    assert (inference.sign_flip(draw.normal(0, 1, (20, 2_000)), draw) < 0.05).mean() < 0.065
