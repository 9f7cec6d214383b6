"""A Lightning module's own steps as functions of the parameters of many members, which are rows of one matrix.

The steps run under `torch.func.vmap`: over the columns of a grid of members, which have a minibatch each, and over the
members in a column, which share it. The operations are traced once for each shape of minibatch, so that later steps
cost neither vmap nor autograd.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.func import functional_call, vmap

from seedsweep.engine.fleet.rewrites import Rewritten
from seedsweep.engine.fleet.step import Batch, Logged, Step
from seedsweep.engine.fleet.tracing import trace

MAX_TRACES = 64  # fleets whose members leave have many shapes
MAX_LOGITS = 2**22  # evaluated at once; only memory depends on it


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
            traced = trace(self.gradients, *(value.clone() for value in inputs))
        self.tracing_seconds.append(time.perf_counter() - start)
        return traced

    def evaluate(self, step: str, vectors: Tensor, batch: Batch) -> Logged:
        """What the module's `step` logs, (n,), at the vectors (n, P), on one batch for all."""
        rows = max(1, MAX_LOGITS // len(batch[0]))
        call = vmap(lambda parameters: self.call(step, parameters, batch)[1], randomness="error")
        with Rewritten():
            logged = [call(self.tensors(chunk)) for chunk in torch.split(vectors, rows)]
        return {name: torch.cat([chunk[name] for chunk in logged]) for name in logged[0]}

    def gradients(self, vectors: Tensor, *batch: Tensor) -> tuple[Tensor, Logged, Tensor]:
        """What `train` gives, without a trace."""
        parameters = {name: value.detach().requires_grad_() for name, value in self.tensors(vectors).items()}
        member = vmap(
            lambda values, *tensors: self.call("training_step", values, tensors),
            in_dims=(0, *(None for _ in batch)),
            randomness="error",
        )
        column = vmap(member, in_dims=(1, *(0 for _ in batch)), out_dims=1, randomness="error")
        with Rewritten():
            losses, logged = column(parameters, *batch)
        gradients = torch.autograd.grad(losses.sum(), list(parameters.values()))
        return losses.detach(), logged, torch.cat([tensors.flatten(2) for tensors in gradients], dim=-1)

    def call(self, step: str, parameters: dict[str, Tensor], batch: Batch) -> tuple[Tensor, Logged]:
        """The step of one member: its loss (of a training step), and all that it logged."""
        self.module.train(step == "training_step")
        run = Step(self.module, step)
        returned = functional_call(run, {f"module.{name}": value for name, value in parameters.items()}, (batch,))
        loss = returned["loss"] if isinstance(returned, dict) else returned
        return (loss if loss is not None else batch[0].new_zeros(())), run.logged
