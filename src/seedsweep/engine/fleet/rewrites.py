"""Functions of PyTorch computed in another way, the same but for rounding, that is quicker or exact under vmap."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import batch_norm, binary_cross_entropy_with_logits, gelu, linear, logsigmoid, pad
from torch.overrides import TorchFunctionMode

from seedsweep.engine.fleet.batch_norm import batch_normalized
from seedsweep.engine.fleet.recurrent import RECURRENT, recurrent

# In narrow or odd shapes, the last bits of BLAS' products depend on where a row is. Padded with zeros to rectangles
# of at least these sizes they do not: a member's bits are the same wherever it is and whoever shares its minibatch.
MIN_ROWS = 16  # rows of the members that share a minibatch, and of that minibatch
MULTIPLE = 4
SMALL = 400  # multiplications up to which PyTorch has a plain loop of its own for each matrix
# of a cross-entropy that is the plain mean, as `binary_cross_entropy_with_logits` passes its keywords on
MEAN = {"weight": None, "size_average": None, "reduce": None, "reduction": "mean", "pos_weight": None}


@contextmanager
def rewritten() -> Iterator[None]:
    """A context in which functions are computed as vmap takes them best."""
    with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH), Rewritten():
        warnings.filterwarnings("ignore", ".*performance drop.*", UserWarning)  # slower, and right all the same
        yield


class Rewritten(TorchFunctionMode):
    """While it is on, these functions are computed as this module has them."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is linear and not kwargs and args[0].ndim == 2:
            return _Linear.apply(*args)  # type: ignore[no-untyped-call]
        if function is binary_cross_entropy_with_logits and kwargs == MEAN and args[0].shape == args[1].shape:
            return _cross_entropy(*args)
        if function in (torch.sigmoid, Tensor.sigmoid):
            return logsigmoid(args[0]).exp()
        if function is batch_norm:
            return batch_normalized(*args, **kwargs)
        if function in RECURRENT:
            return recurrent(function, *args, **kwargs)
        if function is gelu and kwargs.get("approximate", "none") == "none":
            return 0.5 * args[0] * (1 + torch.erf(math.sqrt(0.5) * args[0]))
        return function(*args, **kwargs)


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """As PyTorch computes it outside vmap, under which it takes twice as many operations."""
    return ((1 - target) * logits - logsigmoid(logits)).mean()


class _Linear(torch.autograd.Function):
    """`torch.nn.functional.linear` of a minibatch (b, d), with a rule of its own for many weights (k, out, d)."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return linear(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: under vmap, the operations of the rule below are differentiated instead."""

    @staticmethod
    def vmap(info: Any, dims: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> tuple[Tensor, int]:
        weight = weight.movedim(dims[1], 0)
        if dims[0] is None:
            (members, out), (batch, inputs) = weight.shape[:2], x.shape
            rows = members * out
            product = _product(
                weight.flatten(0, 1), x, max(0, MIN_ROWS - rows), max(0, MIN_ROWS - batch), -inputs % MULTIPLE
            )
            product = torch.unflatten(product[:rows, :batch], 0, (members, out))
        else:
            x = x.movedim(dims[0], 0)
            (out, inputs), batch = weight.shape[1:], x.shape[1]
            missing = (
                (0, 0, 0) if out * inputs * batch < SMALL else (-out % MULTIPLE, -batch % MULTIPLE, -inputs % MULTIPLE)
            )
            product = _product(weight, x, *missing)[:, :out, :batch]
        if bias is not None:
            product = product + bias.movedim(dims[2], 0).unsqueeze(-1)
        return product.mT, 0  # with a member's rows side by side in memory: their sums have an order of their own


def _product(weight: Tensor, x: Tensor, rows: int, batch: int, inputs: int) -> Tensor:
    """`weight @ x.mT` of (…, r, d) and (…, b, d), with so many rows, minibatch rows and inputs of zeros added."""
    if rows or inputs:
        weight = pad(weight, (0, inputs, 0, rows))
    if batch or inputs:
        x = pad(x, (0, inputs, 0, batch))
    return weight @ x.mT
