"""Intervals: small cases by hand, what scipy and statsmodels say, and what they cover of made-up scores."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from seedsweep.comparison import intervals
from seedsweep.comparison.interquartile import interquartile_mean, interquartile_means
from seedsweep.comparison.intervals import Interval

INF, NAN = math.inf, math.nan


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def iqm(values: Any, **options: Any) -> Interval:
    return interquartile_mean(values, generator(), **options)


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_mean_agrees_with_scipy(n: int, confidence: float) -> None:
    values = generator().normal(3, 2, n)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    assert intervals.mean(values, confidence) == pytest.approx((values.mean(), *theirs))
    assert intervals.paired(values, confidence) == intervals.mean(values, confidence)


def test_mean_of_one_two_three() -> None:
    half = 4.302653 / math.sqrt(3)  # t at 2 degrees of freedom; the standard deviation is 1
    assert intervals.mean([1, 2, 3]) == pytest.approx((2, 2 - half, 2 + half), abs=1e-6)
    assert intervals.paired([1, 2, 3]) == pytest.approx((2, 2 - half, 2 + half), abs=1e-6)


@pytest.mark.parametrize(("n", "m", "scale"), [(2, 2, 1), (5, 9, 3), (30, 4, 0.2)])
def test_unpaired_agrees_with_scipy(n: int, m: int, scale: float) -> None:
    a, b = generator().normal(1, 1, n), generator(1).normal(0, scale, m)
    theirs = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert intervals.unpaired(a, b, 0.9) == pytest.approx((a.mean() - b.mean(), *theirs))


def test_unpaired_of_two_and_two() -> None:
    half = 4.302653  # two degrees of freedom; the variances are 1/2, the standard error sqrt(1/4 + 1/4)
    assert intervals.unpaired([1, 2], [5, 6]) == pytest.approx((-4, -4 - half * 0.5**0.5, -4 + half * 0.5**0.5))


@pytest.mark.parametrize("compute", [intervals.mean, intervals.median, iqm, intervals.paired])
def test_one_value_has_no_limits(compute: Callable[[Any], Interval]) -> None:
    assert compute([2.0]) == pytest.approx((2, NAN, NAN), nan_ok=True)


@pytest.mark.parametrize("sample", [[3.0], [3.0, 4.0]])
def test_one_value_against_others_has_no_limits(sample: list[float]) -> None:
    assert intervals.unpaired([1.0], sample) == pytest.approx((1 - np.mean(sample), NAN, NAN), nan_ok=True)


@pytest.mark.parametrize("compute", [intervals.mean, intervals.median, iqm, intervals.paired])
@pytest.mark.parametrize("n", [2, 5, 30])
def test_equal_values_have_an_empty_interval(compute: Callable[[Any], Interval], n: int) -> None:
    assert compute([0.5] * n) == (0.5, 0.5, 0.5)


def test_equal_values_differ_from_equal_values_by_a_constant() -> None:
    assert intervals.unpaired([0.5, 0.5], [0.25, 0.25, 0.25]) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("values", [[1.0, INF], [1.0, NAN], [], [[1.0, 2.0]]])
def test_mean_refuses_what_is_not_a_list_of_finite_numbers(values: Any) -> None:
    for compute in (intervals.mean, intervals.paired, lambda sample: intervals.unpaired([1, 2], sample)):
        with pytest.raises(ValueError, match="^the values must be finite numbers, not "):
            compute(values)


@pytest.mark.parametrize("values", [[1.0, NAN], [1.0, -INF], []])
def test_median_and_interquartile_mean_refuse_what_is_no_cost(values: list[float]) -> None:
    for compute in (intervals.median, iqm):
        with pytest.raises(ValueError, match="^the values must be numbers or inf, not "):
            compute(values)


def test_median_at_few_seeds_has_the_range_as_its_interval() -> None:
    for n in range(2, 6):
        assert intervals.median(range(n)) == ((n - 1) / 2, 0, n - 1)


def test_median_of_ten_is_between_hettmansperger_and_sheather_s_statistics() -> None:
    """The 2nd to the 9th cover 1 - 22/1024, the 3rd to the 8th 1 - 112/1024; theirs lies between."""
    share = (1 - 22 / 1024 - 0.95) / (90 / 1024)
    share = 8 * share / (2 + 6 * share)
    assert intervals.median(range(10)) == pytest.approx((4.5, 1 + share, 8 - share))


def test_median_limits_at_an_order_statistic_s_own_confidence_are_that_one() -> None:
    values = generator().permutation(11)
    covered = stats.quantile_test(values, q=0, p=0.5).confidence_interval  # scipy's, not interpolated
    exact = 1 - 2 * stats.binom.cdf(1, 11, 0.5)
    assert intervals.median(values, exact) == pytest.approx((5, 1, 9))
    assert tuple(covered(0.95)) == (1, 9), "which is wider than 95 % ask for"
    interval = intervals.median(values, 0.95)
    assert 1 < interval.low < 2
    assert 8 < interval.high < 9


def test_median_counts_diverged_runs_as_the_worst() -> None:
    finite = intervals.median(range(10))
    interval = intervals.median([*range(8), INF, INF])
    assert (interval.estimate, interval.low) == (finite.estimate, finite.low)
    assert interval.high == INF, "not interpolated between 7 and infinity"
    assert intervals.median([1, 2, INF, INF]) == (INF, 1, INF)
    assert intervals.median([INF] * 7) == (INF, INF, INF)


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

    options = {"n_resamples": 20_000, "method": "BCa", "rng": generator(1)}
    theirs = stats.bootstrap((values,), middle, axis=-1, **options)
    interval, width = iqm(values, resamples=20_000), theirs.confidence_interval.high - theirs.confidence_interval.low
    assert interval[1:] == pytest.approx(tuple(theirs.confidence_interval), abs=0.03 * width)


def test_interquartile_mean_counts_diverged_runs_as_the_worst() -> None:
    assert iqm([1, 2, 3, INF]).estimate == 2.5, "one in four does not matter"
    assert iqm([1, 2, 3, INF]).high == INF
    assert iqm([1, 2, 3, INF, INF]).estimate == INF
    assert iqm([INF] * 6) == (INF, INF, INF)
    assert iqm([1, 2, 3, 4, 1e300]).estimate == pytest.approx((0.75 * 2 + 3 + 0.75 * 4) / 2.5)


def test_interquartile_mean_of_very_many_values_has_limits() -> None:
    values = generator().normal(size=50_000)
    interval = iqm(values, resamples=50)
    assert 0 < interval.high - interval.low < 0.05
    assert abs(interval.estimate) < 0.02


def test_interquartile_mean_is_repeatable() -> None:
    values = generator().normal(size=100)
    assert iqm(values) == iqm(values)


def test_probability_by_hand() -> None:
    assert intervals.probability([1, 2, INF, INF], [2, 2, 3, INF], paired=True).estimate == 0.5
    assert intervals.probability([1, 2], [2, INF], paired=False).estimate == 3.5 / 4
    assert intervals.probability([1, 1], [1, 1], paired=False).estimate == 0.5


def test_unpaired_probability_is_that_of_all_pairs_for_groups_of_any_size() -> None:
    a, b = (generator(seed).integers(0, 50, 400).astype(float) for seed in (0, 1))
    a[:20] = b[:30] = INF
    pairs = np.mean((a[:, None] < b) + (a[:, None] == b) / 2)
    assert intervals.probability(a, b, paired=False).estimate == pairs
    very_many = np.tile(a, 500), np.tile(b, 500)  # 40 billion pairs
    assert intervals.probability(*very_many, paired=False).estimate == pairs


@pytest.mark.parametrize("wins", [0, 3, 10])
def test_paired_probability_has_wilson_s_interval(wins: int) -> None:
    interval = intervals.probability([0] * wins + [2] * (10 - wins), [1] * 10, paired=True)
    theirs = proportion_confint(wins, 10, 0.05, "wilson")
    assert interval == pytest.approx((wins / 10, *theirs))


def test_unpaired_probability_has_newcombe_s_interval() -> None:
    a, b = generator().normal(0, 1, 12), generator(1).normal(0.8, 1, 9)
    interval = intervals.probability(a, b, paired=False)
    assert interval.estimate == pytest.approx(1 - stats.mannwhitneyu(a, b).statistic / (12 * 9))
    for limit in interval[1:]:  # where the estimate is 1.96 standard errors off, by Hanley & McNeil's
        spread = 1 + 9.5 * ((1 - limit) / (2 - limit) + limit / (1 + limit))
        error = math.sqrt(limit * (1 - limit) * spread / (12 * 9))
        assert abs(interval.estimate - limit) == pytest.approx(1.959964 * error, rel=1e-6)
    assert interval.low < interval.estimate < interval.high


def test_unpaired_probability_has_limits_where_all_are_better() -> None:
    interval = intervals.probability([1, 2, 3], [INF, 5, 6], paired=False)
    assert (interval.estimate, interval.high) == (1, 1)
    assert 0.3 < interval.low < 0.7
    mirrored = intervals.probability([INF, 5, 6], [1, 2, 3], paired=False)
    assert mirrored == pytest.approx((0, 0, 1 - interval.low))


def test_paired_probability_refuses_unequal_numbers() -> None:
    with pytest.raises(ValueError, match="^pairs need as many values of each, not 2 and 1$"):
        intervals.probability([1, 2], [1], paired=True)


@pytest.mark.parametrize("n", [5, 10])
def test_mean_covers_what_it_promises_at_few_seeds(n: int) -> None:
    limits = np.array([intervals.mean(sample) for sample in generator(n).normal(size=(10_000, n))])
    covered = (limits[:, 1] <= 0) & (limits[:, 2] >= 0)
    assert covered.mean() == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("n", "promised"), [(5, 0.9375), (10, 0.95), (30, 0.95)])
def test_median_covers_what_it_promises_whatever_the_distribution(n: int, promised: float) -> None:
    samples = np.exp(generator(n).normal(size=(5_000, n)))
    limits = np.array([intervals.median(sample) for sample in samples])
    assert ((limits[:, 1] <= 1) & (limits[:, 2] >= 1)).mean() == pytest.approx(promised, abs=0.015)


def test_interquartile_means_of_several_samples_are_those_of_each_by_itself() -> None:
    samples = {(n, lost): generator(n + lost).normal(size=n) for n in (1, 2, 7, 40, 41, 300) for lost in (0, 1, 15)}
    for (n, lost), values in samples.items():
        values[: min(lost, n)] = INF
    together = interquartile_means(samples, 5, 0.9)
    for name, values in samples.items():
        alone = interquartile_mean(values, generator(5), 0.9)
        assert [value.hex() for value in together[name]] == [value.hex() for value in alone]


@pytest.mark.parametrize("scale", [2.0**400, 2.0**-400])
def test_interquartile_mean_of_scores_of_any_size_has_limits(scale: float) -> None:
    values = generator().normal(size=12)
    assert np.array(iqm(scale * values)).tolist() == (scale * np.array(iqm(values))).tolist()
