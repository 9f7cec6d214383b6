"""Small cases that can be checked by hand, what scipy and statsmodels say, and what holds on made-up runs."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from seedsweep.comparison import estimators as estimates
from seedsweep.comparison import inference as statistics
from seedsweep.comparison.inference import Interval

INF, NAN = math.inf, math.nan


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def iqm(values: Any, **options: Any) -> Interval:
    return statistics.interquartile_mean(values, generator(), **options)


# Intervals


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_mean_agrees_with_scipy(n: int, confidence: float) -> None:
    values = generator().normal(3, 2, n)
    limits = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    assert statistics.mean(values, confidence) == pytest.approx((values.mean(), *limits))
    assert statistics.paired(values, confidence) == statistics.mean(values, confidence)


def test_mean_of_one_two_three() -> None:
    half = 4.302653 / math.sqrt(3)  # t at 2 degrees of freedom; the standard deviation is 1
    assert statistics.mean([1, 2, 3]) == pytest.approx((2, 2 - half, 2 + half), abs=1e-6)
    assert statistics.paired([1, 2, 3]) == pytest.approx((2, 2 - half, 2 + half), abs=1e-6)


@pytest.mark.parametrize(("n", "m", "scale"), [(2, 2, 1), (5, 9, 3), (30, 4, 0.2)])
def test_unpaired_agrees_with_scipy(n: int, m: int, scale: float) -> None:
    a, b = generator().normal(1, 1, n), generator(1).normal(0, scale, m)
    limits = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert statistics.unpaired(a, b, 0.9) == pytest.approx((a.mean() - b.mean(), *limits))


def test_unpaired_of_two_and_two() -> None:
    half = 4.302653  # two degrees of freedom; the variances are 1/2, the standard error sqrt(1/4 + 1/4)
    assert statistics.unpaired([1, 2], [5, 6]) == pytest.approx((-4, -4 - half * 0.5**0.5, -4 + half * 0.5**0.5))


@pytest.mark.parametrize("compute", [statistics.mean, statistics.median, iqm, statistics.paired])
def test_one_value_has_no_limits(compute: Callable[[Any], Interval]) -> None:
    assert compute([2.0]) == pytest.approx((2, NAN, NAN), nan_ok=True)


@pytest.mark.parametrize("others", [[3.0], [3.0, 4.0]])
def test_one_value_against_others_has_no_limits(others: list[float]) -> None:
    assert statistics.unpaired([1.0], others) == pytest.approx((1 - np.mean(others), NAN, NAN), nan_ok=True)


@pytest.mark.parametrize("compute", [statistics.mean, statistics.median, iqm, statistics.paired])
@pytest.mark.parametrize("n", [2, 5, 30])
def test_equal_values_have_an_empty_interval(compute: Callable[[Any], Interval], n: int) -> None:
    assert compute([0.5] * n) == (0.5, 0.5, 0.5)


def test_equal_values_differ_from_equal_values_by_a_constant() -> None:
    assert statistics.unpaired([0.5, 0.5], [0.25, 0.25, 0.25]) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("values", [[1.0, INF], [1.0, NAN], [], [[1.0, 2.0]]])
def test_mean_refuses_what_is_not_a_list_of_finite_numbers(values: Any) -> None:
    for compute in (statistics.mean, statistics.paired, lambda some: statistics.unpaired([1, 2], some)):
        with pytest.raises(ValueError, match="^the values must be finite numbers, not "):
            compute(values)


@pytest.mark.parametrize("values", [[1.0, NAN], [1.0, -INF], []])
def test_median_and_interquartile_mean_refuse_what_is_no_cost(values: list[float]) -> None:
    for compute in (statistics.median, iqm):
        with pytest.raises(ValueError, match="^the values must be numbers or inf, not "):
            compute(values)


def test_median_at_few_seeds_has_the_range_as_its_interval() -> None:
    for n in range(2, 6):
        assert statistics.median(range(n)) == ((n - 1) / 2, 0, n - 1)


def test_median_of_ten_is_between_hettmansperger_and_sheather_s_statistics() -> None:
    """The 2nd to the 9th cover 1 - 22/1024, the 3rd to the 8th 1 - 112/1024; theirs lies between."""
    share = (1 - 22 / 1024 - 0.95) / (90 / 1024)
    share = 8 * share / (2 + 6 * share)
    assert statistics.median(range(10)) == pytest.approx((4.5, 1 + share, 8 - share))


def test_median_limits_at_an_order_statistic_s_own_confidence_are_that_one() -> None:
    values = generator().permutation(11)
    covered = stats.quantile_test(values, q=0, p=0.5).confidence_interval  # scipy's, not interpolated
    exact = 1 - 2 * stats.binom.cdf(1, 11, 0.5)
    assert statistics.median(values, exact) == pytest.approx((5, 1, 9))
    assert tuple(covered(0.95)) == (1, 9), "which is wider than 95 % ask for"
    actual = statistics.median(values, 0.95)
    assert 1 < actual.low < 2
    assert 8 < actual.high < 9


def test_median_counts_diverged_runs_as_the_worst() -> None:
    finite = statistics.median(range(10))
    actual = statistics.median([*range(8), INF, INF])
    assert (actual.estimate, actual.low) == (finite.estimate, finite.low)
    assert actual.high == INF, "not interpolated between 7 and infinity"
    assert statistics.median([1, 2, INF, INF]) == (INF, 1, INF)
    assert statistics.median([INF] * 7) == (INF, INF, INF)


def test_interquartile_mean_takes_edges_in_part() -> None:
    assert iqm(range(8)).estimate == pytest.approx(3.5)
    assert iqm([0, 1, 2, 3, 100]).estimate == pytest.approx((0.75 * 1 + 2 + 0.75 * 3) / 2.5)
    assert iqm([0, 6, 600]).estimate == pytest.approx((0.25 * 0 + 6 + 0.25 * 600) / 1.5)
    values = generator().normal(size=40)
    assert iqm(values).estimate == pytest.approx(stats.trim_mean(values, 0.25))


@pytest.mark.parametrize("n", [8, 40])
def test_interquartile_mean_s_interval_agrees_with_scipy_s_bca(n: int) -> None:
    values = np.exp(generator().normal(size=n))

    def middle(sample: Any, axis: int) -> Any:
        count = sample.shape[axis]
        edges = np.clip(np.arange(count + 1), count / 4, count * 3 / 4)
        return np.sort(sample, axis=axis) @ np.diff(edges) / (count / 2)

    asked = {"n_resamples": 20_000, "method": "BCa", "rng": generator(1)}
    theirs = stats.bootstrap((values,), middle, axis=-1, **asked)
    actual, width = iqm(values, resamples=20_000), theirs.confidence_interval.high - theirs.confidence_interval.low
    assert actual[1:] == pytest.approx(tuple(theirs.confidence_interval), abs=0.03 * width)


def test_interquartile_mean_counts_diverged_runs_as_the_worst() -> None:
    assert iqm([1, 2, 3, INF]).estimate == 2.5, "one in four does not matter"
    assert iqm([1, 2, 3, INF]).high == INF
    assert iqm([1, 2, 3, INF, INF]).estimate == INF
    assert iqm([INF] * 6) == (INF, INF, INF)
    assert iqm([1, 2, 3, 4, 1e300]).estimate == pytest.approx((0.75 * 2 + 3 + 0.75 * 4) / 2.5)


def test_interquartile_mean_is_repeatable() -> None:
    values = generator().normal(size=100)
    assert iqm(values) == iqm(values)


# Tests of differences


def test_signed_ranks_by_hand() -> None:
    actual = statistics.signed_ranks([0.5, -0.5, 0.0, INF, -INF, NAN, 2.0])
    assert actual.tolist() == [1.5, -1.5, 0, 4.5, -4.5, 0, 3]
    assert statistics.signed_ranks([[1, 2], [-2, 1]]).tolist() == [[1, 2], [-2, 1]]


@pytest.mark.parametrize("n", [4, 8, 12])
def test_sign_flip_of_signed_ranks_is_wilcoxon_s_test(n: int) -> None:
    differences = generator(n).normal(0.5, 1, n)
    actual = statistics.sign_flip(statistics.signed_ranks(differences), generator())
    assert actual == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_sign_flip_by_hand() -> None:
    assert statistics.sign_flip([1.0, 2.0, 3.0], generator()) == 2 / 8
    assert statistics.sign_flip([1.0, 2.0, -3.0], generator()) == 1
    assert statistics.sign_flip([1.0, 2.0, -1.0], generator()) == 6 / 8, "sums of 2 and 4, either way; ties count"
    assert statistics.sign_flip([1.0], generator()) == 1
    assert statistics.sign_flip([0.1] * 5, generator()) == 2 / 32, "so that five seeds never suffice for 0.05"
    assert statistics.sign_flip(np.zeros((30, 2)), generator()).tolist() == [1, 1]


@pytest.mark.parametrize("n", [7, 13, 20])
def test_sign_flip_agrees_with_scipy(n: int) -> None:
    differences = generator(n).normal(0.4, 1, (n, 3))
    asked = {"permutation_type": "samples", "alternative": "two-sided", "rng": generator(1), "n_resamples": 10_000}
    theirs = stats.permutation_test((differences,), lambda x, axis: x.mean(axis=axis), vectorized=True, **asked)
    actual = statistics.sign_flip(differences, generator())
    assert actual == pytest.approx(theirs.pvalue, abs=1e-12 if n <= 13 else 0.02)


def test_sign_flip_of_columns_equals_that_of_each() -> None:
    differences = generator().normal(0.3, 1, (20, 400))
    together = statistics.sign_flip(differences, generator())
    item = [float(statistics.sign_flip(differences[:, column], generator())) for column in range(0, 400, 80)]
    assert together[::80].tolist() == item


def test_sign_flip_ranks_what_has_diverged() -> None:
    actual = statistics.sign_flip([[-1, 1], [-2, 2], [-INF, 3], [NAN, 9]], generator())
    assert actual.tolist() == [2 / 8, 2 / 16], "a pair that has diverged in both says nothing"
    assert statistics.sign_flip([INF] * 30, generator()) == 1 / 10_001


def test_sign_flip_of_many_columns_finds_one_in_twenty_of_nothing() -> None:
    differences = generator().normal(size=(100, 1770))
    assert (statistics.sign_flip(differences, generator()) < 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_permutation_by_hand() -> None:
    assert statistics.permutation([1, 2], [3, 4], generator()) == pytest.approx(2 / 6)
    assert statistics.permutation([1], [1], generator()) == 1
    assert statistics.permutation([1, 2, 3], [4, 5, INF], generator()) == pytest.approx(2 / 20)
    assert statistics.permutation([INF, INF], [INF, INF], generator()) == 1
    assert statistics.permutation(range(30), range(100, 130), generator()) == 1 / 10_001


@pytest.mark.parametrize(("n", "m"), [(5, 6), (4, 8), (25, 25)])
def test_permutation_agrees_with_scipy(n: int, m: int) -> None:
    a, b = generator().normal(0.7, 1, n), generator(1).normal(0, 1, m)

    def apart(x: Any, y: Any, axis: int) -> Any:
        return np.abs(x.mean(axis=axis) - y.mean(axis=axis))

    theirs = stats.permutation_test((a, b), apart, alternative="greater", n_resamples=10_000, rng=generator(2))
    assert statistics.permutation(a, b, generator()) == pytest.approx(theirs.pvalue, abs=0.02 if n == 25 else 1e-12)


def test_permutation_with_diverged_runs_is_mann_and_whitney_s_test() -> None:
    a, b = [1.0, 2, 4, 7, 3.5], [5.0, 6, 8, INF, 9]
    assert statistics.permutation(a, b, generator()) == stats.mannwhitneyu(a, b, method="exact").pvalue


# Probabilities


def test_probability_by_hand() -> None:
    assert statistics.probability([1, 2, INF, INF], [2, 2, 3, INF], paired=True).estimate == 0.5
    assert statistics.probability([1, 2], [2, INF], paired=False).estimate == 3.5 / 4
    assert statistics.probability([1, 1], [1, 1], paired=False).estimate == 0.5


@pytest.mark.parametrize("wins", [0, 3, 10])
def test_paired_probability_has_wilson_s_interval(wins: int) -> None:
    actual = statistics.probability([0] * wins + [2] * (10 - wins), [1] * 10, paired=True)
    limits = proportion_confint(wins, 10, 0.05, "wilson")
    assert actual == pytest.approx((wins / 10, *limits))


def test_unpaired_probability_has_newcombe_s_interval() -> None:
    a, b = generator().normal(0, 1, 12), generator(1).normal(0.8, 1, 9)
    actual = statistics.probability(a, b, paired=False)
    assert actual.estimate == pytest.approx(1 - stats.mannwhitneyu(a, b).statistic / (12 * 9))
    for limit in actual[1:]:  # where the estimate is 1.96 standard errors off, by Hanley & McNeil's
        spread = 1 + 9.5 * ((1 - limit) / (2 - limit) + limit / (1 + limit))
        error = math.sqrt(limit * (1 - limit) * spread / (12 * 9))
        assert abs(actual.estimate - limit) == pytest.approx(1.959964 * error, rel=1e-6)
    assert actual.low < actual.estimate < actual.high


def test_unpaired_probability_has_limits_where_all_are_better() -> None:
    actual = statistics.probability([1, 2, 3], [INF, 5, 6], paired=False)
    assert (actual.estimate, actual.high) == (1, 1)
    assert 0.3 < actual.low < 0.7
    mirrored = statistics.probability([INF, 5, 6], [1, 2, 3], paired=False)
    assert mirrored == pytest.approx((0, 0, 1 - actual.low))


def test_paired_probability_refuses_unequal_numbers() -> None:
    with pytest.raises(ValueError, match="^pairs need as many values of each, not 2 and 1$"):
        statistics.probability([1, 2], [1], paired=True)


# Many comparisons


def test_holm_by_hand() -> None:
    assert statistics.holm([0.01, 0.04, 0.03, NAN]) == pytest.approx([0.03, 0.06, 0.06, NAN], nan_ok=True)
    assert statistics.holm([[0.5, NAN], [0.9, 0.8]]) == pytest.approx(np.array([[1, NAN], [1, 1]]), nan_ok=True)
    assert statistics.holm([]).shape == (0,)


def test_holm_agrees_with_statsmodels() -> None:
    p = generator().uniform(0, 0.2, 40) ** 2
    assert statistics.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert statistics.holm(p.reshape(5, 8)).shape == (5, 8)


@pytest.mark.parametrize(
    ("effect", "level", "power"), [(1, 0.05, 0.9), (0.3, 0.01, 0.8), (0.02, 0.05, 0.95), (3, 0.05, 0.5)]
)
def test_seeds_needed_agree_with_statsmodels(effect: float, level: float, power: float) -> None:
    needed = statistics.seeds_needed(-2 * effect, 2, level, power)
    assert needed is not None
    reached = [TTestPower().power(effect, n, level) for n in (needed - 1, needed)]
    assert reached[0] < power <= reached[1]


def test_seeds_needed_at_the_ends() -> None:
    assert statistics.seeds_needed(1, 1) == 13, "as in every table"
    assert statistics.seeds_needed(0, 1) is None
    assert statistics.seeds_needed(1, NAN) is None
    assert statistics.seeds_needed(INF, 1) is None
    assert statistics.seeds_needed(0.003, 1) is None
    assert statistics.seeds_needed(0.0035, 1) == 857_751
    assert statistics.seeds_needed(1, 0) == statistics.seeds_needed(1e9, 1) == 2


# Times and costs


def test_time_to_target_by_hand() -> None:
    actual = estimates.time_to_target([1, 2, 2, 3, INF], [True, True, False, True, False])
    assert actual.time.tolist() == [1, 2, 3]
    assert actual.reached == pytest.approx([1 / 5, 1 - 4 / 5 * 3 / 4, 1 - 4 / 5 * 3 / 4 * 1 / 2])
    assert actual.median == 3


def test_time_to_target_agrees_with_scipy() -> None:
    times, reached = generator().integers(1, 30, 60), generator(1).random(60) < 0.6
    reached[times == times.max()] = False
    times, reached = np.append(times, [0, 0]), np.append(reached, [True, False])  # censored from the first step on
    curve = stats.ecdf(stats.CensoredData(times[reached], right=times[~reached])).sf
    limits = curve.confidence_interval(0.9, method="log-log")
    actual = estimates.time_to_target(times, reached, 0.9)
    assert actual.time.tolist() == curve.quantiles.tolist()
    assert actual.reached == pytest.approx(1 - curve.probabilities)
    assert actual.low[1:] == pytest.approx(1 - limits.high.probabilities[1:])
    assert actual.high[1:] == pytest.approx(1 - limits.low.probabilities[1:])
    assert actual.median == curve.quantiles[curve.probabilities <= 0.5][0]


def test_time_to_target_has_exact_limits_until_a_run_is_censored() -> None:
    actual = estimates.time_to_target([1] * 10, [True] * 10)
    assert (actual.low[0], actual.high[0]) == (pytest.approx(0.6915, abs=1e-4), 1)
    actual = estimates.time_to_target([1, 2, 2, 3, 3, INF], [True] * 3 + [False] * 3, 0.9)
    for position, count in enumerate((1, 3, 3)):
        limits = proportion_confint(count, 6, 0.1, "beta")
        assert (actual.low[position], actual.high[position]) == pytest.approx(limits)


def test_time_to_target_at_the_ends() -> None:
    none = estimates.time_to_target([5, 5, INF], [False] * 3)
    assert (none.time.tolist(), none.reached.tolist(), none.median) == ([5], [0], INF)
    assert (none.low.tolist(), none.high.tolist()) == ([0], [pytest.approx(1 - 0.025 ** (1 / 3))])
    every = estimates.time_to_target([1, 2, 3, 4], [True] * 4)
    assert every.reached.tolist() == pytest.approx([0.25, 0.5, 0.75, 1])
    assert every.median == 2
    assert (every.low[3], every.high[3]) == (pytest.approx(0.025 ** (1 / 4)), 1)
    assert estimates.time_to_target([7], [True])[1:] == ([1], [pytest.approx(0.025)], [1], 7)
    last = estimates.time_to_target([1, 2, 3, 4], [True, False, True, True])
    assert (last.reached[3], last.low[3], last.high[3]) == (1, last.low[2], 1), "who was censored may never reach it"
    assert estimates.time_to_target([INF, INF], [False] * 2).time.size == 0


def test_performance_profile_by_hand() -> None:
    costs = [[1, 2], [4, 1], [3, INF], [INF, INF]]
    actual = estimates.performance_profile(costs, [1, 2, 4])
    assert actual.tolist() == [[0.5, 0.5, 0.75], [0.25, 0.5, 0.5]]
    assert estimates.performance_profile([[0, 1]], [1, 100]).tolist() == [[1, 1], [0, 0]]
    with pytest.raises(ValueError, match="^costs are 0 or more, inf where not solved, and not -1.0$"):
        estimates.performance_profile([[1, -1]], [1])


# Searches


def test_expected_best_of_one_run_each_is_the_expected_least_of_a_draw() -> None:
    """Of 1, 2, 3 without putting back: 2 at first, then (1 + 1 + 2) / 3, then 1."""
    mean, low, high = estimates.expected_best([[1], [2], [3]], 4, generator(), resamples=40_000)
    assert mean == pytest.approx([2, 4 / 3, 1, 1], abs=0.02)
    assert low.tolist() == [1, 1, 1, 1]
    assert high.tolist() == [3, 2, 1, 1], "after three there is nothing more to try"


def test_expected_best_draws_a_run_of_each_setting() -> None:
    """Of {0 or 4} and {2}: 2 at first; then 0 or 2. Missing runs are not drawn, nor settings without any."""
    scores = [[0, NAN, 4], [NAN, 2, NAN], [NAN] * 3]
    mean, low, high = estimates.expected_best(scores, 2, generator(), resamples=40_000)
    assert mean == pytest.approx([2, 1], abs=0.04)
    assert (low.tolist(), high.tolist()) == ([0, 0], [4, 2])
    with pytest.raises(ValueError, match="^no setting has a run$"):
        estimates.expected_best([[NAN]], 1, generator())


def test_expected_best_is_a_median_where_searches_have_found_nothing() -> None:
    mean, low, high = estimates.expected_best([[1.0], [2.0], [INF]], 3, generator())
    assert mean[0] == 2
    assert mean[1:] == pytest.approx([4 / 3, 1], abs=0.03)
    assert (low[0], high[0]) == (1, INF)
    assert [part.tolist() for part in estimates.expected_best([[INF], [INF]], 2, generator())] == [[INF] * 2] * 3


def test_best_at_budget_by_hand() -> None:
    """One try: 1 beats 2 and 3 only if it is drawn, against 1.5; two tries always find it. Ties are split."""
    actual = estimates.best_at_budget([[[1], [2]], [[1.5], [1.5]]], 2, generator())
    assert actual == pytest.approx(np.array([[0.5, 1], [0.5, 0]]), abs=0.02)
    assert estimates.best_at_budget([[[1]], [[1]], [[INF]]], 2, generator()).tolist() == [[0.5] * 2] * 2 + [[0] * 2]
    assert estimates.best_at_budget([[[INF]], [[INF]]], 1, generator()).tolist() == [[0.5], [0.5]]


# Variance


def test_variance_shares_by_hand() -> None:
    assert estimates.variance_shares([[0, 0], [1, 1]]) == {"init": 1, "order": 0, "interaction": 0}
    assert estimates.variance_shares([[0, 1, 5], [0, 1, 5]]) == {"init": 0, "order": 1, "interaction": 0}
    assert estimates.variance_shares([[0, 1], [1, 0]]) == {"init": 0, "order": 0, "interaction": 1}
    assert estimates.variance_shares(np.full((3, 3), 0.1)) == {"init": 0, "order": 0, "interaction": 0}
    # mean squares 25, 4 and 1, in a table of two by two: components 12, 1.5 and 1
    table = np.array([[2.5], [-2.5]]) + np.array([[1, -1]]) + np.array([[0.5, -0.5], [-0.5, 0.5]])
    assert estimates.variance_shares(table) == pytest.approx(
        {"init": 12 / 14.5, "order": 1.5 / 14.5, "interaction": 1 / 14.5}
    )


def test_variance_shares_find_what_made_the_values() -> None:
    inits, orders = generator().normal(0, 3, (400, 1)), generator(1).normal(0, 1, (1, 400))
    actual = estimates.variance_shares(inits + orders + generator(2).normal(0, 2, (400, 400)))
    assert actual == pytest.approx({"init": 9 / 14, "order": 1 / 14, "interaction": 4 / 14}, abs=0.05)


@pytest.mark.parametrize("values", [[[1, 2]], [[1], [2]], [[1, 2], [3, INF]], [1, 2]])
def test_variance_shares_refuse_what_has_no_two_ways(values: Any) -> None:
    with pytest.raises(ValueError, match="^variance shares need two or more inits and orders, all finite"):
        estimates.variance_shares(values)


# What is promised at few seeds


@pytest.mark.parametrize("n", [5, 10])
def test_mean_covers_what_it_promises_at_few_seeds(n: int) -> None:
    actual = np.array([statistics.mean(sample) for sample in generator(n).normal(size=(10_000, n))])
    covered = (actual[:, 1] <= 0) & (actual[:, 2] >= 0)
    assert covered.mean() == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("n", "promised"), [(5, 0.9375), (10, 0.95), (30, 0.95)])
def test_median_covers_what_it_promises_whatever_the_distribution(n: int, promised: float) -> None:
    samples = np.exp(generator(n).normal(size=(5_000, n)))
    actual = np.array([statistics.median(sample) for sample in samples])
    assert ((actual[:, 1] <= 1) & (actual[:, 2] >= 1)).mean() == pytest.approx(promised, abs=0.015)


def test_identical_groups_have_no_winner_and_hardly_a_difference() -> None:
    draw, pairs, different = generator(), np.triu_indices(12, 1), 0
    for _ in range(300):
        runs = draw.normal(size=(20, 1)) + draw.normal(size=(20, 12))
        apart = statistics.holm(statistics.sign_flip(runs[:, pairs[0]] - runs[:, pairs[1]], draw)) < 0.05
        lead = runs.mean(axis=0).argmin()
        assert not apart[(pairs[0] == lead) | (pairs[1] == lead)].all(), "no group beats every other"
        different += apart.any()
    assert different / 300 < 0.05 + 0.038  # three standard errors


def test_sign_flip_finds_a_difference_of_one_standard_deviation_at_twenty_seeds() -> None:
    draw = generator()
    assert (statistics.sign_flip(draw.normal(1, 1, (20, 2_000)), draw) < 0.05).mean() > 0.9
    assert (statistics.sign_flip(draw.normal(0, 1, (20, 2_000)), draw) < 0.05).mean() < 0.065
