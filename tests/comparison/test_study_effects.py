"""What study_effects.py says where it can be checked by hand, against statsmodels, and on made-up studies."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.special import stdtrit
from scipy.stats import ttest_rel
from shared.studies import LUCKY, frame, sampled
from statsmodels.stats.anova import anova_lm

from seedsweep.comparison import inference, intervals, study_effects
from seedsweep.comparison.study_effects import StudyComparison, compare_studies

INF, NAN = math.inf, math.nan


def limits(judged: StudyComparison, index: int = 0) -> tuple[float, ...]:
    return tuple(judged.table.loc[index, ["mean", "low", "high"]])


def difference(judged: StudyComparison) -> tuple[float, ...]:
    return tuple(judged.pairs.loc[0, ["difference", "low", "high"]])


def printed(judged: StudyComparison) -> str:
    assert repr(judged) == "\n".join(judged.sentences)
    return repr(judged)


# Means


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_one_study_has_students_interval_over_its_seeds(confidence: float) -> None:
    judged = compare_studies(frame(adam=[LUCKY]), confidence=confidence)
    assert limits(judged) == intervals.mean(LUCKY, confidence)
    assert judged.table.loc[0, "seed_sd"] == pytest.approx(LUCKY.std(ddof=1))
    assert math.isnan(judged.table.loc[0, "study_sd"])


def test_one_seed_has_students_interval_over_the_studies() -> None:
    judged = compare_studies(frame(adam=LUCKY[:, None]))
    assert limits(judged) == intervals.mean(LUCKY)
    assert judged.table.loc[0, "study_sd"] == pytest.approx(LUCKY.std(ddof=1))
    assert math.isnan(judged.table.loc[0, "seed_sd"])


def test_studies_that_are_all_alike_add_nothing_to_the_seeds() -> None:
    judged = compare_studies(frame(adam=np.tile(LUCKY, (3, 1))))
    assert limits(judged) == pytest.approx(intervals.mean(LUCKY))
    assert judged.table.loc[0, "study_sd"] == pytest.approx(0)


def test_seeds_that_are_all_alike_leave_as_many_values_as_studies() -> None:
    judged = compare_studies(frame(adam=np.tile(LUCKY[:3, None], (1, 10))))
    assert limits(judged) == pytest.approx(intervals.mean(LUCKY[:3]))
    assert judged.table.loc[0, "seed_sd"] == pytest.approx(0)


def test_two_by_two_worked_by_hand() -> None:
    """Study means 1 and 4, seed means 2 and 3, residuals ±1/2: mean squares 9, 1 and 1."""
    values = np.array([[0, 2], [4, 4.0]])
    error, freedom = 9 / 4, 9**2 / (9**2 + 1 + 1)  # of 1 freedom each, so at least 1
    assert study_effects.components(values) == pytest.approx((4, 0, 1))
    assert study_effects.squared_error(values) == pytest.approx((error, 1))
    assert freedom < 1
    half = stdtrit(1, 0.975) * 1.5
    assert limits(compare_studies(frame(adam=values))) == pytest.approx((2.5, 2.5 - half, 2.5 + half))


def test_mean_squares_are_those_of_statsmodels() -> None:
    values = sampled(np.random.default_rng(3), study=1)
    fitted = anova_lm(smf.ols("value ~ C(study) + C(seed)", frame(adam=values)).fit())
    study, seed, rest = fitted["mean_sq"]
    assert min(study, seed) > rest > 0  # so that nothing is cut off
    assert study_effects.components(values) == pytest.approx(((study - rest) / 5, (seed - rest) / 3, rest))
    error, freedom = study_effects.squared_error(values)
    assert error == pytest.approx((study + seed - rest) / 15)
    assert freedom == pytest.approx(max((study + seed - rest) ** 2 / (study**2 / 2 + seed**2 / 4 + rest**2 / 8), 2))


def test_an_error_is_never_below_what_studies_or_seeds_alone_would_give() -> None:
    values = np.random.default_rng(0).normal(size=(200, 3, 5))  # all of it is rest
    for table in values:
        by_study, by_seed = table.mean(axis=1).var(ddof=1) / 3, table.mean(axis=0).var(ddof=1) / 5
        error, freedom = study_effects.squared_error(table)
        assert error >= max(by_study, by_seed) * (1 - 1e-12)
        assert 2 <= freedom <= 6


def test_one_run_has_neither_limits_nor_a_claim() -> None:
    judged = compare_studies(frame(adam=[[1.0]], sgd=[[2.0]]))
    assert limits(judged) == pytest.approx((1, NAN, NAN), nan_ok=True)
    assert difference(judged) == pytest.approx((1, NAN, NAN), nan_ok=True)
    assert math.isnan(judged.pairs.loc[0, "p"])
    assert not judged.pairs.loc[0, "decided"]
    assert judged.sentences[0] == "one run of each: adam has the best value, which may be luck"


# Differences


def test_one_study_each_is_a_paired_t_test_over_the_seeds() -> None:
    other = LUCKY + np.array([0.1, 0.2, 0.1, 0.3, 0.2])
    judged = compare_studies(frame(adam=[LUCKY], sgd=[other]))
    assert difference(judged) == pytest.approx(intervals.paired(other - LUCKY))
    assert judged.pairs.loc[0, "p"] == pytest.approx(ttest_rel(LUCKY, other).pvalue)


def test_one_seed_is_welchs_test_over_the_studies() -> None:
    a, b = np.array([1.0, 2, 4]), np.array([5.0, 9, 3, 7])
    judged = compare_studies(frame(adam=a[:, None], sgd=b[:, None]))
    assert difference(judged) == pytest.approx(intervals.unpaired(b, a))


def test_what_seeds_do_to_both_options_is_no_part_of_their_difference() -> None:
    generator = np.random.default_rng(1)
    a, b = sampled(generator, 1), 1 + sampled(generator, 1)
    plain = compare_studies(frame(adam=a, sgd=b))
    shifted = compare_studies(frame(adam=a + 100 * LUCKY, sgd=b + 100 * LUCKY))
    assert difference(shifted) == pytest.approx(difference(plain))
    assert shifted.table["seed_sd"].min() > 10 * plain.table["seed_sd"].max()


def test_the_studies_of_both_options_add_to_the_error_of_their_difference() -> None:
    """Without a rest and with the same seeds: study means' variances 1 and 4, of 3 and 3 studies."""
    a = np.array([[0.0], [1], [2]]) + LUCKY
    b = np.array([[4.0], [6], [8]]) + LUCKY
    error, freedom = study_effects.squared_error(a, b)
    assert error == pytest.approx(1 / 3 + 4 / 3)
    assert freedom == pytest.approx((5 / 3) ** 2 / ((1 / 3) ** 2 / 2 + (4 / 3) ** 2 / 2))


