"""What a function does to tensors, repeated on others."""

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, sparse
from torch.func import vmap
from torch.nn.functional import cross_entropy, interpolate, layer_norm, scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from seedsweep.engine.fleet.tracing import trace


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


def viewed_in_place(x: Tensor) -> tuple[Tensor, ...]:
    square, lower, same = x[:, :3].detach(), x[1:], x[1:]
    square.t_()
    doubled = (2 * x).detach_()
    turned = doubled.view(3, 4)
    turned.transpose_(0, 1)
    lower.unsqueeze_(0)
    return x[:, :3] + 2 * square, doubled.T - turned, lower * 1, same * 1


def written_into_a_constant(x: Tensor) -> Tensor:
    total = torch.tensor([1.0, 2.0, 3.0, 4.0])
    total += x[0]
    return total * 1


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
    viewed_in_place,
    written_into_a_constant,
    lambda x: interpolate(x.reshape(3, 4, 1, 1), size=(2, 2))[:, 0] * 1,
    lambda x: sparse.mm((GRID @ GRID.T).to_sparse(), x) + x.to_sparse().to_dense(),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_trace_gives_what_the_function_would(function: Callable[[Tensor], object]) -> None:
    generator = torch.Generator().manual_seed(0)
    traced = trace(function, torch.randn(3, 4, generator=generator))
    for _ in range(3):
        value = torch.randn(3, 4, generator=generator)
        torch.testing.assert_close(traced(value.clone()), function(value.clone()), rtol=0, atol=0)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_trace_is_for_tensors_of_any_strides(function: Callable[[Tensor], object]) -> None:
    traced = trace(function, torch.randn(9, 8)[4:7, 2:6])
    for value in (torch.randn(4, 3).T, torch.randn(4, 4)[1:], torch.ones(1).expand(3, 4)):
        torch.testing.assert_close(traced(value), function(value.contiguous()), rtol=0, atol=0)


def test_a_view_of_a_view_is_one_operation() -> None:
    with Counting() as counting:
        traced = trace(lambda x: x.T.reshape(2, 2, 3)[1].unsqueeze(0).permute(2, 0, 1)[1:] * 2, GRID)
        assert (before := counting.calls) > 5
        traced(GRID)
    assert counting.calls - before == 2


def test_strides_of_what_has_but_one_row_may_be_others() -> None:
    traced = trace(lambda x: interpolate(x, size=(2, 2))[:, 0] * 1, torch.randn(2, 3, 1, 1))
    value = torch.randn(2, 3, 1, 1).as_strided((2, 3, 1, 1), (3, 1, 3, 3))
    assert torch.equal(traced(value), interpolate(value, size=(2, 2))[:, 0])


def test_a_tensor_that_gets_another_memory_is_not_traced() -> None:
    with pytest.raises(RuntimeError, match="another memory"):
        trace(lambda x: (x * 1)[1:].detach().set_(x * 3)[0] * 1, GRID)


def test_trace_takes_several_tensors_and_has_none_of_the_function_s_python() -> None:
    called = []
    traced = trace(lambda x, y: called.append(1) or x @ y, GRID, GRID.mT)
    # contiguous: a product of other strides has another kernel, whose last bits may differ
    assert torch.equal(traced(2 * GRID, GRID.mT), 2 * GRID @ GRID.mT.contiguous())
    assert called == [1]


@pytest.mark.parametrize("function", [lambda x: x * x.sum().item(), lambda x: x if x.sum() > 0 else -x])
def test_what_depends_on_values_is_not_traced(function: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(RuntimeError, match="depends on the value"):
        trace(function, GRID)


def test_results_that_nobody_needs_are_let_go() -> None:
    """Tracing needs no more memory than training."""
    alive: list[int] = []

    def steps(x: Tensor) -> Tensor:
        results = []
        for _ in range(5):
            x = x + 1
            results.append(weakref.ref(x))
            alive.append(sum(result() is not None for result in results))
        return x

    trace(steps, GRID)
    assert alive == [1] * 5
