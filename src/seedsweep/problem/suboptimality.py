"""How far the training loss of a run is above its minimum, for linear models, where it can be computed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, linear
from torch.optim import Optimizer

from seedsweep.errors import ConfigError
from seedsweep.problem.models import LogisticRegression, SoftmaxRegression
from seedsweep.problem.optimum import Optimum, optimum
from seedsweep.problem.splits import Splits

KEY = "trainer.suboptimality"
CONVEX = {LogisticRegression: "logistic_regression", SoftmaxRegression: "softmax_regression"}


@dataclass(frozen=True, eq=False)
class Gap:
    """Measures networks against the minimum of their loss on all training rows, `features` (n, d) and `target` (n,).

    `about` says which loss that is.
    """

    features: Tensor
    target: Tensor
    optimum: Optimum
    about: Mapping[str, str]

    @torch.no_grad()
    def __call__(self, weights: Mapping[str, Tensor]) -> float:
        """The loss with these weights, in 64 bits whatever theirs are, less the minimum."""
        # copies: where a tensor begins in memory may decide the last bits of a product
        weight, bias = (weights[f"linear.{name}"].to("cpu", torch.float64, copy=True) for name in ("weight", "bias"))
        logits = linear(self.features, weight, bias)
        if self.optimum.outputs == 1:
            loss = binary_cross_entropy_with_logits(logits.squeeze(-1), self.target)
        else:
            loss = cross_entropy(logits, self.target)
        decay = self.optimum.weight_decay / 2 * (weight.square().sum() + bias.square().sum())
        above = float(loss + decay) - (self.optimum.value or 0.0)
        return 0.0 if -1e-12 < above < 0 else above  # by rounding

    def as_json(self) -> str:
        """The minimum with what proves it, and whose it is."""
        return json.dumps({**self.about, **json.loads(self.optimum.as_json())})


@lru_cache(maxsize=64)
def gap_of(splits: Splits, network: type, weight_decay: float) -> Gap:
    """What measures how far networks of a class are above the minimum of their training loss.

    Args:
        splits: the data.
        network: the class.
        weight_decay: coupled, as `coupled_decay` gives it.

    Returns:
        The measure, which is kept in memory, since the runs of a sweep share few.

    Raises:
        ConfigError: there is no minimum, or it is not known.
    """
    if network not in CONVEX:
        allowed = f"needs a convex training loss, that of model={' or model='.join(CONVEX.values())}"
        raise ConfigError(KEY, "true", f"{allowed}, and not of {network.__name__}")
    if splits.class_weights is not None:
        raise ConfigError(KEY, "true", "is of the loss in which all rows weigh the same: data.class_weights=null")
    features, target = splits.train.tensors[0].flatten(1), splits.train.tensors[1]
    classes = len(splits.classes)
    outputs = 1 if network is LogisticRegression else classes
    try:
        with threadpool_limits(1):  # as in training: two that wait for a busy processor are slower by far
            minimum = optimum(features.numpy(), target.numpy(), classes, weight_decay, outputs)
    except ValueError as error:
        raise ConfigError(KEY, "true", f"the minimum of the training loss is not known: {error}") from error
    if minimum.outcome == "separable":
        allowed = (
            "the classes of the training rows are separable, so that their loss has no minimum and falls for ever;"
            " add weight decay, such as optimizer.weight_decay=0.001, to an optimizer that couples it to the loss"
        )
        raise ConfigError(KEY, "true", allowed)
    if minimum.value is None:
        raise ConfigError(KEY, "true", "the minimum of the training loss could not be proved in 64-bit numbers")
    about = {"model": CONVEX[network], "data": splits.fingerprint}
    return Gap(features.double(), target.double() if outputs == 1 else target, minimum, about)


def coupled_decay(make: Callable[..., Optimizer]) -> float:
    """The `weight_decay` of optimizers, if it is coupled with the gradient.

    Coupled, w has the effect that w times the parameters are added to the gradient: the optimizer minimises the loss
    with w/2 times the sum of their squares. It is tried out, so that it holds for optimizers of third parties.

    Args:
        make: makes an optimizer of parameters.

    Returns:
        The decay; 0 if there is none, or it is decoupled.
    """
    decay = float(make([nn.Parameter(torch.zeros(1))]).param_groups[0].get("weight_decay", 0))
    if not decay:
        return 0.0
    ends = []
    for decay_of_optimizer, added in ((decay, 0.0), (0.0, decay)):
        moved = nn.Parameter(torch.linspace(-1, 2, 6, dtype=torch.float64).reshape(2, 3))
        optimizer = make([moved], weight_decay=decay_of_optimizer)
        for step in range(1, 4):
            moved.grad = torch.sin(step * torch.arange(6.0, dtype=torch.float64)).reshape(2, 3) + added * moved.detach()
            optimizer.step()
        ends.append(moved.detach())
    return decay if torch.allclose(ends[0], ends[1], rtol=1e-9, atol=1e-12) else 0.0
