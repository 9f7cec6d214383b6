"""Each option at its best, on losses made by hand and by simulation."""

from itertools import product

import numpy as np
import pytest

from seedsweep.comparison.at_best import Cells, compare_bests
from seedsweep.comparison.intervals import Array, paired

INF, NAN = np.inf, np.nan


def cells(losses: object, flawed: tuple[bool, ...] = ()) -> Cells:
    array = np.atleast_2d(np.asarray(losses, dtype=float))
    return Cells(array, array, np.array(flawed or (False,) * len(array)))


def test_one_cell_each_is_the_sign_flip_test_and_students_interval() -> None:
    differences = np.array([0.3, 0.5, -0.1, 0.4, 0.6, 0.2, 0.7, 0.1])
    result = compare_bests(cells(np.zeros(8)), cells(differences), 0.95, 0)
    sums = [abs(np.dot(signs, differences)) for signs in product([-1, 1], repeat=8)]
    assert result.p == pytest.approx(np.mean(np.array(sums) >= differences.sum() - 1e-12))
    assert (result.difference, result.low, result.high) == pytest.approx(paired(differences))


def test_every_cell_of_the_other_has_to_be_beaten() -> None:
    draw = np.random.default_rng(0)
    leader, near, far = 0.1 * draw.normal(size=(3, 12)) + np.array([[0.0], [0.02], [5.0]])
    against_both = compare_bests(cells(leader), cells([far, near]), 0.95, 0)
    against_near = compare_bests(cells(leader), cells(near), 0.95, 0)
    assert (against_both.closest, against_both.hardest) == (1, 1)
    assert against_both.p == against_near.p > 0.05
    assert against_both.low == against_near.low < 0


def test_having_picked_the_leader_is_paid_for() -> None:
    """The same leader among cells as good as it has a larger p-value, and wider limits, than alone."""
    draw = np.random.default_rng(1)
    alike, other = draw.normal(size=(6, 12)), draw.normal(1.0, 1, size=12)
    leader = alike[alike.mean(axis=1).argmin()]
    chosen, alone = (compare_bests(cells(option), cells(other), 0.95, 0) for option in (alike, leader))
    assert chosen.p > alone.p
    assert chosen.low < alone.low


def test_a_cell_that_is_surely_worse_costs_nothing() -> None:
    draw = np.random.default_rng(2)
    leader, other = draw.normal(size=12), draw.normal(1.0, 1, size=12)
    alone = compare_bests(cells(leader), cells(other), 0.95, 0)
    with_hopeless = compare_bests(cells([leader + 50, leader]), cells(other), 0.95, 0)
    assert (with_hopeless.p, with_hopeless.low, with_hopeless.high) == (alone.p, alone.low, alone.high)


def test_cells_with_diverged_runs_lead_only_where_no_other_can() -> None:
    diverging, clean = [0.1, INF, 0.1, 0.1], [0.5, 0.6, 0.5, 0.6]
    assert cells([diverging, clean]).leading() == 1
    assert cells([diverging]).leading() == 0
    assert cells([clean, [0.1, NAN, NAN, NAN]]).leading() == 0, "one seed of four is too few"
    assert cells([clean, [0.1, 0.2, NAN, NAN]], (False, True)).leading() == 0, "its worse runs were pruned"


def test_a_cell_that_diverged_is_beaten_by_ranks() -> None:
    draw = np.random.default_rng(3)
    leader = 0.1 * draw.normal(size=10)
    other = np.stack([leader + 1 + 0.1 * draw.normal(size=10), np.full(10, INF)])
    result = compare_bests(cells(leader), cells(other), 0.95, 0)
    assert (result.p, result.closest) == (2 / 2**10, 0)
    nearly = np.stack([other[0], np.where(np.arange(10) < 2, INF, leader - 1)])
    assert compare_bests(cells(leader), cells(nearly), 0.95, 0).p > 0.05, "where it does not diverge it is better"


def test_seeds_that_differ_are_not_paired() -> None:
    draw = np.random.default_rng(4)
    first, second = np.full((2, 16), NAN)
    first[:8], second[8:] = draw.normal(size=8), draw.normal(3, 1, size=8)
    result = compare_bests(cells(first), cells(second), 0.95, 0)
    assert result.p < 0.01
    assert result.low > 0


def test_a_cell_of_one_seed_cannot_be_beaten() -> None:
    losses = np.full((2, 8), 1.0) + np.random.default_rng(5).normal(0, 0.1, (2, 8))
    losses[1, 1:] = NAN
    assert compare_bests(cells(np.zeros(8)), cells(losses), 0.95, 0).p == 1


def test_order_of_seeds_and_cells_makes_no_difference() -> None:
    draw = np.random.default_rng(6)
    better, worse = draw.normal(size=(4, 20)), draw.normal(0.5, 1, size=(5, 20))
    expected = compare_bests(cells(better), cells(worse), 0.95, 0)
    for _ in range(20):
        seeds = draw.permutation(20)
        result = compare_bests(
            cells(better[draw.permutation(4)][:, seeds]), cells(worse[draw.permutation(5)][:, seeds]), 0.95, 0
        )
        assert (result.p, result.hardest) == (expected.p, result.hardest)
        assert (result.difference, result.low, result.high) == pytest.approx(
            (expected.difference, expected.low, expected.high), rel=1e-12
        )


def test_limits_hold_and_no_false_winner_is_named_among_tied_bests() -> None:
    """Two options with two good rates each: 300 experiments, of which 5 % and three standard errors may go wrong."""
    draw, wrong, missed = np.random.default_rng(7), 0, 0
    for _ in range(300):
        seed = draw.normal(size=12)
        losses: Array = seed + draw.normal(size=(2, 4, 12)) + np.array([0.0, 0.0, 0.5, 1.0])[:, None]
        options = sorted(map(cells, losses), key=lambda option: option.claims[option.leading()].mean())
        result = compare_bests(*options, 0.95, 0, 1_000, 1_000)
        wrong += result.p <= 0.05
        missed += not result.low <= 0 <= result.high
    assert wrong / 300 < 0.05 + 0.038
    assert missed / 300 < 0.05 + 0.038
