"""What a function does to tensors, repeated on others."""

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import vmap
from torch.nn.functional import cross_entropy, layer_norm, scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from seedsweep.recording import record


class Counting(TorchDispatchMode):
    """How many operations there were."""

    calls = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return function(*args, **(kwargs or {}))


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


def written_through_views(x: Tensor) -> tuple[Tensor, Tensor]:
    total = torch.zeros(3, 4)
    row = total[1]
    row.add_(x[0])
    total.T[2].mul_(x[:, 1]).add_(1)
    return total.view(-1)[4:8].clone(), row * total.flatten()[2:6]


def other_views(x: Tensor) -> tuple[Tensor, ...]:
    numbers = torch.view_as_complex(x.reshape(3, 2, 2)).conj()
    return (numbers * 1j).imag, x.view(torch.int32) + 1, torch.view_as_real(numbers.resolve_conj())[1:, 0]


FUNCTIONS = [
    added_up,
    split,
    gradient,
    attention,
    lambda x: GRID,
    lambda x: (x, x.detach(), 1.5),
    lambda x: x * x[0, 0],
    lambda x: [x.T.reshape(2, 6)[1:].unsqueeze(0), x[1:].unbind(1), x[:, ::2].expand(2, 3, 2).mT, GRID.T[x.shape[0]]],
    written_through_views,
    other_views,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_record_gives_what_the_function_would(function: Callable[[Tensor], object]) -> None:
    draw = torch.Generator().manual_seed(0)
    recorded = record(function, torch.randn(3, 4, generator=draw))
    for _ in range(3):
        other = torch.randn(3, 4, generator=draw)
        torch.testing.assert_close(recorded(other.clone()), function(other.clone()), rtol=0, atol=0)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_record_is_for_tensors_that_lie_elsewhere_too(function: Callable[[Tensor], object]) -> None:
    recorded = record(function, torch.randn(9, 8)[4:7, 2:6])
    for other in (torch.randn(4, 3).T, torch.randn(4, 4)[1:], torch.ones(1).expand(3, 4)):
        torch.testing.assert_close(recorded(other), function(other.contiguous()), rtol=0, atol=0)


def test_a_view_of_a_view_is_one_operation() -> None:
    with Counting() as counting:
        recorded = record(lambda x: x.T.reshape(2, 2, 3)[1].unsqueeze(0).permute(2, 0, 1)[1:] * 2, GRID)
        assert (before := counting.calls) > 5
        recorded(GRID)
    assert counting.calls - before == 2


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
