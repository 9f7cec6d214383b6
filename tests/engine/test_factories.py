"""From a configuration to optimizers, minibatches and what measures the suboptimality."""

from typing import Any

import torch
from shared.commands import config

import seedsweep
from seedsweep.engine.factories import batching, gap, optimizer
from seedsweep.problem.factories import data


def resolved(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config(*overrides))


def test_optimizer_has_the_rate_of_the_configuration_or_that_of_the_call() -> None:
    values = resolved("optimizer=nesterov", "optimizer.lr=0.25")["optimizer"]
    parameters = [torch.nn.Parameter(torch.zeros(1))]
    groups = [made.param_groups[0] for made in (optimizer(values)(parameters), optimizer(values)(parameters, lr=1.0))]
    assert [group["lr"] for group in groups] == [0.25, 1.0]
    assert [group["nesterov"] for group in groups] == [True, True]


def test_batching_is_that_of_the_groups_data_and_trainer() -> None:
    values = resolved("data.batch_size=7", "data.drop_last=true", "trainer.reshuffle=false")
    assert batching(values) == {"batch_size": 7, "drop_last": True, "reshuffle": False}


def test_suboptimality_is_measured_where_the_trainer_has_it_on() -> None:
    values = resolved("trainer.suboptimality=true")
    measure = gap(values, data(values))
    assert measure is not None
    assert measure({"linear.weight": torch.zeros(1, 4), "linear.bias": torch.zeros(1)}) > 0
    assert gap(resolved(), data(values)) is None
