"""Networks for rows that are images: a convolutional one, and a recurrent one that reads them line by line.

As the plain networks of `models`, they take the numbers of `features` and `classes`, and sample their weights with
`generator`; forward gives logits, (n,) for two classes or (n, k) for k; for a
regression `classes` is 1, and it gives predictions (n,).
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn

from seedsweep.errors import ConfigError
from seedsweep.problem.initializers import INITIALIZERS
from seedsweep.problem.models import ACTIVATIONS, check_sizes
from seedsweep.validation import check_choice, check_integer

CELLS: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class CNN(nn.Module):
    """Convolutions of 3 × 3 over square images, each halved by max pooling, then one linear layer.

    Args:
        features: pixels of an image, line by line: a square number.
        classes: of the target.
        channels: of each convolution; each halves the side of the image, rounded down.
        activation: after each convolution: relu, tanh, sigmoid or gelu.
        init: of all weights, as Keras defines it; biases are zero.
        generator: that the weights are sampled with.
    """

    def __init__(
        self,
        features: int,
        classes: int = 2,
        channels: Sequence[int] = (8, 16),
        activation: str = "relu",
        init: str = "glorot_uniform",
        generator: Generator | None = None,
    ):
        super().__init__()
        check_choice("model.activation", activation, ACTIVATIONS)
        self.side, self.is_single = math.isqrt(features), classes <= 2
        if self.side**2 != features:
            allowed = f"needs square images, and the data has {features} columns; choose data=digits, or model=mlp"
            raise ConfigError("model", "cnn", allowed)
        check_sizes("model.channels", channels)
        last = self.side >> len(channels)
        if last < 1:
            raise ConfigError("model.channels", list(channels), f"are too many: {self.side} pixels are halved by each")
        layers: list[nn.Module] = []
        for before, after in pairwise((1, *channels)):
            layers += [nn.Conv2d(before, after, 3, padding=1), ACTIVATIONS[activation](), nn.MaxPool2d(2)]
        outputs = 1 if self.is_single else classes
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(last**2 * channels[-1], outputs))
        _initialize(self, init, generator)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(torch.unflatten(x.flatten(1), 1, (1, self.side, self.side)))
        return logits.squeeze(-1) if self.is_single else logits


class RNN(nn.Module):
    """A recurrent layer that reads a row in equal steps, such as an image line by line, then one linear layer.

    Args:
        features: columns of the data.
        classes: of the target.
        steps: how many equal parts a row is read in; None: as many as a square image has lines.
        cell: rnn (with tanh), gru or lstm.
        hidden: size of its state.
        init: of the weights of its input and of the linear layer, as Keras defines it. As in Keras those of the state
            are orthogonal, biases are zero, and an LSTM's bias of forgetting is 1.
        generator: that the weights are sampled with.
    """

    def __init__(
        self,
        features: int,
        classes: int = 2,
        steps: int | None = None,
        cell: str = "gru",
        hidden: int = 16,
        init: str = "glorot_uniform",
        generator: Generator | None = None,
    ):
        super().__init__()
        check_choice("model.cell", cell, CELLS)
        check_integer("model.hidden", hidden, 1)
        self.steps = math.isqrt(features) if steps is None else steps
        check_integer("model.steps", self.steps, 1)
        if features % self.steps:
            raise ConfigError("model.steps", self.steps, f"must divide the {features} columns of the data")
        self.is_single = classes <= 2
        self.recurrent: nn.Module = CELLS[cell](features // self.steps, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1 if self.is_single else classes)
        _initialize(self, init, generator)
        if cell == "lstm":
            nn.init.ones_(self.recurrent.get_parameter("bias_ih_l0").data[hidden : 2 * hidden])

    def forward(self, x: Tensor) -> Tensor:
        outputs = self.recurrent(torch.unflatten(x.flatten(1), 1, (self.steps, -1)))[0]
        logits: Tensor = self.linear(outputs[:, -1])
        return logits.squeeze(-1) if self.is_single else logits


def _initialize(module: nn.Module, init: str, generator: Generator | None) -> None:
    """Sample the weights and set the biases to zero, as in Keras."""
    check_choice("model.init", init, INITIALIZERS)
    for name, value in module.named_parameters():
        if "bias" in name:
            nn.init.zeros_(value)
        elif "weight_hh" in name:
            nn.init.orthogonal_(value, generator=generator)
        else:
            INITIALIZERS[init](value.data, generator)
