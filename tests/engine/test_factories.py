"""From a configuration to optimizers, schedules and learning rates."""

from typing import Any

import pytest
import torch
from shared.commands import config

import seedsweep
from seedsweep.engine.factories import batching, gap, optimizer, rates, schedule
from seedsweep.problem.factories import data


def resolved(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config(*overrides))


def test_optimizer_has_the_rate_of_the_configuration_or_that_of_the_call() -> None:
    values = resolved("optimizer=nesterov", "optimizer.lr=0.25")["optimizer"]
    parameters = [torch.nn.Parameter(torch.zeros(1))]
    groups = [made.param_groups[0] for made in (optimizer(values)(parameters), optimizer(values)(parameters, lr=1.0))]
    assert [group["lr"] for group in groups] == [0.25, 1.0]
    assert [group["nesterov"] for group in groups] == [True, True]


def test_rates_are_those_that_torch_s_schedule_sets() -> None:
    values = resolved("optimizer.lr=0.8", "+schedule._target_=torch.optim.lr_scheduler.StepLR", "+schedule.step_size=2")
    assert rates(values["optimizer"], values["schedule"], 5) == pytest.approx((0.8, 0.8, 0.08, 0.08, 0.008))
    assert rates(values["optimizer"], None, 3) == (0.8,) * 3


def test_schedule_that_changes_the_momentum_has_no_rates() -> None:
    one_cycle = {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "max_lr": 0.1, "total_steps": 10}
    assert rates(resolved("optimizer=momentum")["optimizer"], one_cycle, 3) is None


def test_no_schedule_is_none() -> None:
    assert schedule(None) is None


def test_batching_is_that_of_the_groups_data_and_trainer() -> None:
    values = resolved("data.batch_size=7", "data.drop_last=true", "trainer.reshuffle=false")
    assert batching(values) == {"batch_size": 7, "drop_last": True, "reshuffle": False}


def test_suboptimality_is_measured_where_the_trainer_has_it_on() -> None:
    values = resolved("trainer.suboptimality=true")
    measure = gap(values, data(values))
    assert measure is not None
    assert measure({"linear.weight": torch.zeros(1, 4), "linear.bias": torch.zeros(1)}) > 0
    assert gap(resolved(), data(values)) is None
