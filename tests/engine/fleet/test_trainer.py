"""The fleet against the reference engine, point by point, and against itself in other company, bit by bit."""

import math
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pytest
import torch
from shared.fleets import (
    CHAOTIC,
    CONVEX,
    HUGE,
    Problem,
    Run,
    alone,
    apart,
    assert_equal,
    assert_same_bits,
    bits,
    compare,
    configured,
    curves,
    digits,
    fleet,
    iris,
    logistic,
    mlp,
    proportional,
    run,
    softmax,
    splits,
    weights,
    wine,
)

from seedsweep.engine.fleet.shared_optimizer import probe
from seedsweep.engine.fleet.state import TrainingState
from seedsweep.engine.fleet.trainer import PruneMembers, _Training, train
from seedsweep.engine.fleet.vectorize import Vectorized
from seedsweep.outcomes import Column, FleetResult, Point
from seedsweep.problem.initializers import INITIALIZERS
from seedsweep.problem.models import MLP, LogisticRegression
from seedsweep.problem.module import Learner


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


class Leaping(torch.optim.SGD):
    """SGD, but its step number `after` goes so many times as far."""

    def __init__(self, parameters: Any, lr: float, after: int, far: float):
        super().__init__(parameters, lr)
        self.remaining, self.far = after, far

    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        self.remaining -= 1
        if self.remaining == 0:
            for value in self.param_groups[0]["params"]:
                value.data.sub_(value.grad * self.far * self.param_groups[0]["lr"])
        return loss


# Equal to the reference engine


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "other_rate", "bound"),
    [(logistic, 0.5, CONVEX), (partial(softmax, 32), 0.5, CONVEX), (mlp, 0.1, CHAOTIC)],
    ids=["logistic_regression", "softmax_regression", "mlp"],
)
def test_fleet_curves_equal_reference(problem: Callable[[], Problem], other_rate: float, bound: float) -> None:
    """Every optimizer at two rates, with two seeds; half of the runs end after two epochs of the five."""
    pairs = [(run(name, 0.01), run(name, other_rate, seed=1, epochs=2)) for name in proportional()]
    runs = [member_run for pair in pairs for member_run in pair]
    assert_equal(problem(), runs, bound)


def test_every_initializer_can_be_in_one_fleet() -> None:
    runs = [run("adam", 0.01, seed, epochs=2, init=name) for seed, name in enumerate(INITIALIZERS)]
    assert_equal(mlp(), runs, CHAOTIC)


@pytest.mark.parametrize("batch_size", [15, 16, 105, 1], ids="{0} of 105 rows".format)
def test_last_minibatch_may_be_smaller(batch_size: int) -> None:
    runs = [run("sgd", 0.1, epochs=2), run("adam", 0.01, seed=1, epochs=2)]
    assert_equal(iris(batch_size), runs, CONVEX)


@pytest.mark.parametrize(
    ("hidden", "activation"), [([8, 5], "relu"), ([3, 2], "tanh"), ([16, 4], "sigmoid"), ([7, 7], "gelu")]
)
@pytest.mark.parametrize("batch_size", [16, 31], ids="{0} of 124 rows".format)
def test_deep_networks_of_any_shape_equal_reference(hidden: list[int], activation: str, batch_size: int) -> None:
    runs = [run("momentum", 0.1, epochs=3), run("adam", 0.01, seed=1, epochs=3)]
    assert_equal(wine(hidden, activation, batch_size), runs, CHAOTIC)


def test_weight_decay_equals_reference() -> None:
    coupled = [partial(configured(name), weight_decay=decay) for name, decay in (("sgd", 0.1), ("adam", 0.3))]
    makers = [*coupled, partial(configured("adamw"), weight_decay=0.3)]
    assert [probe(make) for make in makers] == ["values"] * 3
    runs = [run(make, rate, seed, epochs=3) for make in makers for seed, rate in enumerate((0.01, 0.3))]
    assert_equal(logistic(), runs, CONVEX)


