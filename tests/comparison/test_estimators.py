"""Estimates of a sweep: small cases by hand, what scipy says, and what holds of made-up scores."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from seedsweep.comparison import estimators

INF, NAN = math.inf, math.nan


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_time_to_target_by_hand() -> None:
    survival = estimators.time_to_target([1, 2, 2, 3, INF], [True, True, False, True, False])
    assert survival.time.tolist() == [1, 2, 3]
    assert survival.reached == pytest.approx([1 / 5, 1 - 4 / 5 * 3 / 4, 1 - 4 / 5 * 3 / 4 * 1 / 2])
    assert survival.median == 3


def test_time_to_target_agrees_with_scipy() -> None:
    times, reached = generator().integers(1, 30, 60), generator(1).random(60) < 0.6
    reached[times == times.max()] = False
    times, reached = np.append(times, [0, 0]), np.append(reached, [True, False])  # censored from the first step on
    curve = stats.ecdf(stats.CensoredData(times[reached], right=times[~reached])).sf
    limits = curve.confidence_interval(0.9, method="log-log")
    survival = estimators.time_to_target(times, reached, 0.9)
    assert survival.time.tolist() == curve.quantiles.tolist()
    assert survival.reached == pytest.approx(1 - curve.probabilities)
    assert survival.low[1:] == pytest.approx(1 - limits.high.probabilities[1:])
    assert survival.high[1:] == pytest.approx(1 - limits.low.probabilities[1:])
    assert survival.median == curve.quantiles[curve.probabilities <= 0.5][0]


def test_time_to_target_has_exact_limits_until_a_run_is_censored() -> None:
    survival = estimators.time_to_target([1] * 10, [True] * 10)
    assert (survival.low[0], survival.high[0]) == (pytest.approx(0.6915, abs=1e-4), 1)
    survival = estimators.time_to_target([1, 2, 2, 3, 3, INF], [True] * 3 + [False] * 3, 0.9)
    for index, count in enumerate((1, 3, 3)):
        limits = proportion_confint(count, 6, 0.1, "beta")
        assert (survival.low[index], survival.high[index]) == pytest.approx(limits)


def test_time_to_target_at_the_ends() -> None:
    none = estimators.time_to_target([5, 5, INF], [False] * 3)
    assert (none.time.tolist(), none.reached.tolist(), none.median) == ([5], [0], INF)
    assert (none.low.tolist(), none.high.tolist()) == ([0], [pytest.approx(1 - 0.025 ** (1 / 3))])
    uncensored = estimators.time_to_target([1, 2, 3, 4], [True] * 4)
    assert uncensored.reached.tolist() == pytest.approx([0.25, 0.5, 0.75, 1])
    assert uncensored.median == 2
    assert (uncensored.low[3], uncensored.high[3]) == (pytest.approx(0.025 ** (1 / 4)), 1)
    assert estimators.time_to_target([7], [True])[1:] == ([1], [pytest.approx(0.025)], [1], 7)
    last = estimators.time_to_target([1, 2, 3, 4], [True, False, True, True])
    assert (last.reached[3], last.low[3], last.high[3]) == (1, last.low[2], 1), "who was censored may never reach it"
    assert estimators.time_to_target([INF, INF], [False] * 2).time.size == 0


def test_performance_profile_by_hand() -> None:
    costs = [[1, 2], [4, 1], [3, INF], [INF, INF]]
    fractions = estimators.performance_profile(costs, [1, 2, 4])
    assert fractions.tolist() == [[0.5, 0.5, 0.75], [0.25, 0.5, 0.5]]
    assert estimators.performance_profile([[0, 1]], [1, 100]).tolist() == [[1, 1], [0, 0]]
    with pytest.raises(ValueError, match="^costs are 0 or more, inf where not solved, and not -1.0$"):
        estimators.performance_profile([[1, -1]], [1])


def test_expected_best_of_one_run_each_is_the_expected_least_of_a_draw() -> None:
    """Of 1, 2, 3 without putting back: 2 at first, then (1 + 1 + 2) / 3, then 1."""
    mean, low, high = estimators.expected_best([[1], [2], [3]], 4, generator(), resamples=40_000)
    assert mean == pytest.approx([2, 4 / 3, 1, 1], abs=0.02)
    assert low.tolist() == [1, 1, 1, 1]
    assert high.tolist() == [3, 2, 1, 1], "after three there is nothing more to try"


def test_expected_best_draws_a_run_of_each_setting() -> None:
    """Of {0 or 4} and {2}: 2 at first; then 0 or 2. Missing runs are not drawn, nor settings without any."""
    scores = [[0, NAN, 4], [NAN, 2, NAN], [NAN] * 3]
    mean, low, high = estimators.expected_best(scores, 2, generator(), resamples=40_000)
    assert mean == pytest.approx([2, 1], abs=0.04)
    assert (low.tolist(), high.tolist()) == ([0, 0], [4, 2])
    with pytest.raises(ValueError, match="^no setting has a run$"):
        estimators.expected_best([[NAN]], 1, generator())


def test_expected_best_is_a_median_where_searches_have_found_nothing() -> None:
    mean, low, high = estimators.expected_best([[1.0], [2.0], [INF]], 3, generator())
    assert mean[0] == 2
    assert mean[1:] == pytest.approx([4 / 3, 1], abs=0.03)
    assert (low[0], high[0]) == (1, INF)
    assert [values.tolist() for values in estimators.expected_best([[INF], [INF]], 2, generator())] == [[INF] * 2] * 3


def test_best_at_budget_by_hand() -> None:
    """One try: 1 beats 2 and 3 only if it is drawn, against 1.5; two tries always find it. Ties are split."""
    chances = estimators.best_at_budget([[[1], [2]], [[1.5], [1.5]]], 2, generator())
    assert chances == pytest.approx(np.array([[0.5, 1], [0.5, 0]]), abs=0.02)
    assert estimators.best_at_budget([[[1]], [[1]], [[INF]]], 2, generator()).tolist() == [[0.5] * 2] * 2 + [[0] * 2]
    assert estimators.best_at_budget([[[INF]], [[INF]]], 1, generator()).tolist() == [[0.5], [0.5]]


def test_variance_shares_by_hand() -> None:
    assert estimators.variance_shares([[0, 0], [1, 1]]) == {"init": 1, "order": 0, "interaction": 0}
    assert estimators.variance_shares([[0, 1, 5], [0, 1, 5]]) == {"init": 0, "order": 1, "interaction": 0}
    assert estimators.variance_shares([[0, 1], [1, 0]]) == {"init": 0, "order": 0, "interaction": 1}
    assert estimators.variance_shares(np.full((3, 3), 0.1)) == {"init": 0, "order": 0, "interaction": 0}
    # mean squares 25, 4 and 1, in a table of two by two: components 12, 1.5 and 1
    table = np.array([[2.5], [-2.5]]) + np.array([[1, -1]]) + np.array([[0.5, -0.5], [-0.5, 0.5]])
    assert estimators.variance_shares(table) == pytest.approx(
        {"init": 12 / 14.5, "order": 1.5 / 14.5, "interaction": 1 / 14.5}
    )


def test_variance_shares_find_what_made_the_values() -> None:
    inits, orders = generator().normal(0, 3, (400, 1)), generator(1).normal(0, 1, (1, 400))
    shares = estimators.variance_shares(inits + orders + generator(2).normal(0, 2, (400, 400)))
    assert shares == pytest.approx({"init": 9 / 14, "order": 1 / 14, "interaction": 4 / 14}, abs=0.05)


@pytest.mark.parametrize("values", [[[1, 2]], [[1], [2]], [[1, 2], [3, INF]], [1, 2]])
def test_variance_shares_refuse_what_has_no_two_ways(values: Any) -> None:
    with pytest.raises(ValueError, match="^variance shares need two or more inits and orders, all finite"):
        estimators.variance_shares(values)
