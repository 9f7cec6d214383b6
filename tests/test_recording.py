"""What a function does to tensors, repeated on others."""

import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import vmap
from torch.nn.functional import cross_entropy, layer_norm, scaled_dot_product_attention

from seedsweep.recording import record

GRID = torch.linspace(-1, 1, 12).reshape(3, 4)


def added_up(x: Tensor) -> Tensor:
    total = torch.zeros(4)
    for row in x:
        total += row
    return total


def split(x: Tensor) -> dict[str, Tensor]:
    first, rest = x.split([1, 2])
    return {"sorted": first.sort().values, "rest": rest}


def gradient(x: Tensor) -> tuple[Tensor, Tensor]:
    values = x.detach().requires_grad_()
    hidden = layer_norm(values, (4,)).tanh() @ GRID.mT
    loss = cross_entropy(hidden, torch.arange(3)) + hidden.square().sum()
    return loss.detach(), torch.autograd.grad(loss, values)[0]


def attention(x: Tensor) -> Tensor:
    return vmap(lambda row: scaled_dot_product_attention(row.outer(row), row.outer(row), row.outer(row)))(x)


FUNCTIONS = [
    added_up,
    split,
    gradient,
    attention,
    lambda x: GRID,
    lambda x: (x, x.detach(), 1.5),
    lambda x: x * x[0, 0],
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_record_gives_what_the_function_would(function: Callable[[Tensor], object]) -> None:
    draw = torch.Generator().manual_seed(0)
    recorded = record(function, torch.randn(3, 4, generator=draw))
    for _ in range(3):
        other = torch.randn(3, 4, generator=draw)
        torch.testing.assert_close(recorded(other.clone()), function(other.clone()), rtol=0, atol=0)


def test_record_takes_several_tensors_and_has_none_of_the_function_s_python() -> None:
    called = []
    recorded = record(lambda x, y: called.append(1) or x @ y, GRID, GRID.mT)
    assert torch.equal(recorded(2 * GRID, GRID.mT), 2 * GRID @ GRID.mT)
    assert called == [1]


@pytest.mark.parametrize("function", [lambda x: x * x.sum().item(), lambda x: x if x.sum() > 0 else -x])
def test_what_depends_on_values_is_not_recorded(function: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(RuntimeError, match="depends on the value"):
        record(function, GRID)


def test_results_that_nobody_needs_are_let_go() -> None:
    """What is recorded needs no more memory than what is trained."""
    there: list[int] = []

    def steps(x: Tensor) -> Tensor:
        made = []
        for _ in range(5):
            x = x + 1
            made.append(weakref.ref(x))
            there.append(sum(each() is not None for each in made))
        return x

    record(steps, GRID)
    assert there == [1] * 5