def test_rates_may_change_with_the_epoch() -> None:
    makers = ("nesterov", "adam", "adagrad", "radam", partial(configured("adamw"), weight_decay=0.3))
    assert_equal(logistic(), [Run(make, (0.3, 0.1, 0.03)) for make in makers], CONVEX)


@pytest.mark.parametrize("rate", [0.125, 0.1])
def test_double_precision_equals_reference_far_more_closely(rate: float) -> None:
    """Nothing but rounding is between the engines: their losses agree to as many digits more as there are."""
    runs = [run(name, rate, seed, epochs=3) for seed, name in enumerate(("sgd", "rmsprop", "adamw", "nadam"))]
    result = train(fleet(mlp(), runs, dtype=torch.float64))
    assert {value.dtype for value in result.weights.values()} == {torch.float64}
    for member, member_run in enumerate(runs):
        expected = alone(mlp(), member_run, precision="64-true")
        of_curves, of_weights = compare(expected, result, member)
        assert of_curves <= 1e-7, "an accuracy is a mean of 32 bits"
        assert of_weights <= 1e-12
        actual = curves(result, member)
        losses = [point for point in expected.points if "loss" in point.metric]
        actual_losses = [actual[point.metric, point.step, point.epoch] for point in losses]
        assert apart([point.value for point in losses], actual_losses) <= 1e-12


@pytest.mark.slow
def test_more_steps_than_are_kept_between_looks_equal_reference() -> None:
    """Losses are looked at every 256 steps; the epoch has 398, and one member diverges among the first, one later.

    In double precision, since far away a loss is a difference of large numbers, which loses as many digits as they have
    more.
    """
    late = partial(Leaping, after=300, far=1e9)
    runs = [run("sgd", 0.01, epochs=1), run("sgd", 1e6, epochs=1), Run(late, (1e-3,)), run("adam", 0.01, 3, epochs=1)]
    result = assert_equal(logistic(1), runs, CONVEX, log_every_n_steps=1, dtype=torch.float64)
    assert result.outcomes == ["finished", "diverged", "diverged", "finished"]
    ends = [max(step for _, step, _ in curves(result, member)) for member in range(4)]
    assert ends[0] == ends[3] == 398
    assert ends[1] < 256
    assert 300 < ends[2] < 398


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")
def test_fleet_on_a_gpu_equals_reference() -> None:
    runs = [run(name, rate, seed, epochs=2) for seed, name in enumerate(("sgd", "adam", "adamw")) for rate in (0.01, 1)]
    for problem in (logistic(), iris(), wine([8, 5], "tanh")):
        result = assert_equal(problem, runs, 1e-5, device="cuda")
        assert {value.device.type for value in result.weights.values()} == {"cpu"}


@pytest.mark.parametrize("problem", [logistic, softmax, mlp])
def test_comparison_notices_a_wrong_order_or_rate(problem: Callable[[], Problem]) -> None:
    """What all tests above rest on: neither another order of the data nor a rate 1 % off is within their bounds."""
    right, runs = run("adam", 0.01, epochs=2), [run("adam", 0.0101, epochs=2), run("adam", 0.01, epochs=2)]
    wrong = fleet(problem(), runs)
    wrong.members[1] = replace(wrong.members[1], order_seed=1)
    expected, result = alone(problem(), right), train(wrong)
    for member in (0, 1):
        assert min(compare(expected, result, member)) > 10 * CHAOTIC


# Bit-equal in any company

COMPANY = ("sgd", "adam", "adamw", "rmsprop")


