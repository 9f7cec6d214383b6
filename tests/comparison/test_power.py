"""How many seeds a difference takes, against statsmodels."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from seedsweep.comparison.power import seeds_needed, seeds_range

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("effect", "level", "power"), [(1, 0.05, 0.9), (0.3, 0.01, 0.8), (0.02, 0.05, 0.95), (3, 0.05, 0.5)]
)
def test_seeds_needed_agree_with_statsmodels(effect: float, level: float, power: float) -> None:
    needed = seeds_needed(-2 * effect, 2, level, power)
    assert needed is not None
    reached = [TTestPower().power(effect, n, level) for n in (needed - 1, needed)]
    assert reached[0] < power <= reached[1]


def test_seeds_needed_at_the_ends() -> None:
    assert seeds_needed(1, 1) == 13, "as in every table"
    assert seeds_needed(0, 1) is None
    assert seeds_needed(1, NAN) is None
    assert seeds_needed(INF, 1) is None
    assert seeds_needed(0.003, 1) is None
    assert seeds_needed(0.0035, 1) == 857_751
    assert seeds_needed(1, 0) == seeds_needed(1e9, 1) == 2


def test_range_is_that_of_the_limits_of_the_spread() -> None:
    sample = np.random.default_rng(0).normal(1, 2, size=15)
    limits = np.sqrt(14 * sample.var(ddof=1) / stats.chi2.ppf([0.975, 0.025], 14))
    assert seeds_range(1.0, sample, 0.05, 0.95) == tuple(seeds_needed(1.0, limit) for limit in limits)


def test_range_is_never_below_what_signs_can_show() -> None:
    assert seeds_range(100.0, np.array([99.0, 100.0, 101.0]), 0.05, 0.95) == (6, 6)


@pytest.mark.parametrize(("difference", "sample"), [(0.01, [-1.0, 0.0, 1.0]), (0.0, [1.0, -1.0]), (1.0, [1.0, INF])])
def test_range_of_tens_of_thousands_or_of_nothing_is_not_named(difference: float, sample: list[float]) -> None:
    assert np.isnan(seeds_range(difference, np.array(sample), 0.05, 0.95)).all()
