"""The exact minimum of a convex training loss, its proof, and how far above it runs are."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from scipy.optimize import minimize
from shared.commands import BANKNOTE, Ended, config, needs_banknote
from shared.fleets import (
    CONVEX,
    Problem,
    Run,
    assert_same_bits,
    compare,
    configured,
    curves,
    fleet,
    iris,
    logistic,
    run,
)
from shared.stores import runs_in
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, linear

import seedsweep
from seedsweep.engine import lightning as training
from seedsweep.engine.factories import gap
from seedsweep.engine.fleet.assemble import assemble
from seedsweep.engine.fleet.members import Fleet
from seedsweep.engine.fleet.trainer import train as train_together
from seedsweep.engine.validation import check
from seedsweep.errors import ConfigError
from seedsweep.outcomes import SUBOPTIMALITY, FleetResult, RunResult
from seedsweep.problem import optimum as module
from seedsweep.problem import suboptimality
from seedsweep.problem.data_module import DataModule
from seedsweep.problem.lightning_learner import LightningLearner
from seedsweep.problem.models import LogisticRegression, SoftmaxRegression
from seedsweep.problem.optimum import Optimum, optimum
from seedsweep.problem.suboptimality import Gap, coupled_decay, gap_of

Rows = tuple[np.ndarray, np.ndarray]


def entropy(*shares: float) -> float:
    return -sum(share * math.log(share) for share in shares)


def scaled(loader: Callable[..., Any], columns: Any = slice(None)) -> Rows:
    x, y = loader(return_X_y=True)
    return StandardScaler().fit_transform(x[:, columns]), y


def cancer() -> Rows:
    return scaled(load_breast_cancer, [0, 1, 4, 6])


def loss(theta: Tensor, x: np.ndarray, y: np.ndarray, weight_decay: float) -> Tensor:
    """The objective as torch has it, with the parameters (outputs, d + 1)."""
    logits, target = linear(torch.tensor(x), theta[:, :-1], theta[:, -1]), torch.tensor(y)
    mean = (
        cross_entropy(logits, target)
        if len(theta) > 1
        else binary_cross_entropy_with_logits(logits[:, 0], target.double())
    )
    return mean + weight_decay / 2 * theta.square().sum()


def assert_minimum(actual: Optimum, x: np.ndarray, y: np.ndarray) -> None:
    """Torch's own loss has that value there, and no slope."""
    assert actual.outcome == "found"
    assert actual.gradient_norm is not None
    assert actual.gradient_norm < 1e-10
    assert actual.error is not None
    assert actual.error < 1e-15
    theta = torch.tensor(actual.parameters, requires_grad=True)
    value = loss(theta, x, y, actual.weight_decay)
    assert value.item() == pytest.approx(actual.value, rel=1e-14, abs=1e-16)
    (slope,) = torch.autograd.grad(value, theta)
    assert float(slope.norm()) < 1e-10


# Minima that can be checked by hand


def test_without_features_the_minimum_is_the_entropy_of_the_classes() -> None:
    for x in (np.zeros((10, 0)), np.zeros((10, 2)), np.full((10, 1), 7.0)):
        actual = optimum(x, np.array([1] * 7 + [0] * 3), 2)
        assert actual.value == pytest.approx(entropy(0.7, 0.3), rel=1e-15)
        assert_minimum(actual, x, np.array([1] * 7 + [0] * 3))


def test_one_feature_of_two_values_has_the_odds_as_its_weight() -> None:
    x, y = np.array([[1.0]] * 4 + [[-1.0]] * 4), np.array([1, 1, 1, 0, 0, 0, 0, 1])
    actual = optimum(x, y, 2)
    assert actual.parameters == pytest.approx(np.array([[math.log(3), 0]]))
    assert actual.value == pytest.approx(entropy(0.75, 0.25), rel=1e-15)


def test_symmetric_softmax_has_no_weights() -> None:
    x, y = np.tile([[1.0], [-1.0]], (3, 1)), np.repeat([0, 1, 2], 2)
    actual = optimum(x, y, 3)
    assert actual.value == pytest.approx(math.log(3), rel=1e-15)
    assert actual.parameters == pytest.approx(np.zeros((3, 2)))
    assert actual.curvature is not None
    assert actual.curvature > 0.1, "what is flat by symmetry is left out"