@pytest.mark.slow
@pytest.mark.parametrize(
    "problem",
    [
        logistic(),  # the last minibatch has 14 rows
        iris(),  # 9 rows
        wine([7], "sigmoid", 33),  # 25 rows
        digits(157),  # 1 row
        Problem(partial(MLP, 30, 2, hidden=[33, 5]), splits("breast_cancer", features=None), 199),  # all are full
    ],
    ids=["logistic", "iris", "wine sigmoid", "digits gelu", "wide relu"],
)
def test_curves_are_bit_equal_whatever_else_is_in_the_fleet(problem: Problem, threads: Callable[[int], None]) -> None:
    runs = [
        run(name, rate, seed, epochs=2) for seed in range(8) for name in COMPANY for rate in (0.001, 0.03, 0.3, 1.0)
    ]
    threads(2)
    whole = train(fleet(problem, runs, log_every_n_steps=5))
    positions = range(len(runs))
    sampled = random.Random(0).sample(positions, 40)
    uneven = [*positions[:16], 20, 40, 60, 80, 100, 120]  # too few share their seed for sharing to pay
    for count, case in ((1, [37]), (2, [3, 40]), (2, sampled), (1, uneven), (1, [*reversed(positions)])):
        threads(count)
        assert_same_bits(whole, train(fleet(problem, [runs[position] for position in case], log_every_n_steps=5)), case)


def test_curves_do_not_depend_on_how_long_the_others_train() -> None:
    runs = [run(name, 0.1, seed, epochs=1 + seed) for seed in range(3) for name in COMPANY]
    whole = train(fleet(logistic(), runs))
    for case in (range(4), range(8, 12), [1, 11]):
        assert_same_bits(whole, train(fleet(logistic(), [runs[position] for position in case])), list(case))


def test_fleet_leaves_the_global_generator_and_the_module_alone() -> None:
    prepared = fleet(logistic(), [run("sgd", 0.1, epochs=1)])
    before, state = [value.clone() for value in prepared.module.module.parameters()], torch.get_rng_state()
    initial = prepared.members[0].weights.clone()
    first, second = train(prepared), train(prepared)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, prepared.module.module.parameters(), before))
    assert torch.equal(prepared.members[0].weights, initial)
    assert_same_bits(first, second, [0])


# Members that diverge


@pytest.mark.parametrize("problem", [logistic, softmax, mlp])
def test_member_diverges_alone(problem: Callable[[], Problem]) -> None:
    converging = [run(name, rate, seed, epochs=2) for name in COMPANY for seed, rate in enumerate((0.01, 0.1))]
    runs = [*converging[:3], run("sgd", 1e6, seed=0, epochs=2), *converging[3:], run("sgd", 1e6, seed=1, epochs=2)]
    staying = [position for position in range(len(runs)) if position not in (3, 9)]
    result = train(fleet(problem(), runs))
    assert [position for position, outcome in enumerate(result.outcomes) if outcome == "diverged"] == [3, 9]
    assert_same_bits(result, train(fleet(problem(), converging)), staying)
    for position in (3, 9):
        expected = alone(problem(), runs[position])
        assert max(compare(expected, result, position)) <= CHAOTIC
        assert [point.metric for point in expected.points][-1] == "train/loss_step"
        assert expected.points[-1].value > 1e4


@pytest.mark.parametrize(
    ("problem", "rate", "ended"), [(mlp, HUGE, "diverged"), (logistic, 1e6, "finished")], ids=["nan", "finite"]
)
def test_without_a_threshold_only_losses_that_are_not_finite_diverge(
    problem: Callable[[], Problem], rate: float, ended: str
) -> None:
    runs = [run("sgd", rate, epochs=2), run("sgd", 0.01, epochs=2)]
    options = {"divergence_threshold": None, "log_every_n_steps": 1}
    result = train(fleet(problem(), runs, **options))
    assert result.outcomes == [ended, "finished"]
    for member, member_run in enumerate(runs):
        assert compare(alone(problem(), member_run, **options), result, member)[0] <= CHAOTIC
    steps = [value for (metric, _, _), value in curves(result, 0).items() if metric == "train/loss_step"]
    assert [math.isfinite(value) for value in steps] == [True] * (len(steps) - 1) + [ended == "finished"]


