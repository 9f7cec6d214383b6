"""`seedsweep.check`: whether a module or an optimizer trains in a fleet, and as it does alone."""

import inspect
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from seedsweep.api.hydra_sweep import ALONE, composed, typed
from seedsweep.api.objects import options_of_objects
from seedsweep.config.completeness import resolve
from seedsweep.engine.built_run import build
from seedsweep.engine.dry_batch import check_step, metrics_of
from seedsweep.engine.factories import decays_biases, without_rate
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, refuse_model, refuse_optimizer
from seedsweep.errors import ConfigError
from seedsweep.outcomes import FleetResult, RunResult
from seedsweep.problem.factories import data, network

TOLERANCE = 1e-6  # of curves in 64 bits, relative to values above 1
USUAL = ("trainer.max_epochs=2", "trainer.precision=64-true", "tracking=none")
SEEDS = ((0, 0), (1, 1), (0, 1))  # of weights and order, of three members
Config = dict[str, Any]


@dataclass(frozen=True)
class Point:
    """One point of a check: what was tried, whether it holds, and what was found."""

    name: str
    holds: bool
    finding: str

    def __str__(self) -> str:
        return f"{'✓' if self.holds else '✗'} {self.name}: {self.finding}"


def check(part: Any, *overrides: str, **keywords: Any) -> list[Point]:
    """Try whether a module or an optimizer trains in a fleet with the curves that it has alone, and print each point.

    A part that trains alone is none the worse: it is slower, and the reason is said.

    Args:
        part: a class of modules or of optimizers, or a `functools.partial` of one, as `seedsweep.sweep` takes it.
        overrides: of the configuration, as they are typed: `"trainer.max_epochs=5"`.
        keywords: what else is to be used, as `seedsweep.sweep` takes it: `data="digits"`, `optimizer="adam"`.

    Returns:
        The points, in the order in which they were tried; none follows one that the others need.

    Raises:
        ConfigError: the part is no class, or what else is to be used is not allowed.
    """
    kind = part.func if isinstance(part, partial) else part
    is_optimizer = inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer)
    points = []
    with ALONE, options_of_objects():
        given = {"optimizer": part} if is_optimizer else {"model": part, "optimizer": "sgd"}
        for point in _points(_configs(overrides, given | keywords)):
            sys.stdout.write(f"{point}\n")
            points.append(point)
    return points


def _configs(overrides: Sequence[str], keywords: Mapping[str, Any]) -> list[Config]:
    """The configurations of three members."""
    usual = [*USUAL, *overrides]
    words = [*usual, *typed(usual, keywords)]
    return [_plain(composed([*words, f"init_seed={init}", f"order_seed={order}"])) for init, order in SEEDS]


def _plain(config: DictConfig) -> Config:
    return resolve(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))


def _points(configs: list[Config]) -> Iterator[Point]:
    first = configs[0]
    try:
        metrics = metrics_of(first["model"], first["data"], False)
        decay_biases = decays_biases(first["trainer"])
        check_step(first["model"], first["data"], without_rate(first["optimizer"]), decay_biases)
    except ConfigError as error:
        yield Point("one batch", False, str(error))
        return
    yield Point("one batch", True, f"it logs {', '.join(metrics)}")
    yield _weights(configs)
    if reason := refuse_model(first) or refuse_optimizer(first):
        yield Point("fleet", False, f"it trains alone: {reason}")
        return
    yield Point("fleet", True, "it trains with others as one program")
    runs = [values | {"objective": {"metric": metrics[0], "select": "last"}} for values in configs]
    together = fleet.train(assemble(runs))
    yield _curves([build(values).train() for values in runs], together)
    by_itself = fleet.train(assemble(runs[1:2]))
    same = by_itself.points(0) == together.points(1)
    yield Point("company", same, f"its bits are {'the same' if same else 'others'} whoever else is in the fleet")


def _weights(configs: list[Config]) -> Point:
    """Whether equal seeds make equal weights, and others make others."""
    first, again, other = (
        torch.cat([value.flatten() for value in network(values, data(values)).parameters()])
        for values in (configs[0], configs[2], configs[1])
    )
    equal, different = torch.equal(first, again), not torch.equal(first, other)
    finding = "of one init_seed they are equal" if equal else "of one init_seed they differ: do they depend on more?"
    return Point("weights", equal, finding + ("" if different else "; of another, too, as no weight is sampled"))


def _curves(expected: list[RunResult], together: FleetResult) -> Point:
    largest = 0.0
    for member, result in enumerate(expected):
        values = {point[:2]: point.value for point in together.points(member)}
        for point in result.points:
            difference = abs(values.get(point[:2], math.inf) - point.value)
            largest = max(largest, difference / max(1, abs(point.value)))
    return Point("curves", largest <= TOLERANCE, f"alone and in a fleet they differ by at most {largest:.0e}")
