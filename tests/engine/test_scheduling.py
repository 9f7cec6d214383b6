"""From a configuration to a schedule and its learning rates, by the epoch or by the step."""

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from shared.commands import config
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, StepLR

import seedsweep
from seedsweep.engine.scheduling import rates, schedule, steps_taken
from seedsweep.engine.validation import check, log
from seedsweep.engine.warmup import WarmupCosine

ONE_CYCLE = {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "max_lr": 0.1}


def resolved(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config("tracking=none", *overrides))


def rates_of(*overrides: str) -> Any:
    values = resolved(*overrides)
    steps = steps_taken(values.get("schedule"), values["data"], values["trainer"])
    return rates(values["optimizer"], values.get("schedule"), values["trainer"]["max_epochs"], steps)


def test_rates_are_those_that_torch_s_schedule_sets() -> None:
    assert rates_of("optimizer.lr=0.8", "schedule=step") == pytest.approx((0.8, 0.8, 0.08, 0.08, 0.008))
    assert rates_of("optimizer.lr=0.8", "trainer.max_epochs=3") == (0.8,) * 3


def test_a_schedule_by_the_step_has_the_rates_of_the_steps_of_each_epoch() -> None:
    words = (
        "optimizer.lr=0.8",
        "schedule=step",
        "schedule.interval=step",
        "trainer.max_epochs=2",
        "data.batch_size=200",
    )
    first, second = rates_of(*words)
    assert first == pytest.approx((0.8, 0.8))
    assert second == pytest.approx((0.08, 0.08))


def test_schedule_that_changes_the_momentum_has_no_rates() -> None:
    """Although the last step leaves it as the first one had it."""
    values = resolved("optimizer=momentum", "optimizer.momentum=0.95")["optimizer"]
    assert rates(values, ONE_CYCLE, 10, 10) is None
    assert rates(values, ONE_CYCLE | {"cycle_momentum": False}, 10, 10) is not None


def test_no_schedule_is_none() -> None:
    assert schedule(None, 3) is None


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        ("schedule=one_cycle schedule.interval=epoch", 5),
        ("schedule=one_cycle", 5 * 25),
        ("schedule=one_cycle data.drop_last=true", 5 * 24),
        ("schedule=one_cycle data.batch_size=398", 5),
        ("schedule=one_cycle +trainer.accumulate_grad_batches=4", 5 * 7),
        ("schedule=one_cycle +trainer.limit_train_batches=3", 5 * 3),
        ("schedule=one_cycle +trainer.limit_train_batches=0.5", 5 * 12),
        ("schedule=one_cycle +trainer.max_steps=30", 30),
    ],
)
def test_a_schedule_gets_the_number_of_its_steps_in_the_run(words: str, steps: int) -> None:
    values = resolved(*words.split())
    taken = steps_taken(values["schedule"], values["data"], values["trainer"])
    makes: Any = schedule(values["schedule"], taken)
    made = makes(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01))
    assert made.total_steps == taken == steps


@pytest.mark.parametrize("words", ["schedule.total_steps=200", "+schedule.epochs=20 +schedule.steps_per_epoch=10"])
def test_a_number_of_steps_that_is_given_stays(words: str) -> None:
    values = resolved("schedule=one_cycle", *words.split())
    makes: Any = schedule(values["schedule"], 125)
    assert makes(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)).total_steps == 200


class PassingOn(OneCycleLR):
    def __init__(self, optimizer: Any, **others: Any):
        super().__init__(optimizer, max_lr=0.1, **others)


class Plain(StepLR):
    def __init__(self, optimizer: Any, **others: Any):
        super().__init__(optimizer, step_size=3, **others)


def falling(optimizer: Any, total_steps: int) -> LambdaLR:
    return LambdaLR(optimizer, lambda step: 1 - step / total_steps)


@pytest.mark.parametrize("kind", [PassingOn, Plain, falling])
def test_schedules_of_one_s_own_get_it_where_they_take_it(kind: Callable[..., Any]) -> None:
    makes: Any = schedule({"_target_": f"{__name__}.{kind.__name__}"}, 10)
    assert makes.keywords == ({} if kind is Plain else {"total_steps": 10})
    makes(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1))


# The schedules of conf/schedule


def flat(*overrides: str) -> list[float]:
    return [rate for epoch in rates_of("optimizer.lr=0.5", *overrides) for rate in epoch]


