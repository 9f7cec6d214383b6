"""Weight initializers with Keras' definitions and defaults, drawing from an explicit generator.

Weights are (fan_out, fan_in) as in `torch.nn.Linear`. Where the libraries differ: PyTorch's `kaiming_normal_` and
`xavier_normal_` draw from an untruncated normal; Keras truncates at two standard deviations and widens the normal by
1 / 0.87962566 so that the truncated values have the variance asked for. Source: keras.initializers.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor

TRUNCATION = 0.87962566103423978  # sd of a standard normal truncated at ±2


def zeros(weight: Tensor, generator: Generator | None = None) -> None:
    """All zero."""
    torch.nn.init.zeros_(weight)


def uniform(weight: Tensor, generator: Generator | None = None) -> None:
    """Uniform between -0.05 and 0.05."""
    torch.nn.init.uniform_(weight, -0.05, 0.05, generator=generator)


def normal(weight: Tensor, generator: Generator | None = None) -> None:
    """Normal with standard deviation 0.05."""
    torch.nn.init.normal_(weight, 0.0, 0.05, generator=generator)


def variance_scaling(weight: Tensor, generator: Generator | None = None, *, scale: float, mode: str, law: str) -> None:
    """Mean 0 and variance `scale` / fan, the fan being fan_in or the mean of fan_in and fan_out (`mode` "fan_avg")."""
    fan_out, fan_in = weight.shape
    variance = scale / (fan_in if mode == "fan_in" else (fan_in + fan_out) / 2)
    if law == "uniform":
        limit = math.sqrt(3 * variance)
        torch.nn.init.uniform_(weight, -limit, limit, generator=generator)
    else:
        sd = math.sqrt(variance) / TRUNCATION
        torch.nn.init.trunc_normal_(weight, 0.0, sd, -2 * sd, 2 * sd, generator=generator)


INITIALIZERS: dict[str, Callable[..., None]] = {
    "zeros": zeros,
    "uniform": uniform,
    "normal": normal,
    "glorot_uniform": partial(variance_scaling, scale=1, mode="fan_avg", law="uniform"),
    "glorot_normal": partial(variance_scaling, scale=1, mode="fan_avg", law="normal"),
    "he_uniform": partial(variance_scaling, scale=2, mode="fan_in", law="uniform"),
    "he_normal": partial(variance_scaling, scale=2, mode="fan_in", law="normal"),
    "lecun_uniform": partial(variance_scaling, scale=1, mode="fan_in", law="uniform"),
    "lecun_normal": partial(variance_scaling, scale=1, mode="fan_in", law="normal"),
}