def test_p_values_are_adjusted_for_all_pairs() -> None:
    generator = np.random.default_rng(5)
    tables = {name: index / 2 + sampled(generator, 0.3) for index, name in enumerate(["adam", "rmsprop", "sgd"])}
    pairs = compare_studies(frame(**tables)).pairs
    alone = [
        compare_studies(frame(a=tables[a], b=tables[b])).pairs.loc[0, "p"] for a, b in pairs.iloc[:, :2].to_numpy()
    ]
    assert pairs["p"].to_numpy() == pytest.approx(inference.holm(alone))
    assert (pairs["p"] > alone).any()


def test_limits_hold_the_truth_as_often_as_they_say() -> None:
    """Of one option, and of two that are equally good; as if all runs were independent, limits are far too narrow."""
    generator = np.random.default_rng(0)
    honest, naive, repetitions = np.zeros(2), np.zeros(2), 1_000
    for _ in range(repetitions):
        seeds = generator.normal(0, 1, 5)
        a, b = sampled(generator, 1, seeds=seeds), sampled(generator, 1, seeds=seeds)
        for index, (tables, estimate) in enumerate([((a,), a.mean()), ((a, b), a.mean() - b.mean())]):
            error, freedom = study_effects.squared_error(*tables)
            honest[index] += abs(estimate) <= stdtrit(freedom, 0.975) * math.sqrt(error)
        _, low, high = intervals.mean(a.ravel())
        naive[0] += low <= 0 <= high
        _, low, high = intervals.unpaired(a.ravel(), b.ravel())
        naive[1] += low <= 0 <= high
    assert (honest / repetitions > 0.93).all()  # the type-I error is below 0.07
    assert (honest / repetitions < 0.985).all()  # and not for being as wide as can be
    assert (naive / repetitions < 0.85).all()