@pytest.mark.parametrize("far", [1e38, math.inf], ids=["far", "infinitely far"])
def test_validation_loss_that_is_not_finite_diverges(far: float) -> None:
    """The last step of the first epoch leads away: all losses of the training are finite, the next one is not."""
    runs = [run("sgd", 0.1, epochs=2), run(partial(Leaping, after=25, far=far), 10, epochs=2)]
    result = train(fleet(logistic(), runs, divergence_threshold=None))
    expected = alone(logistic(), runs[1], divergence_threshold=None)
    assert expected.outcome == "diverged"
    assert {(point.metric, point.step) for point in expected.points[-2:]} == {("val/loss", 25), ("val/accuracy", 25)}
    assert compare(expected, result, 1)[0] <= CONVEX
    assert_same_bits(result, train(fleet(logistic(), runs[:1], divergence_threshold=None)), [0])


@pytest.mark.parametrize("threshold", [1e4, None])
def test_all_members_may_diverge(threshold: float | None) -> None:
    runs = [run("sgd", HUGE, seed, epochs=3) for seed in range(3)]
    advanced: list[int] = []
    result = train(fleet(mlp(), runs, divergence_threshold=threshold, log_every_n_steps=1), advance=advanced.append)
    assert result.outcomes == ["diverged"] * 3
    assert sum(advanced) == 9, "the epochs that they would have had are done too"
    for member, member_run in enumerate(runs):
        expected = alone(mlp(), member_run, divergence_threshold=threshold, log_every_n_steps=1)
        assert compare(expected, result, member)[0] <= CHAOTIC


# Members that leave

