"""Functions that are computed in another way in a fleet."""

from typing import Any

import pytest
import torch
from shared.fleets import logistic
from torch.func import vmap
from torch.nn.functional import binary_cross_entropy_with_logits, gelu, linear
from torch.utils._python_dispatch import TorchDispatchMode

from seedsweep.engine.fleet.rewrites import Rewritten
from seedsweep.engine.fleet.vectorize import Vectorized
from seedsweep.problem.module import Learner

X = torch.linspace(-20, 20, 96)
FUNCTIONS = {
    "sigmoid": lambda x: torch.sigmoid(x),
    "gelu": lambda x: gelu(x),
    "tanh gelu": lambda x: gelu(x, approximate="tanh"),
    "cross-entropy": lambda x: binary_cross_entropy_with_logits(x, (x > 1).float()),
    "sum": lambda x: binary_cross_entropy_with_logits(x, (x > 1).float(), reduction="sum"),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_values_and_gradients_are_the_same_but_for_rounding(function: Any) -> None:
    expected_x, x = X.clone().requires_grad_(), X.clone().requires_grad_()
    expected = function(expected_x)
    with Rewritten():
        actual = function(x)
    torch.testing.assert_close(actual, expected)
    for values in (expected, actual):
        values.sum().backward()
    torch.testing.assert_close(x.grad, expected_x.grad)


@pytest.mark.parametrize("shapes", [((16, 4), (1, 4)), ((7, 3), (5, 3)), ((33, 30), (9, 30))], ids=str)
@pytest.mark.parametrize("shared", [True, False], ids=["one minibatch", "minibatches"])
def test_layers_of_many_members_are_their_layers(shapes: tuple[tuple[int, int], tuple[int, int]], shared: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, weights = (torch.randn(6, *shape, generator=generator) for shape in shapes)
    biases = torch.randn(6, shapes[1][0], generator=generator)
    minibatch = rows[0] if shared else rows
    with Rewritten():
        layers = vmap(linear, in_dims=(None if shared else 0, 0, 0))(minibatch, weights, biases)
    for member in range(6):
        torch.testing.assert_close(
            layers[member], linear(rows[0 if shared else member], weights[member], biases[member])
        )


def test_cross_entropy_is_computed_as_outside_of_vmap() -> None:
    """Where PyTorch has one operation for it, and vmap many."""
    operations: list[Any] = []

    class Listening(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            operations.append(function)
            return function(*args, **(kwargs or {}))

    vectorized = Vectorized(Learner(logistic().net(), torch.optim.SGD))
    inputs = torch.zeros(2, 3, 5), {}, (torch.zeros(3, 16, 4), torch.ones(3, 16))
    vectorized.train(*inputs)
    with Listening():
        vectorized.train(*inputs)
    assert operations.count(torch.ops.aten.log_sigmoid_forward.default) == 1
    assert torch.ops.aten.log_sigmoid_backward.default in operations
    assert not {torch.ops.aten.exp.default, torch.ops.aten.exp_.default, torch.ops.aten.log_.default} & set(operations)
