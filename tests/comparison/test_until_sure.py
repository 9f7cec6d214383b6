"""Seeds bought until it is sure who is best: evidence by hand, exact errors, replays, and what can go wrong."""

import subprocess
import sys
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from shared.commands import ROOT

from seedsweep.comparison.bets import Bets
from seedsweep.comparison.error_spending import ErrorSpending, bounds
from seedsweep.comparison.fresh_seeds import confirm
from seedsweep.comparison.intervals import Array, paired
from seedsweep.comparison.sequential_conditions import diagnose_sequential
from seedsweep.comparison.sequential_state import State
from seedsweep.comparison.until_sure import Sequential, Test, looks
from seedsweep.errors import ConfigError

INF, NAN = np.inf, np.nan
TESTS: tuple[Test, ...] = ("betting", "strict")
both_tests = pytest.mark.parametrize("test", TESTS)


def made_up(means: Sequence[float], seeds: int = 100, seed: int = 0) -> Array:
    """Losses (cells, seeds) whose differences over equal seeds have a standard deviation of 1."""
    draw = np.random.default_rng(seed)
    own, shared = draw.normal(0, 0.5**0.5, (len(means), seeds)), draw.normal(size=seeds)
    return np.asarray(means)[:, None] + own + shared


def by_rounds(sequential: Sequential, losses: Array) -> State:
    """As a sweep does it: each round's losses, nothing of dropped cells."""
    state = sequential.state
    while seeds := list(sequential.next_seeds):
        round_ = np.full((len(losses), len(seeds)), NAN)
        round_[list(state.living)] = losses[list(state.living)][:, seeds]
        state = sequential.observe(round_)
    return state


def same(one: State, other: State) -> bool:
    """Whether two states are equal, their evidence to the last bit."""
    plain = (state._replace(evidence=np.zeros(0)) for state in (one, other))
    return bool(np.array_equal(one.evidence, other.evidence)) and len({str(state) for state in plain}) == 1


def test_the_evidence_is_the_mean_capital_over_the_stakes() -> None:
    """Gaps 1, 2, 3 have the standard deviation 1, so that the fourth counts 2; the fifth is over 3 and counts 3."""
    bets = Bets(np.array([0, 1]), 10, 0.05, 0.0)
    bets.observe(np.array([[0, 0, 0, 0, 0], [1, 2, 3, 2, 3.0]]))
    stakes = np.array([0.25, 0.5, 1, 2])
    assert bets.evidence[1] == pytest.approx(np.mean((1 + np.tanh(2 * stakes)) * (1 + np.tanh(3 * stakes))))
    assert bets.evidence[0] == 1, "the leader's capital has only shrunk"


def test_no_bet_is_laid_before_the_fourth_seed() -> None:
    bets = Bets(np.array([0, 1]), 10, 0.05, 0.0)
    bets.observe(np.array([[0, 0, 0], [1.0, 2, 3]]))
    assert bets.evidence.tolist() == [1, 1]


@pytest.mark.parametrize("magnitudes", [np.ones(13), np.geomspace(1, 20, 13), np.r_[np.ones(9), 9, INF, 5, 1]])
def test_over_all_signs_of_the_differences_the_evidence_is_as_seldom_large_as_ville_has_it(magnitudes: Array) -> None:
    """Exact, not simulated: each pattern of signs is as likely where the differences are symmetric."""
    signs = np.array(list(product([-1, 1], repeat=len(magnitudes))))
    worse = signs * magnitudes
    losses = np.stack([np.zeros_like(worse), np.maximum(worse, -1e9)], axis=1)
    losses[:, 0] = np.where(worse == -INF, INF, 0)
    bets = Bets(np.array([0, 1]), 10, 0.05, 0.0, (len(signs),))
    bets.observe(losses)
    for capital in (2, 5, 20, 40):
        assert ((bets.evidence[:, 1] >= capital).mean()) <= 1 / capital
    assert (bets.evidence[:, 1] >= 40).any()


@pytest.mark.parametrize("noise", ["normal", "lognormal", "diverging"])
def test_equal_options_get_a_winner_as_seldom_as_promised(noise: str) -> None:
    """A t test after every five seeds names one in a quarter of these sweeps."""
    draw = np.random.default_rng(1)
    losses = draw.lognormal(size=(500, 2, 60)) if noise == "lognormal" else draw.normal(size=(500, 2, 60))
    if noise == "diverging":
        losses[draw.random(losses.shape) < 0.1] = INF
    bets = Bets(np.arange(2), 10, 0.05, 0.0, (500,))
    bets.observe(losses)
    assert 0 < (~bets.alive).any(axis=1).mean() <= 0.05


def test_the_strict_test_keeps_its_promise_over_all_looks() -> None:
    losses = np.random.default_rng(2).normal(size=(1000, 2, 60))
    test = ErrorSpending(np.arange(2), looks(10, 5, 60), 0.05, 0.0, (1000,))
    for start, end in zip((0, *looks(10, 5, 60)), looks(10, 5, 60), strict=False):
        test.observe(losses[..., start:end])
    assert 0.03 <= (~test.alive).any(axis=1).mean() <= 0.065