MANY = [run(name, rate, seed, epochs=3) for seed in range(8) for name in COMPANY for rate in (0.001, 0.03, 0.3)]
LEAVING = {
    "whole seeds": {0: range(36), 1: range(36, 72)},
    "single members": {0: random.Random(0).sample(range(96), 48), 1: random.Random(1).sample(range(96), 64)},
    "whole optimizers": {
        0: [m for m in range(96) if m // 3 % 4 in (0, 2)],
        1: [m for m in range(96) if m // 3 % 4 == 1],
    },
    "all but one": {0: [m for m in range(96) if m != 50]},
    "all but one, then all": {0: [m for m in range(96) if m != 50], 1: range(96)},
    "all at once": {1: range(96)},
}


def after(leaving: Mapping[int, Collection[int]]) -> PruneMembers:
    """Have members leave after these epochs."""
    return lambda columns: leaving.get(columns[0].epoch, ())


@pytest.fixture
def paying(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Who has left is taken out of the fleet, always or never."""
    return lambda pays: monkeypatch.setattr(_Training, "_pays", lambda *_: pays)


def assert_left(whole: FleetResult, pruned: FleetResult, leaving: Mapping[int, Collection[int]]) -> None:
    """Who stayed is as where nobody leaves; who left was so until then."""
    for member in range(len(whole.outcomes)):
        last = min((epoch for epoch, members in leaving.items() if member in members), default=None)
        if last is None:
            assert bits(pruned, member) == bits(whole, member)
            continue
        expected = {key: value for key, value in curves(whole, member).items() if key[2] <= last}
        assert pruned.outcomes[member] == "pruned"
        assert curves(pruned, member) == expected
        assert max(epoch for _, _, epoch in expected) == last


@pytest.mark.slow
@pytest.mark.parametrize("leaving", LEAVING.values(), ids=LEAVING)
@pytest.mark.parametrize(
    "problem", [logistic(), iris(), wine([7], "sigmoid", 33), digits(400)], ids=["logistic", "iris", "sigmoid", "gelu"]
)
def test_members_that_stay_are_bit_equal_whoever_leaves(
    problem: Problem, leaving: Mapping[int, Collection[int]], paying: Callable[[bool], None]
) -> None:
    whole = nobody_left(problem)
    for pays in (True, False):
        paying(pays)
        assert_left(whole, train(fleet(problem, MANY), prune=after(leaving)), leaving)


@lru_cache
def nobody_left(problem: Problem) -> FleetResult:
    return train(fleet(problem, MANY))


@pytest.mark.parametrize("options", [{}, {"reshuffle": False}, {"drop_last": True}], ids=str)
def test_every_optimizer_goes_on_where_it_was(options: dict[str, Any], paying: Callable[[bool], None]) -> None:
    """With all that it keeps of each member; and so do the orders of the data."""
    paying(True)
    makers = [*proportional(), partial(configured("sgd"), weight_decay=0.1), partial(torch.optim.Adam, amsgrad=True)]
    runs = [run(make, rate, seed, epochs=3) for make in makers for seed, rate in enumerate((0.01, 0.3, 0.1))]
    leaving = {0: range(0, len(runs), 3), 1: range(1, len(runs), 6)}
    whole = train(fleet(logistic(), runs, **options))
    assert_left(whole, train(fleet(logistic(), runs, **options), prune=after(leaving)), leaving)


def test_pruned_member_keeps_the_weights_that_it_had(paying: Callable[[bool], None]) -> None:
    runs = [run(name, 0.1, seed, epochs=4) for seed in range(3) for name in COMPANY]
    short = [replace(whole, rates=whole.rates[: 1 + position % 3]) for position, whole in enumerate(runs)]
    expected = train(fleet(mlp(), short))
    for pays in (True, False):
        paying(pays)
        actual = train(fleet(mlp(), runs), prune=after({epoch: range(epoch, 12, 3) for epoch in range(3)}))
        for member in range(12):
            assert not any(metric.startswith("test/") for metric, _, _ in curves(actual, member))
            assert all(map(torch.equal, weights(actual, member).values(), weights(expected, member).values()))


@pytest.mark.parametrize("problem", [logistic, softmax, mlp])
def test_pruned_members_equal_those_of_the_reference(problem: Callable[[], Problem]) -> None:
    runs = [run(name, 0.1, seed, epochs=3) for seed, name in enumerate(("adam", "sgd", "adamw"))]
    result = train(fleet(problem(), runs), prune=after({0: [1], 1: [2]}))
    assert result.outcomes == ["finished", "pruned", "pruned"]
    for member, last in ((1, 0), (2, 1)):
        epochs: list[list[Point]] = []
        expected = alone(
            problem(),
            runs[member],
            prune=lambda points, epochs=epochs, last=last: epochs.append(points) or len(epochs) > last,
        )
        assert compare(expected, result, member)[0] <= CHAOTIC
        assert [{point.epoch for point in points} for points in epochs] == [{epoch} for epoch in range(last + 1)]


def test_who_has_left_costs_no_more_work(monkeypatch: pytest.MonkeyPatch, paying: Callable[[bool], None]) -> None:
    paying(True)
    rows, steps, evaluated = [], Vectorized.train, Vectorized.evaluate
    monkeypatch.setattr(Vectorized, "train", lambda self, x, *a: rows.append(x.shape[:2].numel()) or steps(self, x, *a))
    monkeypatch.setattr(Vectorized, "evaluate", lambda self, s, x, *a: rows.append(len(x)) or evaluated(self, s, x, *a))
    runs = [run(name, 0.1, seed, epochs=4) for seed in range(50) for name in COMPANY]
    runs[0], runs[1] = run("sgd", 1e6, epochs=4), run("adam", 0.1, epochs=1)
    train(fleet(logistic(), runs), prune=after({1: range(2, 100), 2: range(148, 200)}))
    epochs = [rows[start : start + 26] for start in (0, 27, 53, 79)]  # 25 steps, a validation, two tests between them
    assert [max(item) for item in epochs] == [200, 200, 100, 48]
    assert [min(item) for item in epochs] == [200, 198, 100, 48]


def test_small_fleets_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they cost is not their members, and another trace would take longer."""
    monkeypatch.setattr(TrainingState, "keep", lambda *_: pytest.fail("taken out"))
    module = Vectorized(Learner(LogisticRegression(4, 2), torch.optim.SGD))
    for _ in range(2):
        prepared = fleet(logistic(), [run("sgd", 0.1, seed, epochs=3) for seed in range(8)])
        prepared.module = module
        train(prepared, prune=after({0: range(4), 1: [4]}) if module.tracing_seconds else None)


def test_only_who_goes_on_can_be_pruned(paying: Callable[[bool], None]) -> None:
    """Not who diverged, has left or has come to the end."""
    runs = [
        run("sgd", 1e6, epochs=3),
        run("sgd", 0.1, epochs=1),
        run("sgd", 0.1, 1, epochs=3),
        run("adam", 0.1, epochs=3),
    ]
    epochs: list[int] = []
    advanced: list[int] = []

    def prune(columns: list[Column]) -> Collection[int]:
        epochs.extend({column.epoch for column in columns})
        return {0, 1, 2} if columns[0].epoch == 0 else range(4) if columns[0].epoch == 2 else {2}

    for pays in (True, False):
        paying(pays)
        result = train(fleet(logistic(), runs), advance=advanced.append, prune=prune)
        assert result.outcomes == ["diverged", "finished", "pruned", "finished"]
    assert epochs == [0, 1, 2] * 2, "the last time too, when it decides nothing any more"
    assert advanced == [3 + 1 + 3 + 1, 1, 1] * 2, "who leaves has no epochs to come"


def test_training_ends_when_all_have_left() -> None:
    published: list[list[Column]] = []
    advanced: list[int] = []
    runs = [run("sgd", 0.1, seed, epochs=50) for seed in range(3)]
    result = train(fleet(logistic(), runs), published.append, advanced.append, after({1: [0, 1, 2]}))
    assert result.outcomes == ["pruned"] * 3
    assert [{column.epoch for column in columns} for columns in published] == [{0}, {1}]
    assert advanced == [3, 147]


# What is returned and published


def measured(result: FleetResult, metric: str) -> list[tuple[int, int, list[int]]]:
    """The step, epoch and members of each column of the metric."""
    columns = [column for column in result.columns if column.metric == metric]
    return [(column.step, column.epoch, column.members.tolist()) for column in columns]


def test_columns_keep_their_promises() -> None:
    runs = [run("adam", 0.01, seed, epochs) for seed, epochs in enumerate((3, 1, 2, 3))] + [run("sgd", 1e6, epochs=3)]
    start = int(time.time() * 1000)
    result = train(fleet(logistic(), runs))
    end = int(time.time() * 1000)
    for column in result.columns:
        assert (column.members.dtype, column.values.dtype) == (np.int64, np.float64)
        assert column.members.shape == column.values.shape
        assert len(column.members) > 0
        assert (np.diff(column.members) > 0).all()
        assert start <= column.time <= end
    assert [column.time for column in result.columns] == sorted(column.time for column in result.columns)

    first, second, third = [0, 1, 2, 3], [0, 2, 3], [0, 3]
    steps = [(10, 0, first), (20, 0, first), (30, 1, second), (40, 1, second), (50, 1, second), (60, 2, third)]
    steps += [(70, 2, third)]
    assert measured(result, "train/loss_step") == [(5, 0, [4]), *steps]
    for metric in ("train/loss", "train/accuracy", "val/loss", "val/accuracy"):
        assert measured(result, metric) == [(25, 0, first), (50, 1, second), (75, 2, third)]
    for metric in ("test/loss", "test/accuracy"):
        assert measured(result, metric) == [(25, 0, [1]), (50, 1, [2]), (75, 2, third)]
    assert {name: tuple(value.shape) for name, value in result.weights.items()} == {
        "linear.weight": (5, 1, 4),
        "linear.bias": (5, 1),
    }


def test_epochs_are_published_as_they_end() -> None:
    runs = [run("sgd", 0.1, seed, epochs) for seed, epochs in enumerate((3, 1, 2))]
    published: list[list[Column]] = []
    advanced: list[int] = []
    result = train(fleet(logistic(), runs), publish=published.append, advance=advanced.append)
    assert [column for columns in published for column in columns] == result.columns
    assert [{column.epoch for column in columns} for columns in published] == [{0}, {1}, {2}]
    assert advanced == [3, 2, 1]
