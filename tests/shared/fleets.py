"""Fleets of real runs, the same runs by the reference engine, and how far apart the two are."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from seedsweep.engine import lightning as training
from seedsweep.engine.factories import optimizer
from seedsweep.engine.fleet.members import Fleet, Member
from seedsweep.engine.fleet.shared_optimizer import MakeOptimizer, NotProportionalError, OptimizerRows, Start, probe
from seedsweep.engine.fleet.trainer import train
from seedsweep.engine.fleet.vectorize import Vectorized
from seedsweep.outcomes import FleetResult, RunResult
from seedsweep.problem.data_module import DataModule
from seedsweep.problem.lightning_learner import LightningLearner
from seedsweep.problem.models import MLP, LogisticRegression, SoftmaxRegression
from seedsweep.problem.module import Learner
from seedsweep.problem.splits import Splits, prepare
from shared.commands import OPTIMIZER_OPTIONS, ROOT

# To which curves agree: the kinks of an mlp make more of a rounding, which its weights, whose flat directions no loss
# holds, show most of all.
CONVEX, CHAOTIC = 1e-6, 1e-4
WEIGHTS = 10
HUGE = 1e30


@dataclass(frozen=True)
class Problem:
    """What the members of a fleet share: a network, made by `net(init=…, generator=…)`, its data and batch size."""

    net: Callable[..., nn.Module]
    splits: Splits
    batch_size: int = 16

    def sample(self, run: "Run") -> nn.Module:
        return self.net(init=run.init, generator=torch.Generator().manual_seed(run.seed))


@dataclass(frozen=True)
class Run:
    """One member: `optimizer` is a file in conf/optimizer or a maker, `rates` those of the epochs."""

    optimizer: str | MakeOptimizer
    rates: tuple[float, ...]
    seed: int = 0
    init: str = "glorot_uniform"

    @property
    def make(self) -> MakeOptimizer:
        return configured(self.optimizer) if isinstance(self.optimizer, str) else self.optimizer


def run(optimizer: str | MakeOptimizer, rate: float, seed: int = 0, epochs: int = 5, **changes: Any) -> Run:
    return Run(optimizer, (rate,) * epochs, seed, **changes)


@lru_cache
def configured(name: str) -> MakeOptimizer:
    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "optimizer" / f"{name}.yaml"))
    return optimizer(values)


@lru_cache
def probed(make: MakeOptimizer) -> Start:
    return probe(make)


def proportional() -> list[str]:
    """The optimizers in conf/optimizer that may join a fleet."""
    names = []
    for name in OPTIMIZER_OPTIONS:
        with suppress(NotProportionalError):
            probed(configured(name))
            names.append(name)
    return names


def splits(name: str, **changes: Any) -> Splits:
    config = OmegaConf.merge(OmegaConf.load(ROOT / "conf" / "data" / f"{name}.yaml"), changes)
    return prepare(instantiate(config, _convert_="all"))


def logistic(batch_size: int = 16) -> Problem:
    return Problem(partial(LogisticRegression, 4, 2), splits("breast_cancer"), batch_size)


def softmax(batch_size: int = 16) -> Problem:
    return Problem(partial(SoftmaxRegression, 4, 2), splits("breast_cancer"), batch_size)


def mlp(batch_size: int = 16) -> Problem:
    return Problem(partial(MLP, 4, 2), splits("breast_cancer"), batch_size)


def iris(batch_size: int = 16) -> Problem:
    return Problem(partial(SoftmaxRegression, 4, 3), splits("iris"), batch_size)


def wine(hidden: Sequence[int], activation: str, batch_size: int = 16) -> Problem:
    return Problem(partial(MLP, 13, 3, hidden=hidden, activation=activation), splits("wine"), batch_size)


def digits(batch_size: int) -> Problem:
    return Problem(partial(MLP, 64, 10, hidden=[8], activation="gelu"), splits("digits"), batch_size)


def networks(problem: Problem, count: int) -> list[Learner]:
    """Modules of the same architecture, with weights of their own."""
    return [Learner(problem.sample(Run("sgd", (), seed)), torch.optim.SGD) for seed in range(count)]


def fleet(problem: Problem, runs: Sequence[Run], **options: Any) -> Fleet:
    """With the options of every comparison, so that the steps of both engines are logged alike."""
    module = Learner(problem.net(), torch.optim.SGD)
    vector = Vectorized(module).vector
    members = [Member(vector(problem.sample(run)), run.seed, run.optimizer, run.rates) for run in runs]
    optimizers = {run.optimizer: [OptimizerRows(run.make, probed(run.make))] for run in runs}
    options = {"log_every_n_steps": 10, "divergence_threshold": 1e4} | options
    return Fleet(Vectorized(module), problem.splits, problem.batch_size, optimizers, members, **options)


class Scheduled(LightningLearner):
    """Sets its optimizer's rate at the beginning of every epoch."""

    rates: tuple[float, ...]

    def on_train_epoch_start(self) -> None:
        self.optimizers().param_groups[0]["lr"] = self.rates[self.current_epoch]