def test_softmax_of_groups_is_the_mean_of_their_entropies() -> None:
    x = np.repeat(np.eye(2), 10, axis=0)
    y = np.array([0] * 5 + [1] * 3 + [2] * 2 + [0] * 1 + [1] * 1 + [2] * 8)
    actual = optimum(x, y, 3)
    assert actual.value == pytest.approx((entropy(0.5, 0.3, 0.2) + entropy(0.1, 0.1, 0.8)) / 2, rel=1e-14)
    assert_minimum(actual, x, y)


def test_softmax_of_two_classes_is_logistic_regression_with_half_the_decay() -> None:
    x, y = cancer()
    for decay in (0.0, 0.02):
        softmax, logistic = optimum(x, y, 2, decay, outputs=2), optimum(x, y, 2, decay / 2)
        assert softmax.value == pytest.approx(logistic.value, rel=1e-14)
        assert softmax.parameters is not None
        assert logistic.parameters is not None
        assert softmax.parameters[1] - softmax.parameters[0] == pytest.approx(logistic.parameters[0], rel=1e-6)


def test_units_and_repeated_columns_change_nothing() -> None:
    x, y = cancer()
    first = optimum(x, y, 2)
    for other in (x * [1e-6, 1, 1e6, 1] + [0, 1e3, 0, 0], np.hstack([x, x]), np.hstack([x, x.sum(1, keepdims=True)])):
        assert optimum(other, y, 2).value == pytest.approx(first.value, rel=1e-12)
    twice = optimum(np.hstack([x, x]), y, 2).parameters
    assert first.parameters is not None
    assert twice is not None
    assert twice[:, :4] == pytest.approx(first.parameters[:, :4] / 2), "of all minima the shortest"


# Against others that minimise


@pytest.mark.slow
@pytest.mark.parametrize("decay", [0.01, 1.0])
@pytest.mark.parametrize("loader", [load_iris, load_wine, load_breast_cancer])
def test_weight_decay_has_the_minimum_that_scipy_finds(loader: Callable[..., Any], decay: float) -> None:
    x, y = scaled(loader)
    actual = optimum(x, y, int(y.max()) + 1, decay)
    assert_minimum(actual, x, y)
    assert actual.parameters is not None
    shape = actual.parameters.shape

    def fun(flat: np.ndarray) -> tuple[float, np.ndarray]:
        theta = torch.tensor(flat.reshape(shape), requires_grad=True)
        value = loss(theta, x, y, decay)
        return value.item(), torch.autograd.grad(value, theta)[0].numpy().ravel()

    other = minimize(fun, np.ones(shape).ravel(), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9})
    assert actual.value == pytest.approx(other.fun, rel=1e-8)
    assert actual.value <= other.fun + 1e-16


@pytest.mark.parametrize("loader", [load_wine, load_breast_cancer])
def test_weight_decay_has_the_minimum_that_scikit_learn_finds(loader: Callable[..., Any]) -> None:
    """With the bias as the weight of a column of ones, since scikit-learn does not penalise its own."""
    x, y = scaled(loader)
    design, decay = np.column_stack([x, np.ones(len(x))]), 0.01
    classifier = Reference(C=1 / (len(y) * decay), fit_intercept=False, tol=1e-12, max_iter=10_000).fit(design, y)
    actual = optimum(x, y, int(y.max()) + 1, decay)
    assert actual.parameters == pytest.approx(classifier.coef_, abs=1e-6)


@pytest.fixture(scope="module")
def banknote() -> Rows:
    """The notebook's features, scaled on all rows."""
    table = pd.read_csv(BANKNOTE)
    target = table.pop("class")
    return StandardScaler().fit_transform(table), (target == target.max()).to_numpy().astype(int)


