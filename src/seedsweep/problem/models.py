"""The networks: plain modules from features (n, d) to logits, (n,) for two classes or (n, k) for k.

Rows with a shape, (n, …), are flattened. Each takes the numbers of `features` and `classes` from the data, and samples
its weights with `generator`. For a regression `classes` is 1, and it gives predictions (n,).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor, nn

from seedsweep.errors import ConfigError
from seedsweep.problem.initializers import INITIALIZERS
from seedsweep.validation import check_choice, check_integer

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
}


class LogisticRegression(nn.Module):
    """One linear unit; forward gives the logits (n,) of the second class."""

    def __init__(
        self, features: int, classes: int = 2, init: str = "glorot_uniform", generator: Generator | None = None
    ):
        super().__init__()
        if classes == 1:
            allowed = "needs classes, and the data is a regression; choose model=linear_regression, or model=mlp"
            raise ConfigError("model", "logistic_regression", allowed)
        if classes != 2:
            allowed = (
                f"needs two classes and the data has {classes}; choose model=softmax_regression,"
                " or one class against the rest with data.positive_class=NAME"
            )
            raise ConfigError("model", "logistic_regression", allowed)
        self.linear = _linear(features, 1, init, generator)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(x.flatten(1))
        return logits.squeeze(-1)


class LinearRegression(nn.Module):
    """One linear unit; forward gives the predictions (n,) of a regression."""

    def __init__(
        self, features: int, classes: int = 1, init: str = "glorot_uniform", generator: Generator | None = None
    ):
        super().__init__()
        if classes != 1:
            allowed = f"needs numbers to predict, and the data has {classes} classes; choose model=softmax_regression"
            raise ConfigError("model", "linear_regression", f"{allowed}, or data.task=regression if they are numbers")
        self.linear = _linear(features, 1, init, generator)

    def forward(self, x: Tensor) -> Tensor:
        predictions: Tensor = self.linear(x.flatten(1))
        return predictions.squeeze(-1)


class SoftmaxRegression(nn.Module):
    """One linear unit for each class; forward gives the logits (n, k)."""

    def __init__(self, features: int, classes: int, init: str = "glorot_uniform", generator: Generator | None = None):
        super().__init__()
        if classes == 1:
            allowed = "needs classes, and the data is a regression; choose model=linear_regression, or model=mlp"
            raise ConfigError("model", "softmax_regression", allowed)
        self.linear = _linear(features, classes, init, generator)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(x.flatten(1))
        return logits


class MLP(nn.Module):
    """Hidden layers of the sizes `hidden`, then one linear unit for two classes or a regression, or one a class."""

    def __init__(
        self,
        features: int,
        classes: int = 2,
        hidden: Sequence[int] = (2,),
        activation: str = "relu",
        init: str = "glorot_uniform",
        generator: Generator | None = None,
    ):
        super().__init__()
        check_choice("model.activation", activation, ACTIVATIONS)
        check_sizes("model.hidden", hidden)
        sizes = [features, *hidden]
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(sizes):
            layers += [_linear(fan_in, fan_out, init, generator), ACTIVATIONS[activation]()]
        self.is_single = classes <= 2
        self.layers = nn.Sequential(*layers, _linear(sizes[-1], 1 if self.is_single else classes, init, generator))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x.flatten(1))
        return logits.squeeze(-1) if self.is_single else logits


class Rescale(nn.Module):
    """Turns the predictions of a standardized target into its own units: times `scale`, plus `mean`."""

    def __init__(self, mean: float, scale: float):
        super().__init__()
        self.mean, self.scale = mean, scale

    def forward(self, predictions: Tensor) -> Tensor:
        return predictions * self.scale + self.mean


class Standardize(nn.Module):
    """Subtracts `mean` and divides by `scale`, both (d,) or in the shape of a row, number by number, to float32.

    It counts in the precision of these, float64: of a large mean and a small spread float32 would leave nothing.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        return ((x - self.mean) / self.scale).float()


def check_sizes(key: str, sizes: Any) -> None:
    """Check that a value is the sizes of some layers; raises `ConfigError` with its key if not."""
    if not isinstance(sizes, Sequence) or isinstance(sizes, str) or not sizes:
        raise ConfigError(key, sizes, "must be a list of layer sizes, such as [2] or [64,32]")
    for size in sizes:
        check_integer(key, size, 1)


def _linear(fan_in: int, fan_out: int, init: str, generator: Generator | None) -> nn.Linear:
    """A linear layer with weights by the initializer and zero biases, as in Keras."""
    check_choice("model.init", init, INITIALIZERS)
    layer: nn.Linear = _Unsampled(fan_in, fan_out)
    layer.__class__ = nn.Linear
    INITIALIZERS[init](layer.weight.data, generator)
    torch.nn.init.zeros_(layer.bias)
    return layer


class _Unsampled(nn.Linear):
    """Samples nothing, as `torch.nn.utils.skip_init` has it, which imports sympy for that."""

    def reset_parameters(self) -> None:
        """Leave the parameters as they are."""