def alone(problem: Problem, run: Run, **options: Any) -> RunResult:
    """The run by the reference engine."""
    kind = LightningLearner if len(set(run.rates)) == 1 else Scheduled
    module = kind(problem.sample(run), lambda parameters: run.make(parameters, lr=run.rates[0]))
    module.rates = run.rates
    data = DataModule(problem.splits, problem.batch_size, run.seed)
    options = {"log_every_n_steps": 10, "divergence_threshold": 1e4, "accelerator": "cpu"} | options
    return training.train(module, data, max_epochs=len(run.rates), **options)


def curves(result: FleetResult, member: int) -> dict[tuple[str, int, int], float]:
    """The values of one member by metric, step and epoch."""
    actual = {}
    for column in result.columns:
        for position in np.flatnonzero(column.members == member):
            key = (column.metric, column.step, column.epoch)
            assert key not in actual, "a point is there once"
            actual[key] = float(column.values[position])
    return actual


def weights(result: FleetResult, member: int) -> dict[str, torch.Tensor]:
    return {name: value[member] for name, value in result.weights.items()}


def apart(expected: Sequence[Any], actual: Sequence[Any]) -> float:
    """The largest difference of two lists of numbers, relative to those beyond 1; nan equals nan."""
    a, b = np.asarray(expected, dtype=float), np.asarray(actual, dtype=float)
    assert a.shape == b.shape
    with np.errstate(invalid="ignore"):
        relative = np.abs(a - b) / np.maximum(1, np.abs(a))
    relative[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    return float(np.nan_to_num(relative, nan=math.inf).max(initial=0))


def compare(expected: RunResult, result: FleetResult, member: int) -> tuple[float, float]:
    """How far the curves and the weights of a member are from those of the reference engine."""
    points = {(point.metric, point.step, point.epoch): point.value for point in expected.points}
    actual = curves(result, member)
    assert actual.keys() == points.keys()
    assert result.outcomes[member] == expected.outcome
    trained = weights(result, member)
    assert {name: value.shape for name, value in trained.items()} == {n: v.shape for n, v in expected.weights.items()}
    differences = [apart(expected.weights[name].flatten(), value.flatten()) for name, value in trained.items()]
    return apart(list(points.values()), [actual[key] for key in points]), max(differences)


def assert_equal(problem: Problem, runs: Sequence[Run], bound: float, **options: Any) -> FleetResult:
    """Trained together, the runs are those that they are alone, to within the bound."""
    result = train(fleet(problem, runs, **options))
    options.pop("device", None)  # the reference engine's is always the CPU
    if options.pop("dtype", None) == torch.float64:
        options["precision"] = "64-true"
    for member, member_run in enumerate(runs):
        of_curves, of_weights = compare(alone(problem, member_run, **options), result, member)
        assert of_curves <= bound, member_run
        assert of_weights <= WEIGHTS * bound, member_run
    return result


def bits(result: FleetResult, member: int) -> tuple[Any, ...]:
    """All numbers of a member, of which two are equal only to the last bit."""
    values = {key: value.hex() for key, value in curves(result, member).items()}
    return result.outcomes[member], values, {n: v.numpy().tobytes() for n, v in weights(result, member).items()}


def assert_same_bits(whole: FleetResult, smaller: FleetResult, positions: Sequence[int]) -> None:
    """The members of `smaller` are those at these positions of `whole`, to the last bit."""
    assert len(smaller.outcomes) == len(positions)
    pairs = enumerate(positions)
    assert [position for member, position in pairs if bits(smaller, member) != bits(whole, position)] == []