def test_the_bounds_are_the_published_ones_of_five_looks() -> None:
    """Lan & DeMets with O'Brien & Fleming's spending, one-sided 0.025: as in R's ldbounds and gsDesign."""
    found = bounds((20, 40, 60, 80, 100), 0.025)
    assert found == pytest.approx((4.8769, 3.3570, 2.6803, 2.2898, 2.0310), abs=1e-4)
    assert bounds((7,), 0.025)[0] == pytest.approx(1.95996, abs=1e-4)


@both_tests
def test_the_better_option_wins_with_a_part_of_the_runs(test: Test) -> None:
    state = Sequential(["a", "a", "b", "b"], test=test).observe(made_up([0, 4, 1.2, 5]))
    assert state.decision == ("wins", ("a",))
    assert (state.leader, state.runner_up) == (0, 2)
    assert state.runs < 0.4 * state.most_runs == 160
    assert state.p[0] > 0.05 >= state.p[2:].max()


@both_tests
@pytest.mark.parametrize("means", [[0, 1, 0.8, 2], [50, 50, 50, 50], [0, 0, 0.3, 0.3]])
def test_a_replay_gives_the_same_state_round_by_round_and_in_one_go(test: Test, means: list[float]) -> None:
    losses, options = made_up(means), ["a", "a", "b", "b"]
    at_once = Sequential(options, test=test).observe(losses)
    assert same(by_rounds(Sequential(options, test=test), losses), at_once)


@both_tests
def test_the_units_of_the_losses_make_no_difference(test: Test) -> None:
    losses, options = made_up([0, 0.4, 0.5, 3], seed=3), ["a", "a", "b", "b"]
    plain = Sequential(options, margin=0, test=test).observe(losses)
    changed = Sequential(options, margin=0, test=test).observe(1e-3 * losses + 7)
    assert changed.dropped_after == plain.dropped_after
    assert changed.evidence == pytest.approx(plain.evidence, rel=1e-6)


@both_tests
def test_the_order_of_the_cells_makes_no_difference(test: Test) -> None:
    losses, options = made_up([9, 9.4, 9.5, 12], seed=4), np.array(["a", "a", "b", "b"])
    order = [2, 0, 3, 1]
    plain = Sequential(options.tolist(), test=test).observe(losses)
    changed = Sequential(options[order].tolist(), test=test).observe(losses[order])
    assert [changed.dropped_after[order.index(cell)] for cell in range(4)] == list(plain.dropped_after)
    assert np.array_equal(changed.evidence, plain.evidence[order])


def test_a_sweep_that_was_not_sure_goes_on_with_more_seeds() -> None:
    losses = made_up([0, 0.5], seed=8)
    short = Sequential(["a", "b"], max_seeds=15, margin=0)
    assert short.observe(losses[:, :15]).decision == ("cannot be told apart", ("a", "b"))
    assert len(short.next_seeds) == 0
    longer = Sequential(["a", "b"], margin=0)
    assert longer.observe(losses[:, :15]).decision is None
    assert same(longer.observe(losses[:, 15:]), Sequential(["a", "b"], margin=0).observe(losses))


@both_tests
def test_equal_cells_are_never_dropped(test: Test) -> None:
    values = np.tile(np.random.default_rng(0).normal(size=100), (3, 1))
    state = Sequential(["a", "a", "b"], margin=0, test=test).observe(values)
    assert state.living == (0, 1, 2)
    assert state.decision == ("cannot be told apart", ("a", "b"))


def test_a_constant_difference_counts_as_a_sign_and_decides_at_the_first_look() -> None:
    """Six bets in a row are enough, as a sign-flip test needs six seeds at the least."""
    losses = np.array([np.zeros(100), np.full(100, 0.1)])
    bets = Bets(np.array([0, 1]), 10, 0.05, 0.0)
    bets.observe(losses[:, :8])
    assert bets.alive.all()
    bets.observe(losses[:, 8:9])
    assert bets.alive.tolist() == [True, False]
    assert Sequential(["a", "b"], margin=0).observe(losses).seeds == 10


@both_tests
def test_a_cell_that_diverges_is_dropped_and_never_leads(test: Test) -> None:
    losses = made_up([0, 0, -1], seed=5)
    losses[2, ::2] = INF
    state = Sequential(["a", "b", "b"], margin=0, test=test).observe(losses)
    assert 2 not in state.living
    assert state.leader != 2
    failed = np.where(np.isinf(losses), NAN, losses)
    assert same(Sequential(["a", "b", "b"], margin=0, test=test).observe(failed), state)


@both_tests
def test_where_all_diverge_nothing_is_decided(test: Test) -> None:
    state = Sequential(["a", "b"], test=test).observe(np.full((2, 100), INF))
    assert state.decision == ("cannot be told apart", ("a", "b"))


@both_tests
def test_cells_of_one_option_need_no_seeds(test: Test) -> None:
    for options in (["a"], ["a", "a"]):
        sequential = Sequential(options, test=test)
        assert sequential.decision == ("wins", ("a",))
        assert len(sequential.next_seeds) == 0
        assert sequential.state.runner_up is None


