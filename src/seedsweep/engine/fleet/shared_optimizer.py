"""Real torch optimizers that serve many learning rates with one step, and the probe of which of them can.

Nearly every update is proportional to its learning rate. So an optimizer steps once for all members of a fleet, at a
rate of 1, and each member takes its own rate times the change.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from seedsweep.engine.decay import MakeOptimizer, matrices_decay, undecayed

Start = Literal["zeros", "values"]

STARTS: tuple[Start, ...] = ("zeros", "values")
STEPS, MOST_STEPS = 100, 25_600  # of the probe, which are as many as the training has, rounded up
RATES = 0.01, 0.3
SPLIT = 6  # numbers of its matrix, and one more of its bias
RELATIVE, ABSOLUTE = 1e-9, 1e-12  # in float64, to which proportional updates agree
MIXED = "its steps are not proportional to the learning rate, or mix the members"


class NotProportionalError(ValueError):
    """Why an optimizer cannot serve several learning rates with one step."""


@dataclass(frozen=True)
class OptimizerRows:
    """The rows of a fleet's parameters that one optimizer moves, and from where its steps start (see `probe`).

    It moves all columns, or only some of them.
    """

    make: MakeOptimizer
    start: Start
    rows: slice = field(default_factory=partial(slice, None))
    columns: slice = field(default_factory=partial(slice, None))

    @property
    def block(self) -> tuple[slice, slice]:
        """The index of all that it moves."""
        return self.rows, self.columns


class Optimizers:
    """The optimizers of a fleet on its parameters (r, P), each on its block of rows."""

    def __init__(self, blocks: Sequence[OptimizerRows], parameters: Tensor):
        self._blocks = list(blocks)
        self._lay_out(parameters)
        self._optimizers: list[Any] = []
        for block in blocks:
            moved = nn.Parameter(self._moved[block.block])  # shares its memory
            moved.grad = self.gradients[block.block]
            self._optimizers.append(block.make([moved], lr=1.0))

    def _lay_out(self, parameters: Tensor) -> None:
        self.parameters, self.gradients = parameters, torch.zeros_like(parameters)
        self._moved = torch.zeros_like(parameters)
        self._start = torch.zeros_like(parameters)
        self._from_values = [block.block for block in self._blocks if block.start == "values"]

    def keep(self, rows: Tensor, slices: Mapping[int, slice]) -> None:
        """Go on with these `rows` (r,) only, -1 for one that only fills.

        `slices` are the new blocks of rows, by the number of the block that they are taken from. The optimizers stay
        what they are, but for what they keep of each row.
        """
        before = self._blocks
        self._blocks = [replace(before[number], rows=block) for number, block in slices.items()]
        self._optimizers = [self._optimizers[number] for number in slices]
        self._lay_out(self.parameters[rows])
        for number, block, optimizer in zip(slices, self._blocks, self._optimizers, strict=True):
            (moved,) = optimizer.param_groups[0]["params"]
            kept = rows[block.rows]
            take = partial(_take, rows=kept - before[number].rows.start, is_member=kept >= 0, shape=moved.shape)
            optimizer.state[moved] = tree_map(take, optimizer.state[moved])
            moved.data, moved.grad = self._moved[block.block], None
            moved.grad = self.gradients[block.block]

    def step(self, rates: Tensor, active: Tensor) -> None:
        """Move the `active` rows (r, 1) along `gradients` at their rates (r, 1)."""
        for block in self._from_values:
            self._start[block] = self.parameters[block]
        self._moved.copy_(self._start)
        for optimizer in self._optimizers:
            optimizer.step()
        moved = self._moved.sub_(self._start).mul_(rates).add_(self.parameters)
        torch.where(active, moved, self.parameters, out=self.parameters)


def probe_steps(training: int) -> int:
    """How many steps the probe takes for a training of so many, which are the same for trainings of similar length."""
    doublings: int = max(0, math.ceil(math.log2(training / STEPS)))
    return min(MOST_STEPS, STEPS << doublings)


def probe(make: MakeOptimizer, steps: int = STEPS) -> Start:
    """Where one step for many rates has to start from: the members' values, or zero if it does not depend on them.

    Takes the same steps for members of several rates, one by one and stacked, in float64, and has some leave the stack.
    Zero is the better start, as no digit of the change is lost beside the value. Raises `NotProportionalError` with
    what is wrong.
    """
    return _probe(make, [(make, slice(None))], steps)[0]


def probe_apart(make: MakeOptimizer, steps: int = STEPS) -> Sequence[Start]:
    """As `probe`, for an optimizer of which only matrices decay: of that of the matrices, and that of the others."""
    return _probe(matrices_decay(make), [(make, slice(SPLIT)), (undecayed(make), slice(SPLIT, None))], steps)


def _probe(make: MakeOptimizer, parts: Sequence[tuple[MakeOptimizer, slice]], steps: int) -> Sequence[Start]:
    """The starts of what makes the optimizers of columns, which together do what `make` does for a member alone."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(len(RATES), 7, dtype=torch.float64, generator=generator)
    gradients = _gradients(generator, steps)
    try:
        single = torch.stack([_alone(make, rate, first[i], gradients[:, i]) for i, rate in enumerate(RATES)])
        for starts in product(STARTS, repeat=len(parts)):
            pairs = zip(parts, starts, strict=True)
            blocks = [OptimizerRows(make, start, columns=columns) for (make, columns), start in pairs]
            stacked = _together(blocks, first, gradients)
            if torch.allclose(stacked, single, rtol=RELATIVE, atol=ABSOLUTE):
                return starts
    except NotProportionalError:
        raise
    except Exception as error:  # whatever a third party's optimizer raises
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise NotProportionalError(f"it does not step alone on stacked parameters ({lines[0]})") from error
    raise NotProportionalError(MIXED)


