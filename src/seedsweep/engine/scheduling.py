"""From a configuration to a schedule of the learning rate: how many steps it takes, and the rates that it sets."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seedsweep.caching import cached
from seedsweep.config.instantiation import accepted, make
from seedsweep.engine.factories import optimizer
from seedsweep.errors import ConfigError
from seedsweep.problem.factories import data
from seedsweep.problem.splits import Splits

INTERVALS = ("epoch", "step")  # from one step of a schedule to the next
TOTAL = "total_steps"  # an argument of schedules that have to know when the training ends

Rate = float | tuple[float, ...]  # of an epoch, or of each of its steps


def interval(scheduled: Mapping[str, Any] | None) -> str:
    """When a schedule takes a step.

    Args:
        scheduled: the group `schedule`, plain.

    Returns:
        `epoch` or `step`, the words of Lightning.
    """
    return str((scheduled or {}).get("interval", "epoch"))


def steps_taken(scheduled: Mapping[str, Any] | None, dataset: Mapping[str, Any], trainer: Mapping[str, Any]) -> Any:
    """How many steps a schedule takes in a run.

    Args:
        scheduled: the group `schedule`, plain.
        dataset: the group `data`.
        trainer: the group of that name.

    Returns:
        Epochs, or steps of the optimizer; None where the number of minibatches is not known.
    """
    return trainer["max_epochs"] if interval(scheduled) == "epoch" else optimizer_steps(dataset, trainer)


@cached
def optimizer_steps(dataset: Mapping[str, Any], trainer: Mapping[str, Any]) -> int | None:
    """How many steps the optimizer takes in a run.

    Args:
        dataset: the group `data`.
        trainer: the group of that name.

    Returns:
        At most so many; None where the number of minibatches is not known.
    """
    splits = data({"data": dataset})
    if not isinstance(splits, Splits):
        return None
    rows, size = len(splits.train), dataset["batch_size"]
    minibatches = rows // size if dataset.get("drop_last") else -(-rows // size)
    limit = trainer.get("limit_train_batches")  # Lightning's: a number of minibatches, or their share
    if limit is not None:
        minibatches = min(minibatches, limit) if isinstance(limit, int) else int(minibatches * limit)
    steps: int = trainer["max_epochs"] * -(-minibatches // (trainer.get("accumulate_grad_batches") or 1))
    last = trainer.get("max_steps")
    return steps if last is None or last < 0 else min(steps, last)


@cached
def schedule(scheduled: Mapping[str, Any] | None, steps: int | None) -> Callable[[Optimizer], LRScheduler] | None:
    """What makes the schedule of an optimizer's learning rate.

    Args:
        scheduled: the group `schedule`, plain.
        steps: how many it takes in the run, which it is given if it has to know; None where that is not known.

    Returns:
        What makes it; None if the rate is constant.

    Raises:
        ConfigError: it cannot be made, or has to know what is not known.
    """
    if not scheduled:
        return None
    values = {key: value for key, value in scheduled.items() if key != "interval" and (key, value) != (TOTAL, None)}
    makes: partial[LRScheduler] = make("schedule", values, object, _partial_=True)
    if TOTAL in values or values.get("epochs") is not None or not accepted(makes.func, {TOTAL: steps}):
        return makes
    if steps is None:
        allowed = "a value is required, as the number of minibatches of a LightningDataModule is not known"
        raise ConfigError(f"schedule.{TOTAL}", None, f"{allowed}: the epochs times those that it has")
    return partial(makes, **{TOTAL: steps})


@cached
def rates(
    optimizer_config: Mapping[str, Any], scheduled: Mapping[str, Any] | None, epochs: int, steps: int | None
) -> tuple[Rate, ...] | None:
    """The learning rates of a run, by the real schedule.

    Args:
        optimizer_config: the group `optimizer`, plain.
        scheduled: the group `schedule`.
        epochs: of the run.
        steps: that the schedule takes in it, where that is known.

    Returns:
        The rate in each epoch, or those of the steps in each; None if the schedule changes other things too.
    """
    stepped: Any = optimizer(optimizer_config)([torch.nn.Parameter(torch.zeros(1))])
    (group,) = stepped.param_groups
    before = {key: value for key, value in group.items() if key not in ("params", "lr")}
    makes = schedule(scheduled, steps)
    scheduler: Any = makes(stepped) if makes else None
    if scheduler:
        stepped.step()  # once, as a schedule's first step has to follow one
    rate_by_step, is_rate_alone = list[float](), True
    for _ in range(steps or epochs):
        rate_by_step.append(float(group["lr"]))
        is_rate_alone = is_rate_alone and all(group[key] == value for key, value in before.items())
        if scheduler:
            scheduler.step()
    if not is_rate_alone:
        return None
    if interval(scheduled) == "epoch":
        return tuple(rate_by_step)
    width = max(1, len(rate_by_step) // epochs)  # of a training that trainer.max_steps ends in its first epoch, too
    return tuple(tuple(rate_by_step[first : first + width]) for first in range(0, epochs * width, width))