@needs_banknote
def test_banknote_has_the_minima_that_are_known(banknote: Rows) -> None:
    x, _, y, _ = train_test_split(*banknote, test_size=0.3, random_state=42)
    assert x.shape == (960, 4)
    split, whole = optimum(x, y, 2), optimum(*banknote, 2)
    assert split.value == pytest.approx(0.016569466862781, abs=1e-15)
    assert whole.value == pytest.approx(0.0181817270, abs=5e-11)
    assert_minimum(split, x, y)
    assert optimum(x, y, 2, outputs=2).value == pytest.approx(split.value, rel=1e-13)


@needs_banknote
def test_banknote_has_the_minimum_that_scikit_learn_finds(banknote: Rows) -> None:
    classifier = Reference(C=np.inf, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(*banknote)
    actual = optimum(*banknote, 2)
    assert actual.parameters is not None
    assert actual.parameters[0, :4] == pytest.approx(classifier.coef_[0], rel=1e-5)


@needs_banknote
def test_banknote_from_the_configuration_has_that_minimum_but_for_its_32_bits() -> None:
    notebooks = ("data.stratify=false", "data.standardize=all")  # the notebook's split and scaling
    composed = plain(ON, "data=banknote", f"data.path={BANKNOTE}", *notebooks)
    actual = gap(composed, check(composed))
    assert actual is not None
    assert actual.optimum.rows == 960
    assert actual.optimum.value == pytest.approx(0.016569466862781, abs=2e-9)


# No minimum


SEPARABLE: dict[str, tuple[Any, Any, int]] = {
    "two rows": ([[0.0], [1.0]], [0, 1], 2),
    "a row on the border": ([[-1.0], [0.0], [0.0], [1.0]], [0, 0, 1, 1], 2),
    "only the outermost row can go further": ([[0.0], [0.0], [1.0]], [0, 1, 1], 2),
    "one class": ([[3.0], [1.0]], [1, 1], 2),
    "a class without rows": ([[1.0], [1.0], [2.0], [2.0]], [0, 1, 0, 1], 3),
    "fewer rows than features": (np.eye(3), [0, 1, 0], 2),
    "far apart, huge numbers": ([[1e9], [1.1e9]], [0, 1], 2),
    "one of three classes apart": ([[0.0], [0.0], [1.0], [1.0], [9.0]], [0, 1, 0, 1, 2], 3),
    "iris": (*load_iris(return_X_y=True), 3),
    "wine": (*load_wine(return_X_y=True), 3),
    "breast cancer with all columns": (*load_breast_cancer(return_X_y=True), 2),
}


@pytest.mark.parametrize(("x", "y", "classes"), SEPARABLE.values(), ids=SEPARABLE)
def test_separable_rows_have_no_minimum_but_with_weight_decay(x: Any, y: Any, classes: int) -> None:
    actual = optimum(np.asarray(x), np.asarray(y), classes)
    assert (actual.outcome, actual.value, actual.parameters) == ("separable", None, None)
    assert actual.iterations < 80
    x = np.asarray(x) / np.abs(x).max()
    assert_minimum(optimum(x, np.asarray(y), classes, 1e-3), x, np.asarray(y))


def test_one_feature_is_separable_where_a_point_separates_it() -> None:
    draw = np.random.default_rng(0)
    outcomes = []
    for _ in range(300):
        n = draw.integers(2, 7)
        x, y = draw.integers(0, 4, n).astype(float), draw.integers(0, 2, n)
        low, high = x[y == 0], x[y == 1]
        both = len(low) > 0 and len(high) > 0
        apart = both and (low.max() <= high.min() or high.max() <= low.min()) and len(set(x)) > 1
        outcomes.append("separable" if apart or not both else "found")
        actual = optimum(x[:, None], y, 2)
        assert actual.outcome == outcomes[-1], (x, y)
        if actual.outcome == "found":
            assert_minimum(actual, x[:, None], y)
    assert 50 < outcomes.count("found") < 250


# The proof


def test_error_is_a_bound_wherever_the_solver_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    for (x, y), classes, decay in ((cancer(), 2, 0.0), (cancer(), 2, 0.01), (scaled(load_wine), 3, 0.01)):
        least = optimum(x, y, classes, decay).value
        assert least is not None
        bounds = []
        for steps in range(12):
            monkeypatch.setattr(module, "ITERATIONS", steps)
            actual = optimum(x, y, classes, decay)
            if actual.outcome == "found":
                assert actual.value is not None
                assert actual.error is not None
                assert -1e-15 <= actual.value - least <= actual.error + 1e-15
                bounds.append(actual.error)
            else:
                assert actual.outcome == "unproven"
                assert not bounds
        monkeypatch.undo()
        assert bounds[0] > 1e-6
        assert bounds[-1] < 1e-15


def test_json_has_the_proof_and_leaves_out_what_there_is_not() -> None:
    actual = optimum(*cancer(), 2)
    read = json.loads(actual.as_json())
    assert np.array(read.pop("parameters")) == pytest.approx(actual.parameters, rel=0)
    assert read == {key: getattr(actual, key) for key in read}
    assert {"outcome", "value", "error", "gradient_norm", "curvature", "iterations", "weight_decay"} <= read.keys()
    separable = json.loads(optimum(np.eye(2), np.array([0, 1]), 2).as_json())
    assert separable == {"outcome": "separable", "rows": 2, "outputs": 1, "weight_decay": 0.0, "iterations": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": [[np.nan], [1.0]]}, "finite numbers"),
        ({"x": [1.0, 2.0]}, "finite numbers"),
        ({"y": [0]}, "a class for each row"),
        ({"y": [0, 2]}, "integers from 0 to 1"),
        ({"classes": 1}, "classes=1: must be at least 2"),
        ({"weight_decay": -1}, "weight_decay=-1: must be a finite number of at least 0"),
        ({"outputs": 3}, "outputs=3: must be 2, or 1 of 2 classes"),
        ({"x": np.zeros((2, 5000))}, "at most 4096 parameters"),
    ],
)
def test_wrong_arguments_are_named(changes: dict[str, Any], message: str) -> None:
    arguments = {"x": [[0.0], [1.0]], "y": [0, 1], "classes": 2} | changes
    with pytest.raises(ValueError, match=message):
        optimum(**arguments)