@both_tests
def test_options_tie_within_the_margin_and_not_without_one(test: Test) -> None:
    losses = made_up([200, 200, 205, 200.1, 230])
    options = ["a", "a", "a", "b", "c"]
    state = Sequential(options, test=test).observe(losses)
    assert state.decision == ("ties", ("a", "b"))
    assert Sequential(options, margin=0, test=test).observe(losses).decision == ("cannot be told apart", ("a", "b"))


@both_tests
def test_options_that_differ_by_more_than_the_margin_do_not_tie(test: Test) -> None:
    """The difference is 1.5 and the margin 1, of which one standard deviation is as much."""
    decisions = [Sequential(["a", "b"], test=test).observe(made_up([100, 101.5], seed=n)).decision for n in range(20)]
    assert set(decisions) == {("wins", ("a",))}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_seeds": 5}, "max_seeds=5: must be an integer of at least 10, which is first_seeds"),
        ({"first_seeds": 1}, "first_seeds=1"),
        ({"seeds_per_round": 0}, "seeds_per_round=0"),
        ({"confidence": 1.0}, "confidence=1.0: must lie between 0 and 1"),
        ({"margin": -0.1}, "margin=-0.1"),
        ({"test": "other"}, "test=other: must be betting or strict"),
        ({"options": []}, "options"),
    ],
)
def test_wrong_numbers_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Sequential(**{"options": ["a", "b"], **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("losses", [np.zeros((2, 7)), np.zeros((3, 10)), np.full((2, 10), -INF), np.zeros(10)])
def test_losses_that_are_no_rounds_of_all_cells_are_refused(losses: Array) -> None:
    with pytest.raises(ValueError, match=r"round|losses"):
        Sequential(["a", "b"]).observe(losses)


def test_the_last_round_is_shorter_where_the_seeds_do_not_add_up() -> None:
    assert looks(10, 5, 22) == (10, 15, 20, 22)
    assert looks(10, 5, 10) == (10,)


def test_a_state_says_itself_in_a_sentence() -> None:
    state = Sequential(["adam", "sgd"]).observe(made_up([0, 3]))
    assert state.sentence(0.95) == "adam wins; sure at 95 % after 20 of at most 200 runs; 1 of 2 cells dropped"
    undecided = Sequential(["adam", "sgd"], max_seeds=10, margin=0).observe(np.zeros((2, 10)))
    assert undecided.sentence(0.95).startswith(
        "adam and sgd cannot be told apart; not sure after 20 of at most 20 runs"
    )


def test_fresh_seeds_give_means_and_their_difference() -> None:
    winner, other = made_up([0, 1], seeds=12)
    result = confirm(winner, other)
    assert result.difference == paired(other - winner)
    assert (result.mean.estimate, result.runner_up.estimate) == pytest.approx((winner.mean(), other.mean()))
    other[[0, 3]] = INF, NAN
    diverged = confirm(winner, other)
    assert (diverged.diverged, diverged.seeds) == ((0, 2), 12)
    finished = np.isfinite(other)
    assert diverged.difference == paired(other[finished] - winner[finished])
    assert np.isnan(confirm([INF, INF], [0.0, 1.0]).mean.estimate)
    with pytest.raises(ValueError, match="same fresh seeds"):
        confirm([0.0], [0.0, 1.0])


@pytest.mark.parametrize(
    ("doubt", "sentence"),
    [
        ("skew", "The differences of a to b are strongly skewed"),
        ("drift", "The differences of a to b go with those of the seed before"),
        ("equal", "a has on most seeds the same value as b"),
        ("diverged", "Runs have diverged (b on 2 seeds)"),
    ],
)
def test_conditions_that_can_be_doubted_are_said(doubt: str, sentence: str) -> None:
    losses = made_up([0, 0.1], seeds=30)
    draw = np.random.default_rng(6)
    if doubt == "skew":
        losses[1] += draw.lognormal(0, 2, 30)
    elif doubt == "drift":
        losses[1] += np.repeat([0.0, 5, 0], 10)
    elif doubt == "equal":
        losses[1] = np.where(np.arange(30) % 3, losses[0], losses[1])
    else:
        losses[1, [3, 9]] = INF
    state = Sequential(["a", "b"], max_seeds=30, margin=0).state._replace(seeds=30)
    found = diagnose_sequential(losses, state, ["a", "b"])
    assert any(diagnostic.sentence.startswith(sentence) for diagnostic in found)


def test_normal_losses_of_two_options_raise_no_doubt() -> None:
    losses = made_up([0, 0.1], seeds=40)
    state = Sequential(["a", "b"], max_seeds=40, margin=0).observe(losses)
    assert diagnose_sequential(losses, state, ["a", "b"]) == []


@pytest.mark.slow
def test_the_benchmark_runs_through() -> None:
    command = [sys.executable, "-W", "error", str(ROOT / "benchmarks" / "sequential.py"), "--quick"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "What is saved" in printed
