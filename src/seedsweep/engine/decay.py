"""Which parameters decay: all, or those of two or more dimensions, and not biases and the scales of norm layers."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from torch import nn
from torch.optim import Optimizer

MakeOptimizer = Callable[..., Optimizer]  # (parameters, lr=…)


def matrices_decay(make: MakeOptimizer) -> MakeOptimizer:
    """The optimizer of two groups of parameters, of which only the first, that of the matrices, decays.

    Args:
        make: makes an optimizer of groups of parameters.

    Returns:
        What makes it of parameters.
    """
    return partial(_of_groups, make)


def undecayed(make: MakeOptimizer) -> MakeOptimizer:
    """The optimizer of parameters none of which decays, as it has them in a group of their own.

    Args:
        make: makes an optimizer of groups of parameters.

    Returns:
        What makes it of parameters.
    """
    return partial(_of_a_group, make)


def _of_groups(make: MakeOptimizer, parameters: Iterable[nn.Parameter], **options: Any) -> Optimizer:
    every = list(parameters)
    matrices, others = ([value for value in every if (value.ndim > 1) is wanted] for wanted in (True, False))
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": others, "weight_decay": 0}]
    return make([group for group in groups if group["params"]], **options)


def _of_a_group(make: MakeOptimizer, parameters: Iterable[nn.Parameter], **options: Any) -> Optimizer:
    return make([{"params": list(parameters), "weight_decay": 0}], **options)