# Suboptimality, measured in both engines

DECAYS = (0.0, 0.01, 0.3)


def sgd(decay: float) -> Any:
    return partial(configured("sgd"), weight_decay=decay)


def kind(problem: Problem) -> type:
    return type(problem.net())


def measured(problem: Problem, runs: list[tuple[Run, float]], **options: Any) -> Fleet:
    """The fleet of runs, each measured against the minimum with its weight decay."""
    made = fleet(problem, [one for one, _ in runs], **options)
    gaps = [gap_of(problem.splits, kind(problem), decay) for _, decay in runs]
    made.members = [replace(member, gap=each) for member, each in zip(made.members, gaps, strict=True)]
    return made


def alone(problem: Problem, one: Run, gap: Gap | None) -> RunResult:
    """The run by the reference engine, as `test_fleet.alone` has it."""
    classifier = LightningLearner(problem.sample(one), lambda parameters: one.make(parameters, lr=one.rates[0]))
    rows = DataModule(problem.splits, problem.batch_size, one.seed)
    options: dict[str, Any] = {"log_every_n_steps": 10, "divergence_threshold": 1e4, "accelerator": "cpu"}
    return training.train(classifier, rows, max_epochs=len(one.rates), gap=gap, **options)


def curve(result: FleetResult, member: int) -> list[float]:
    return [value for (metric, _, _), value in curves(result, member).items() if metric == SUBOPTIMALITY]


MIXED = [(run(sgd(decay), 0.3, seed, epochs=2 + seed), decay) for seed, decay in enumerate(DECAYS)]
MIXED += [(run("adam", 0.03, 3, epochs=3), 0.0), (run("sgd", 1e6, 4, epochs=3), 0.0)]  # the last one diverges


def test_fleet_has_the_suboptimality_of_the_reference() -> None:
    problem = logistic()
    result = train_together(measured(problem, MIXED))
    for member, (one, decay) in enumerate(MIXED):
        expected = alone(problem, one, gap_of(problem.splits, kind(problem), decay))
        assert compare(expected, result, member)[0] <= CONVEX
        values = [point.value for point in expected.points if point.metric == SUBOPTIMALITY]
        assert len(values) == (len(one.rates) if expected.outcome == "finished" else 0)
        assert curve(result, member) == pytest.approx(values, rel=1e-3)
        assert all(value > 0 for value in values)