@pytest.mark.parametrize("seed", range(8))
def test_two_options_are_told_apart_where_the_limits_of_their_difference_leave_zero_out(seed: int) -> None:
    generator = np.random.default_rng(seed)
    runs = frame(adam=sampled(generator, 1), sgd=seed / 2 + sampled(generator, 1))
    pair = compare_studies(runs).pairs.loc[0]
    assert pair["decided"] == (pair["low"] > 0) == (pair["p"] < 0.05)
    assert compare_studies(runs, confidence=0.5).pairs.loc[0, "decided"] == (pair["p"] < 0.5)
    as_sure = compare_studies(runs, confidence=1 - pair["p"]).pairs.loc[0]
    assert as_sure["low"] == pytest.approx(0, abs=1e-9)  # p is where the limits just reach zero


# Whatever the way round


def test_maximizing_mirrors_everything() -> None:
    generator = np.random.default_rng(1)
    runs = frame(
        adam=sampled(generator, 1),
        sgd=3 + sampled(generator, 1),
        rmsprop=[*sampled(generator, 1)[:2], [0, 0, INF, 0, 0]],
    )
    least, most = compare_studies(runs), compare_studies(runs.assign(value=-runs["value"]), maximize=True)
    mirrored = most.table.assign(mean=-most.table["mean"], low=-most.table["high"], high=-most.table["low"])
    pd.testing.assert_frame_equal(mirrored, least.table)
    pd.testing.assert_frame_equal(most.pairs, least.pairs)
    assert list(least.table["option"]) == ["adam", "sgd", "rmsprop"]
    assert list(most.table["mean"])[-1] == -INF


def test_the_order_of_the_runs_is_of_no_account() -> None:
    generator = np.random.default_rng(1)
    runs = frame(sgd=sampled(generator, 1), adam=sampled(generator, 1)[:2], rmsprop=sampled(generator, 1))
    first, shuffled = compare_studies(runs), compare_studies(runs.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(first.table, shuffled.table)
    pd.testing.assert_frame_equal(first.pairs, shuffled.pairs)


# Divergence


@pytest.mark.parametrize("bad", [INF, -INF, NAN])
def test_an_option_with_a_diverged_run_is_last_and_not_tested(bad: float) -> None:
    judged = compare_studies(frame(adam=[[9, 8.0], [7, 8]], sgd=[[1, 1], [1, bad]], rmsprop=[[9, 9.5], [8, 8]]))
    assert list(judged.table["option"]) == ["adam", "rmsprop", "sgd"]
    assert limits(judged, 2) == pytest.approx((INF, NAN, NAN), nan_ok=True)
    assert list(judged.table["diverged"]) == [0, 0, 1]
    tested = judged.pairs.set_index(["better", "worse"])["p"].notna().to_dict()
    assert tested == {("adam", "rmsprop"): True, ("adam", "sgd"): False, ("rmsprop", "sgd"): False}
    assert "sgd diverged in 1 of 4 runs" in printed(judged)


def test_a_diverged_option_is_no_comparison_for_the_one_that_is_left() -> None:
    judged = compare_studies(frame(adam=np.tile(LUCKY, (3, 1)), sgd=np.full((3, 5), INF)))
    assert judged.sentences[0].startswith("adam is the only one without a diverged run: 0.98 [0.741, 1.22]")
    assert judged.sentences[1] == "sgd diverged in 15 of 15 runs, and has no mean"
    assert not judged.pairs["decided"].any()


def test_nobody_wins_where_all_options_diverged_and_the_fewest_come_first() -> None:
    judged = compare_studies(frame(adam=[[INF, INF], [1, INF]], sgd=[[INF, 1], [1, 1]]))
    assert list(judged.table["option"]) == ["sgd", "adam"]
    assert judged.sentences[0] == "no option wins: runs of each diverged"


# What may be wrong


def test_equal_values_are_no_victory_whatever_their_rounding() -> None:
    """The mean of three times 0.1 is not 0.1."""
    judged = compare_studies(frame(adam=np.full((3, 2), 0.1), sgd=np.full((2, 2), 0.1)))
    assert judged.pairs.loc[0, "p"] == 1
    apart = compare_studies(frame(adam=np.full((3, 2), 0.1), sgd=np.full((2, 2), 0.2)))
    assert apart.pairs.loc[0, "p"] == pytest.approx(0, abs=1e-9)


def test_a_winner_without_a_run_of_each_seed_is_refused() -> None:
    runs = frame(adam=[LUCKY, LUCKY], sgd=[LUCKY, LUCKY])
    for drop in itertools.chain([0, 7], [slice(None)]):
        with pytest.raises(ValueError, match="every winner needs a run with every seed"):
            compare_studies(runs.drop(runs.index[drop]))
    with pytest.raises(ValueError, match="duplicate"):
        compare_studies(pd.concat([runs, runs[:1]]))