def _alone(make: MakeOptimizer, rate: float, first: Tensor, gradients: Tensor) -> Tensor:
    """Where a single member gets, with its parameters in two tensors, as a module has them."""
    tensors = [nn.Parameter(first[:SPLIT].reshape(2, 3).clone()), nn.Parameter(first[SPLIT:].clone())]
    optimizer: Any = make(tensors, lr=rate)
    for step, gradient in enumerate(gradients):
        for group in optimizer.param_groups:
            group["lr"] = rate * _factor(step)
        tensors[0].grad, tensors[1].grad = gradient[:SPLIT].reshape(2, 3).clone(), gradient[SPLIT:].clone()
        optimizer.step()
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def _together(blocks: Sequence[OptimizerRows], first: Tensor, gradients: Tensor) -> Tensor:
    """Where the members get together; the second has two rows, until the first row leaves."""
    rows, rates = torch.tensor([1, 0, 1]), torch.tensor(RATES, dtype=torch.float64).unsqueeze(1)
    optimizers = Optimizers([replace(block, rows=slice(0, len(rows))) for block in blocks], first[rows])
    for step, gradient in enumerate(gradients):
        if step == STEPS // 4:
            optimizers.keep(torch.tensor([1, 2]), dict.fromkeys(range(len(blocks)), slice(0, 2)))
            rows = rows[1:]
        optimizers.gradients.copy_(gradient[rows])
        try:
            optimizers.step(rates[rows] * _factor(step), torch.ones(len(rows), 1, dtype=torch.bool))
        except Exception as error:
            if len(rows) == len(first):  # it keeps something of all rows together
                raise NotProportionalError(MIXED) from error
            raise
    return optimizers.parameters


def _take(value: Any, rows: Tensor, is_member: Tensor, shape: torch.Size) -> Any:
    """These rows of what an optimizer keeps, if that is a tensor of this shape, with zeros in the rows that only fill.

    Zeros, since without gradients any other state would become ever smaller there, and arithmetic on such numbers is
    slow.
    """
    if not isinstance(value, Tensor) or value.shape != shape:
        return value
    taken = value.new_zeros(len(rows), *shape[1:])
    taken[is_member] = value[rows[is_member]]
    return taken


def _gradients(generator: torch.Generator, steps: int) -> Tensor:
    """Gradients (steps, members, 7) with a drift, small and large in turn, and not at the same time in all members.

    What an optimizer does only to large gradients, or only now and then, must not stay unseen.
    """
    noise = torch.randn(steps, len(RATES), 7, dtype=torch.float64, generator=generator)
    time = torch.arange(steps, dtype=torch.float64).view(-1, 1, 1) / 8 + torch.arange(len(RATES)).view(1, -1, 1)
    scaled: Tensor = (noise + torch.randn(7, dtype=torch.float64, generator=generator)) * 10 ** (3 * time.sin())
    return scaled


def _factor(step: int) -> float:
    """A schedule, for optimizers that would mix the rates of several steps."""
    return 1.0 if step < STEPS // 2 else 0.4