def test_softmax_in_the_fleet_has_the_suboptimality_of_the_reference() -> None:
    runs = [(run(sgd(decay), 0.3, seed, epochs=3), decay) for seed, decay in enumerate((0.01, 0.3))]
    result = train_together(measured(iris(), runs))
    for member, (one, decay) in enumerate(runs):
        expected = alone(iris(), one, gap_of(iris().splits, SoftmaxRegression, decay))
        assert compare(expected, result, member)[0] <= CONVEX
        assert len(curve(result, member)) == 3


def test_no_other_curve_is_changed_by_a_bit() -> None:
    problem, (first, decay) = logistic(), MIXED[1]
    with_gaps, without = (
        train_together(measured(problem, MIXED)),
        train_together(fleet(problem, [one for one, _ in MIXED])),
    )
    left = [column for column in with_gaps.columns if column.metric != SUBOPTIMALITY]
    assert len(left) == len(with_gaps.columns) - 4, "one for each epoch that there was"
    assert_same_bits(without, replace(with_gaps, columns=left), range(len(MIXED)))
    one, other = (alone(problem, first, each) for each in (gap_of(problem.splits, kind(problem), decay), None))
    assert [point for point in one.points if point.metric != SUBOPTIMALITY] == other.points
    assert all(torch.equal(one.weights[name], value) for name, value in other.weights.items())


def test_suboptimality_is_bit_equal_in_any_company() -> None:
    whole = train_together(measured(logistic(), MIXED))
    for positions in ([1], [3, 0], [4, 2, 1]):
        assert_same_bits(
            whole, train_together(measured(logistic(), [MIXED[position] for position in positions])), positions
        )


def test_long_training_comes_down_to_the_minimum() -> None:
    """In 32 bits, of which 64-bit evaluation sees far below the last digit of the loss itself."""
    decay, problem = 0.1, logistic(398)
    values = curve(train_together(measured(problem, [(run(sgd(decay), 1, epochs=150), decay)])), 0)
    assert len(values) == 150
    assert values[0] > 0.01
    assert all(after < before for before, after in pairwise(values[:40]))
    assert all(value >= 0 for value in values)
    assert values[-1] < 1e-12


def test_gap_is_torchs_loss_above_the_minimum() -> None:
    splits = iris().splits
    x, y = (part.numpy() for part in splits.train.tensors)
    measure, net = gap_of(splits, SoftmaxRegression, 0.1), SoftmaxRegression(4, 3)
    theta = torch.cat([net.linear.weight, net.linear.bias[:, None]], dim=1).detach().double()
    assert measure.optimum.value is not None
    expected = loss(theta, x.astype(float), y, 0.1) - measure.optimum.value
    assert measure(net.state_dict()) == pytest.approx(expected.item(), rel=1e-13)
    least = torch.tensor(measure.optimum.parameters)
    assert measure({"linear.weight": least[:, :-1], "linear.bias": least[:, -1]}) < 1e-15


# From the configuration


def plain(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config("tracking=none", *overrides))


ON = "trainer.suboptimality=true"


@pytest.mark.parametrize(
    "name", ["sgd", "nesterov", "adam", "adamax", "nadam", "radam", "adagrad", "rmsprop", "adadelta"]
)
def test_coupled_weight_decay_is_part_of_the_loss(name: str) -> None:
    assert coupled_decay(configured(name)) == 0
    assert coupled_decay(partial(configured(name), weight_decay=0.1)) == 0.1


@pytest.mark.parametrize(
    "make",
    [
        partial(configured("adamw"), weight_decay=0.1),
        partial(configured("nadam"), weight_decay=0.1, decoupled_weight_decay=True),
        configured("rprop"),
    ],
    ids=["adamw", "decoupled nadam", "none"],
)
def test_decoupled_weight_decay_is_not(make: Callable[..., torch.optim.Optimizer]) -> None:
    assert coupled_decay(make) == 0


