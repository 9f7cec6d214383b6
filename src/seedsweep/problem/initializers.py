"""Weight initializers with Keras' definitions and defaults, sampled with an explicit generator.

Weights are (fan_out, fan_in) as in `torch.nn.Linear`, or those of a convolution. Where the libraries differ: PyTorch's
`kaiming_normal_` and `xavier_normal_` sample an untruncated normal; Keras truncates at two standard deviations and
widens the normal by 1 / 0.87962566 so that the truncated values have that variance. Source: keras.initializers.
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


def variance_scaling(
    weight: Tensor, generator: Generator | None = None, *, scale: float, mode: str, distribution: str
) -> None:
    """Mean 0 and variance `scale` / fan, where the fan is fan_in, or the mean of fan_in and fan_out.

    Args:
        weight: filled in place (fan_out, fan_in), or of a convolution (channels out, channels in, …).
        generator: what the weights are sampled with; None for torch's global one.
        scale: numerator of the variance.
        mode: "fan_in" or "fan_avg".
        distribution: "uniform" or "normal", which is truncated at two standard deviations.
    """
    fan_in, fan_out = weight[0].numel(), weight[:, 0].numel()  # of a convolution: channels times the kernel's size
    variance = scale / (fan_in if mode == "fan_in" else (fan_in + fan_out) / 2)
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        torch.nn.init.uniform_(weight, -limit, limit, generator=generator)
    else:
        sd = math.sqrt(variance) / TRUNCATION
        torch.nn.init.trunc_normal_(weight, 0.0, sd, -2 * sd, 2 * sd, generator=generator)


INITIALIZERS: dict[str, Callable[..., None]] = {
    "zeros": zeros,
    "uniform": uniform,
    "normal": normal,
    "glorot_uniform": partial(variance_scaling, scale=1, mode="fan_avg", distribution="uniform"),
    "glorot_normal": partial(variance_scaling, scale=1, mode="fan_avg", distribution="normal"),
    "he_uniform": partial(variance_scaling, scale=2, mode="fan_in", distribution="uniform"),
    "he_normal": partial(variance_scaling, scale=2, mode="fan_in", distribution="normal"),
    "lecun_uniform": partial(variance_scaling, scale=1, mode="fan_in", distribution="uniform"),
    "lecun_normal": partial(variance_scaling, scale=1, mode="fan_in", distribution="normal"),
}
