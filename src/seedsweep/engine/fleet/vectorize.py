"""A Lightning module's own steps as functions of the parameters of many members, which are rows of one matrix.

The steps run under `torch.func.vmap`: over the columns of a grid of members, which have a minibatch each, and over the
members in a column, which share it. The operations are traced once for each shape of minibatch, so that later steps
cost neither vmap nor autograd.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import pad

from seedsweep.engine.fleet.dropout import Mask, Masked, noted_masks
from seedsweep.engine.fleet.layout import VECTOR
from seedsweep.engine.fleet.rewrites import rewritten
from seedsweep.engine.fleet.step import Batch, Logged, Step, Tensors
from seedsweep.engine.fleet.tracing import trace

WIDE = 16 * VECTOR  # parameters of a member, from which on filling them up to whole vectors costs next to nothing
MAX_TRACES = 64  # fleets whose members leave have many shapes
MAX_ROWS = 2**22  # evaluated at once where no other number is given; no bit depends on it
Shapes = tuple[torch.Size, ...]
# losses (k, s), what was logged (k, s), gradients (k, s, P), and what is kept (k, s, …)
Trained = tuple[Tensor, Logged, Tensor, Tensors]


class Vectorized:
    """The steps of `module` for many members, each with its own parameters (P,), of which the matrices are the first.

    Where they are many, zeros are at the end, so that P is a number of whole vectors of the processor (see `Layout`).
    What else a member has in its state dict, such as running statistics, is *kept*: tensors by name.
    """

    def __init__(self, module: nn.Module, rows_at_once: int = MAX_ROWS):
        self.module, self.rows_at_once = module, rows_at_once  # of all members that are evaluated
        self.shapes = {name: value.shape for name, value in self._trained(module)}
        self.parameters = sum(shape.numel() for shape in self.shapes.values())
        self.filling = -self.parameters % VECTOR if self.parameters >= WIDE else 0  # zeros at the end of a vector
        self.matrices = sum(shape.numel() for shape in self.shapes.values() if len(shape) > 1)  # of these
        self.tracing_seconds: list[float] = []  # of each trace
        self._traces: dict[Shapes, Callable[..., Any]] = {}
        self._masks: dict[Shapes, list[Mask]] = {}

    def vector(self, module: nn.Module) -> Tensor:
        """The parameters (P,) of a module of the same architecture."""
        vector = torch.cat([value.detach().flatten() for _, value in self._trained(module)])
        return pad(vector, (0, self.filling))

    def _trained(self, module: nn.Module) -> list[tuple[str, nn.Parameter]]:
        """The parameters that are trained, by name, those of two and more dimensions first."""
        trained = [(name, value) for name, value in module.named_parameters() if value.requires_grad]
        return sorted(trained, key=lambda item: item[1].ndim < 2)

    def kept(self, module: nn.Module) -> Tensors:
        """What a module of the same architecture keeps besides its parameters, by name."""
        parameters = {name for name, value in module.named_parameters(remove_duplicate=False) if value.requires_grad}
        return {name: value.clone() for name, value in module.state_dict().items() if name not in parameters}

    def stacked(self, kept: Sequence[Tensors]) -> Tensors:
        """What several members keep, each tensor (n, …)."""
        return {name: torch.stack([one[name] for one in kept]) for name in (kept[0] if kept else ())}

    def tensors(self, vectors: Tensor) -> Tensors:
        """The parameters by name, (…, *shape), in vectors (…, P)."""
        sizes = [*(shape.numel() for shape in self.shapes.values()), self.filling]
        named_chunks = zip(self.shapes.items(), torch.split(vectors, sizes, dim=-1), strict=False)
        return {
            name: torch.unflatten(chunk, -1, shape) if shape else chunk.squeeze(-1)
            for (name, shape), chunk in named_chunks
        }

    def masks(self, vector: Tensor, kept: Tensors, batch: Batch) -> list[Mask]:
        """The masks that dropout samples in a training step of one member (P,), in their order."""
        shapes = tuple(column.shape for column in batch)
        if shapes not in self._masks:
            with torch.no_grad(), noted_masks() as masks:
                copies = {name: value.clone() for name, value in kept.items()}
                self.call("training_step", self.tensors(vector), copies, batch)
            self._masks[shapes] = masks
        return self._masks[shapes]

    def train(self, vectors: Tensor, kept: Tensors, batch: Batch, masks: Sequence[Tensor] = ()) -> Trained:
        """A training step at the vectors (k, s, P).

        Every tensor of `batch` and of the masks of dropout begins with the s columns; the k members of a column share
        its minibatch and its masks.
        """
        names = list(kept)
        inputs = (vectors, *kept.values(), *batch, *masks)
        shapes = tuple(value.shape for value in inputs)
        traced = self._traces.pop(shapes, None) or self._trace(names, len(batch), inputs)
        self._traces[shapes] = traced  # the most recently used is the last
        if len(self._traces) > MAX_TRACES:
            del self._traces[next(iter(self._traces))]
        results: Trained = traced(*inputs)
        return results

    def _trace(self, names: list[str], columns: int, inputs: Sequence[Tensor]) -> Callable[..., Any]:
        def step(vectors: Tensor, *others: Tensor) -> Trained:
            kept, rest = others[: len(names)], others[len(names) :]
            return self.gradients(vectors, dict(zip(names, kept, strict=True)), rest[:columns], rest[columns:])

        start = time.perf_counter()
        with torch.inference_mode(False), torch.enable_grad():
            # clones: autograd takes no tensors that were made in inference mode
            traced = trace(step, *(value.clone() for value in inputs))
        self.tracing_seconds.append(time.perf_counter() - start)
        return traced

    def evaluate(self, step: str, vectors: Tensor, kept: Tensors, batch: Batch) -> Logged:
        """What the module's `step` logs, (n,), at the vectors (n, P), on one batch for all."""
        at_once = max(VECTOR, self.rows_at_once // len(batch[0]))
        call = vmap(lambda own, others: self.call(step, own, others, batch)[1], randomness="error")
        with rewritten():
            logged = [
                call(self.tensors(vectors[members]), {name: value[members] for name, value in kept.items()})
                for members in _slices(len(vectors), at_once)
            ]
        return {name: torch.cat([chunk[name] for chunk in logged]) for name in logged[0]}

    def gradients(self, vectors: Tensor, kept: Tensors, batch: Batch, masks: Sequence[Tensor] = ()) -> Trained:
        """What `train` gives, without a trace."""
        parameters = {name: value.detach().requires_grad_() for name, value in self.tensors(vectors).items()}
        member = vmap(self._step, in_dims=(0, 0, None, None), randomness="error")
        column = vmap(member, in_dims=(1, 1, 0, 0), out_dims=1, randomness="error")
        with rewritten():
            losses, logged, after = column(parameters, kept, batch, tuple(masks))
        gradients = torch.autograd.grad(losses.sum(), list(parameters.values()))
        filling = [losses.new_zeros(*losses.shape, self.filling)] if self.filling else []
        flat = torch.cat([*(tensors.reshape(*losses.shape, -1) for tensors in gradients), *filling], dim=-1)
        return losses.detach(), logged, flat, {name: value.detach() for name, value in after.items()}

    def _step(self, parameters: Tensors, kept: Tensors, batch: Batch, masks: Sequence[Tensor]) -> Any:
        with Masked(masks):
            return self.call("training_step", parameters, {name: value.clone() for name, value in kept.items()}, batch)

    def call(self, step: str, parameters: Tensors, kept: Tensors, batch: Batch) -> tuple[Tensor, Logged, Tensors]:
        """The step of one member: its loss (of a training step), all that it logged, and what it keeps after it."""
        run = Step(self.module, step, tuple(kept))
        state = {f"module.{name}": value for name, value in (parameters | kept).items()}
        with _modes(self.module, step == "training_step"):
            returned = functional_call(run, state, (batch,))
        loss = returned["loss"] if isinstance(returned, dict) else returned
        return (loss if loss is not None else batch[0].new_zeros(())), run.logged, run.kept


@contextmanager
def _modes(module: nn.Module, training: bool) -> Iterator[None]:
    """As Lightning has it: layers that were set to evaluate, such as a frozen batch norm, do so in training, too."""
    modes = [(layer, layer.training) for layer in module.modules()]
    for layer, mode in modes:
        layer.training = training and mode
    try:
        yield
    finally:
        for layer, mode in modes:
            layer.training = mode


def _slices(length: int, size: int) -> Iterator[slice]:
    """As few slices as can be of about equal lengths, of at most that size."""
    number = -(-length // size)
    for index in range(number):
        yield slice(length * index // number, length * (index + 1) // number)