@pytest.mark.slow
def test_minimum_is_found_once_for_each_weight_decay(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[float] = []

    def counted(*arguments: Any) -> Optimum:
        calls.append(arguments[3])
        return optimum(*arguments)

    monkeypatch.setattr(suboptimality, "optimum", counted)
    gap_of.cache_clear()
    chosen = [(name, decay, lr) for name in ("sgd", "adam", "adamw") for decay in (0, 0.02) for lr in (0.1, 1)]
    configs = [
        plain(ON, f"optimizer={name}", f"optimizer.weight_decay={decay}", f"optimizer.lr={lr}")
        for name, decay, lr in chosen
    ]
    for each in configs:
        check(each)
    members = assemble(configs).members
    assert sorted(calls) == [0.0, 0.02]
    decays = [member.gap.optimum.weight_decay for member in members if isinstance(member.gap, Gap)]
    assert decays == [0.02 if decay and name != "adamw" else 0.0 for name, decay, _ in chosen]
    assert {member.gap for member in assemble([plain(), plain("seed=1")]).members} == {None}


REFUSED = {
    f"{ON} model=mlp": f"{ON}: needs a convex training loss, that of model=logistic_regression or .*not of MLP",
    f"{ON} data=wine model=softmax_regression": f"{ON}: the classes of the training rows are separable",
    f"{ON} data=iris model=softmax_regression optimizer=adamw": f"{ON}: .* separable, .* no minimum",
    "trainer.suboptimality=1": "trainer.suboptimality=1: must be true or false",
    "objective.metric=train/suboptimality": "objective.metric=train/suboptimality: is measured only with trainer",
}


@pytest.mark.parametrize(("words", "message"), REFUSED.items(), ids=REFUSED)
def test_where_there_is_no_minimum_to_measure_from_nothing_is_trained(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(plain(*words.split()))


def test_separable_rows_can_be_measured_with_weight_decay() -> None:
    composed = plain(ON, "data=iris", "model=softmax_regression", "optimizer.weight_decay=0.01")
    actual = gap(composed, check(composed))
    assert actual is not None
    assert actual.optimum.weight_decay == 0.01


def test_sweep_tracks_suboptimality_and_keeps_the_minima(train: Callable[..., Ended], client: MlflowClient) -> None:
    words = ("-m", ON, "optimizer.weight_decay=0,0.01", "seed=0,1", "trainer.max_epochs=2", "compare=true")
    finals = []
    for engine in ("fleet", "lightning"):
        ended = train(*words, f"trainer.engine={engine}", f"objective.metric={SUBOPTIMALITY}")
        assert ended.code == 0, ended.err
        assert SUBOPTIMALITY in ended.out, "the table is in its order"
        runs = seedsweep.load_runs("latest")
        finals.append(runs[SUBOPTIMALITY])
        points = seedsweep.load_curves("latest")
        assert (points["metric"] == SUBOPTIMALITY).sum() == 8
        minima = json.loads(client_text(client, runs["sweep"][0]))
        assert [each["weight_decay"] for each in minima] == [0.0, 0.01]
        assert {each["outcome"] for each in minima} == {"found"}
        assert [each["model"] for each in minima] == ["logistic_regression"] * 2
    assert finals[0].to_numpy() == pytest.approx(finals[1].to_numpy(), abs=CONVEX)
    keys = [actual.data.tags["seedsweep.key"] for actual in runs_in(client)]
    assert train("-m", "optimizer.weight_decay=0", "seed=0", "trainer.max_epochs=2").code == 0
    again = [actual.data.tags["seedsweep.key"] for actual in runs_in(client)]
    assert set(again) == set(keys), "what is trained is the same"


def client_text(client: MlflowClient, sweep: str) -> str:
    return Path(client.download_artifacts(sweep, "optimum.json")).read_text()


def test_subclass_of_a_convex_model_is_not_taken_for_one() -> None:
    class Squared(LogisticRegression):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) ** 2

    with pytest.raises(ConfigError, match="not of Squared"):
        gap_of(logistic().splits, Squared, 0.0)
    assert issubclass(Squared, nn.Module)