def test_warmup_rises_in_a_line_and_stays() -> None:
    made = flat("schedule=warmup", "schedule.total_iters=10", "trainer.max_epochs=1")
    expected = [0.5 * (0.01 + 0.99 * min(step, 10) / 10) for step in range(25)]
    assert made == pytest.approx(expected, rel=1e-12)


def test_warmup_cosine_rises_in_a_line_and_falls_to_zero_with_the_training() -> None:
    made = flat("schedule=warmup_cosine", "schedule.warmup_steps=10", "trainer.max_epochs=2")
    rising = [0.5 * (0.01 + 0.99 * step / 10) for step in range(10)]
    falls = [0.25 * (1 + math.cos(math.pi * step / 40)) for step in range(40)]
    assert made == pytest.approx([*rising, *falls], rel=1e-9)


def test_one_cycle_has_the_learning_rate_at_its_top() -> None:
    made = flat("schedule=one_cycle")
    assert max(made) == pytest.approx(0.5, rel=1e-3)
    assert made[0] == pytest.approx(0.5 / 25)
    assert made[-1] == pytest.approx(0.5 / 25e4)
    assert len(made) == 125


@pytest.mark.parametrize(
    "words", ["schedule=warmup schedule.total_iters=40", "schedule=warmup_cosine schedule.warmup_steps=40"]
)
def test_a_warmup_longer_than_the_training_only_rises(words: str) -> None:
    values = resolved(*words.split(), "trainer.max_epochs=1")
    check(values)
    made = flat(*words.split(), "trainer.max_epochs=1")
    assert made == pytest.approx([0.5 * (0.01 + 0.99 * step / 40) for step in range(25)], rel=1e-12)


def test_no_warmup_is_a_cosine() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    made = WarmupCosine(optimizer, total_steps=4, warmup_steps=0)
    rates = []
    for _ in range(4):
        rates.append(made.get_last_lr()[0])
        optimizer.step()
        made.step()
    assert rates == pytest.approx([(1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)])


# Refusals


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("schedule=cosine schedule.interval=batch", "schedule.interval=batch: must be one of epoch, step"),
        ("schedule=one_cycle schedule.max_lr=1", r"schedule.max_lr=1: must be \$\{optimizer.lr\}, since OneCycleLR"),
        ("schedule=warmup_cosine schedule.warmup_steps=-1", "ValueError: warmup_steps=-1 must not be negative"),
        (
            "schedule=one_cycle schedule.total_steps=20",
            "schedule=torch.optim.lr_scheduler.OneCycleLR: ValueError: Tried",
        ),
    ],
)
def test_wrong_schedules_are_refused(words: str, message: str) -> None:
    with pytest.raises(seedsweep.ConfigError, match=message):
        check(resolved(*words.split()))


@pytest.mark.parametrize("limit", [3, 30])
def test_a_schedule_by_the_step_may_end_in_the_middle_of_an_epoch(limit: int) -> None:
    check(resolved("schedule=warmup", f"+trainer.max_steps={limit}"))


def test_a_cosine_that_rises_again_is_said_to(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "disabled", False)  # as Hydra's configuration of logging may have left it
    with caplog.at_level(logging.WARNING):
        check(resolved("schedule=cosine"))
        assert not caplog.text
        check(resolved("schedule=cosine", "schedule.interval=step", "trainer.max_epochs=5"))
    assert "schedule.T_max=5: the rate rises again after so many steps, of which the training has 125" in caplog.text


def test_minibatches_of_a_data_module_are_not_counted() -> None:
    clouds = {"_target_": "shared.own_modules.Clouds", "name": "clouds", "batch_size": 8}
    values = resolved("schedule=one_cycle", "~model.init", "model._target_=shared.own_modules.Margins")
    values = values | {"data": clouds, "objective": {"metric": "valid_loss", "select": "last"}}
    with pytest.raises(
        seedsweep.ConfigError, match=r"^schedule.total_steps=null: a value is required, as the number of"
    ):
        check(values)
    for given in ({"total_steps": 40}, {"interval": "epoch"}):
        check(values | {"schedule": values["schedule"] | given})
    check(values | {"schedule": {"_target_": "torch.optim.lr_scheduler.LinearLR", "interval": "step"}})
