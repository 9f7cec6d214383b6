"""A Lightning module's own steps as functions of the parameters of many members, which are rows of one matrix.

The steps run under `torch.func.vmap`: over the columns of a grid of members, which have a minibatch each, and over the
members in a column, which share it. The operations are traced once for each shape of minibatch, so that later steps
cost neither vmap nor autograd.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import binary_cross_entropy_with_logits, gelu, linear, logsigmoid, pad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seedsweep.engine.fleet.tracing import trace

Batch = tuple[Tensor, ...]
Logged = dict[str, Tensor]

# In narrow or odd shapes, the last bits of BLAS' products depend on where a row stands. Padded with zeros to rectangles
# of at least these sizes they do not: a member's bits are the same wherever it stands and whoever shares its minibatch.
MIN_ROWS = 16  # rows of the members that share a minibatch, and of that minibatch
MULTIPLE = 4
SMALL = 400  # multiplications up to which PyTorch has a plain loop of its own for each matrix
# of a cross-entropy that is the plain mean, as `binary_cross_entropy_with_logits` passes its keywords on
MEAN = {"weight": None, "size_average": None, "reduce": None, "reduction": "mean", "pos_weight": None}
MAX_TRACES = 64  # fleets whose members leave have many shapes
MAX_LOGITS = 2**22  # evaluated at once; only memory depends on it


class NotVectorizedError(ValueError):
    """Why a module's steps cannot be vectorised without changing its results."""


class Vectorized:
    """The steps of `module` for many members, each with its own parameters (P,)."""

    def __init__(self, module: LightningModule):
        self.module = module
        self.shapes = {name: value.shape for name, value in module.named_parameters()}
        self.tracing_seconds: list[float] = []  # of each trace
        self._traces: dict[tuple[torch.Size, ...], Callable[..., Any]] = {}

    def vector(self, module: nn.Module) -> Tensor:
        """The parameters (P,) of a module of the same architecture."""
        return torch.cat([value.detach().flatten() for value in module.parameters()])

    def tensors(self, vectors: Tensor) -> dict[str, Tensor]:
        """The parameters by name, (…, *shape), in vectors (…, P)."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        named_chunks = zip(self.shapes.items(), torch.split(vectors, sizes, dim=-1), strict=True)
        return {name: torch.unflatten(chunk, -1, shape) for (name, shape), chunk in named_chunks}

    def train(self, vectors: Tensor, batch: Batch) -> tuple[Tensor, Logged, Tensor]:
        """Losses (k, s), what was logged (k, s), and gradients (k, s, P), at the vectors (k, s, P).

        Every tensor of `batch` begins with the s columns; the k members of a column share its minibatch.
        """
        shapes = (vectors.shape, *(column.shape for column in batch))
        traced = self._traces.pop(shapes, None) or self._trace(vectors, *batch)
        self._traces[shapes] = traced  # the most recently used is the last
        if len(self._traces) > MAX_TRACES:
            del self._traces[next(iter(self._traces))]
        results: tuple[Tensor, Logged, Tensor] = traced(vectors, *batch)
        return results

    def _trace(self, *inputs: Tensor) -> Callable[..., Any]:
        start = time.perf_counter()
        with torch.inference_mode(False), torch.enable_grad():
            # clones: autograd takes no tensors that were made in inference mode
            traced = trace(self._gradients, *(value.clone() for value in inputs))
        self.tracing_seconds.append(time.perf_counter() - start)
        return traced

    def evaluate(self, step: str, vectors: Tensor, batch: Batch) -> Logged:
        """What the module's `step` logs, (n,), at the vectors (n, P), on one batch for all."""
        rows = max(1, MAX_LOGITS // len(batch[0]))
        call = vmap(lambda parameters: self._call(step, parameters, batch)[1], randomness="error")
        with _Rewritten():
            logged = [call(self.tensors(chunk)) for chunk in torch.split(vectors, rows)]
        return {name: torch.cat([chunk[name] for chunk in logged]) for name in logged[0]}

    def _gradients(self, vectors: Tensor, *batch: Tensor) -> tuple[Tensor, Logged, Tensor]:
        parameters = {name: value.detach().requires_grad_() for name, value in self.tensors(vectors).items()}
        member = vmap(
            lambda values, *tensors: self._call("training_step", values, tensors),
            in_dims=(0, *(None for _ in batch)),
            randomness="error",
        )
        column = vmap(member, in_dims=(1, *(0 for _ in batch)), out_dims=1, randomness="error")
        with _Rewritten():
            losses, logged = column(parameters, *batch)
        gradients = torch.autograd.grad(losses.sum(), list(parameters.values()))
        return losses.detach(), logged, torch.cat([tensors.flatten(2) for tensors in gradients], dim=-1)

    def _call(self, step: str, parameters: dict[str, Tensor], batch: Batch) -> tuple[Tensor, Logged]:
        """The step of one member: its loss (of a training step), and all that it logged."""
        logged: Logged = {}
        self.module.train(step == "training_step")
        run = _Step(self.module, step, lambda name, value, **_: logged.__setitem__(name, value.detach()))
        returned = functional_call(run, {f"module.{name}": value for name, value in parameters.items()}, (batch,))
        loss = returned["loss"] if isinstance(returned, dict) else returned
        return (loss if loss is not None else next(iter(logged.values()))), logged


def try_out(modules: Sequence[LightningModule], batch: Batch) -> int:
    """Take each step once for two modules, alone and vectorised; the bytes of a member in a training step, at most.

    Raises `NotVectorizedError` with the reason: running statistics, parameters that are not to be trained, random
    numbers, anything else that a module keeps to itself, or whatever vmap refuses.
    """
    vectorized = Vectorized(modules[0])
    trained = dict(modules[0].named_parameters(remove_duplicate=False))
    if kept := [name for name in modules[0].state_dict() if name not in trained]:  # other buffers are constants
        raise NotVectorizedError(f"the model keeps {kept[0]} besides its parameters, as batch norm does")
    if kept := [name for name, value in modules[0].named_parameters() if not value.requires_grad]:
        raise NotVectorizedError(f"the model keeps {kept[0]} as it is, which would be trained too")
    try:
        vectors = torch.stack([vectorized.vector(module) for module in modules]).unsqueeze(1)
        before, constants = _attributes(modules[0]), [value.clone() for value in modules[0].buffers()]
        columns = [tensor.unsqueeze(0) for tensor in batch]
        with _Bytes() as allocated:
            vectorized._gradients(vectors, *columns)
        vectorized.train(vectors.flip(0), tuple(columns))  # traced with values that differ from those below
        losses, _, gradients = vectorized.train(vectors, tuple(columns))
        equal = _attributes(modules[0]) == before and all(map(torch.equal, modules[0].buffers(), constants))
        for position, module in enumerate(modules):
            loss, logged = _alone(module, "training_step", batch)
            alone = torch.autograd.grad(loss, list(module.parameters()))
            equal &= _close(loss, losses[position, 0])
            equal &= _close(torch.cat([tensor.flatten() for tensor in alone]), gradients[position, 0])
            for step in ("validation_step", "test_step"):
                logged = _alone(module, step, batch)[1]
                logged_together = vectorized.evaluate(step, vectors[:, 0], batch)
                equal &= all(_close(value, logged_together[name][position]) for name, value in logged.items())
    except Exception as error:  # whatever a third party's module, or vmap, raises
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "random" in reason:
            reason = "it draws random numbers in its steps, as dropout does"
        raise NotVectorizedError(f"the model cannot be vectorised: {reason}") from error
    if not equal:
        raise NotVectorizedError("the model keeps something besides its parameters, which members cannot share")
    return int(allocated.total) // 2 + 16 * vectors[0].nbytes  # an optimizer's state, and what it computes with


def _alone(module: LightningModule, step: str, batch: Batch) -> tuple[Tensor, Logged]:
    """The step of a module with its own parameters."""
    return Vectorized(module)._call(step, dict(module.named_parameters()), batch)


def _attributes(module: nn.Module) -> list[dict[str, Any]]:
    """The plain attributes of a module and of the modules in it, such as a number of calls."""
    plain = bool, int, float, str, tuple
    return [
        {key: value for key, value in vars(child).items() if isinstance(value, plain)} for child in module.modules()
    ]


def _close(expected: Tensor, actual: Tensor) -> bool:
    return torch.allclose(expected.detach(), actual, rtol=1e-3, atol=1e-5, equal_nan=True)


class _Step(nn.Module):
    """A step of a Lightning module as the forward pass of one that `functional_call` can call."""

    def __init__(self, module: LightningModule, step: str, log: Callable[..., None]):
        super().__init__()
        self.module, self.step, self.log = module, step, log

    def forward(self, batch: Batch) -> Any:
        self.module.__dict__["log"] = self.log  # log_dict and the module itself call it
        try:
            return getattr(self.module, self.step)(batch, 0)
        finally:
            del self.module.__dict__["log"]


class _Bytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the sizes of all tensors that are made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self.total += sum(value.nbytes for value in tree_leaves(result) if isinstance(value, Tensor))
        return result


class _Rewritten(TorchFunctionMode):
    """Has some functions computed in another way, the same but for rounding, that is quicker or exact under vmap."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is linear and not kwargs and args[0].ndim == 2:
            return _Linear.apply(*args)  # type: ignore[no-untyped-call]
        if function is binary_cross_entropy_with_logits and kwargs == MEAN and args[0].shape == args[1].shape:
            return _cross_entropy(*args)
        if function in (torch.sigmoid, Tensor.sigmoid):
            return logsigmoid(args[0]).exp()
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
