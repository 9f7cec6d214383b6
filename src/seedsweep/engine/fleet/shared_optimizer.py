"""Real torch optimizers that serve many learning rates with one step, and the probe of which of them can.

Nearly every update is proportional to its learning rate. So an optimizer steps once for all members of a fleet, at a
rate of 1, and each member takes its own rate times the change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_map

MakeOptimizer = Callable[..., Optimizer]  # (parameters, lr=…)
Start = Literal["zeros", "values"]

STARTS: tuple[Start, ...] = ("zeros", "values")
STEPS, RATES = 100, (0.01, 0.3)  # of the probe
RELATIVE, ABSOLUTE = 1e-9, 1e-12  # in float64, to which proportional updates agree
MIXED = "its steps are not proportional to the learning rate, or mix the members"


class NotProportionalError(ValueError):
    """Why an optimizer cannot serve several learning rates with one step."""


@dataclass(frozen=True)
class OptimizerRows:
    """Some rows of a fleet's parameters that have one optimizer: from where it starts, see `probe`."""

    make: MakeOptimizer
    start: Start
    rows: slice


class Optimizers:
    """The optimizers of a fleet on its parameters (r, P), each on the rows of its part."""

    def __init__(self, optimizer_rows: Sequence[OptimizerRows], parameters: Tensor):
        self._parts = list(optimizer_rows)
        self._lay_out(parameters)
        self._optimizers: list[Any] = []
        for own_rows in optimizer_rows:
            moved = nn.Parameter(self._moved[own_rows.rows])  # shares its memory
            moved.grad = self.gradients[own_rows.rows]
            self._optimizers.append(own_rows.make([moved], lr=1.0))

    def _lay_out(self, parameters: Tensor) -> None:
        self.parameters, self.gradients = parameters, torch.zeros_like(parameters)
        self._moved = torch.zeros_like(parameters)
        self._start = torch.zeros_like(parameters)
        self._from_values = [own_rows.rows for own_rows in self._parts if own_rows.start == "values"]

    def keep(self, rows: Tensor, slices: Mapping[int, slice]) -> None:
        """Go on with these `rows` (r,) only, -1 for one that is nobody's, in these slices of the parts by number.

        The optimizers stay what they are, but for what they keep of each row.
        """
        old = self._parts
        self._parts = [replace(old[number], rows=position) for number, position in slices.items()]
        self._optimizers = [self._optimizers[number] for number in slices]
        self._lay_out(self.parameters[rows])
        for number, own_rows, optimizer in zip(slices, self._parts, self._optimizers, strict=True):
            (moved,) = optimizer.param_groups[0]["params"]
            chosen = rows[own_rows.rows]
            taken = partial(_taken, rows=chosen - old[number].rows.start, is_member=chosen >= 0, shape=moved.shape)
            optimizer.state[moved] = tree_map(taken, optimizer.state[moved])
            moved.data, moved.grad = self._moved[own_rows.rows], None
            moved.grad = self.gradients[own_rows.rows]

    def step(self, rates: Tensor, active: Tensor) -> None:
        """Move the `active` rows (r, 1) along `gradients` at their rates (r, 1)."""
        for rows in self._from_values:
            self._start[rows] = self.parameters[rows]
        self._moved.copy_(self._start)
        for optimizer in self._optimizers:
            optimizer.step()
        moved = self._moved.sub_(self._start).mul_(rates).add_(self.parameters)
        torch.where(active, moved, self.parameters, out=self.parameters)


def probe(make: MakeOptimizer) -> Start:
    """Where one step for many rates has to start from: the members' values, or zero if it does not depend on them.

    Takes the same steps for members of several rates, one by one and stacked, in float64, and has some leave the stack.
    Zero is the better start, as no digit of the change is lost beside the value. Raises `NotProportionalError` with
    what is wrong.
    """
    draw = torch.Generator().manual_seed(0)
    first = torch.randn(len(RATES), 7, dtype=torch.float64, generator=draw)
    gradients = _gradients(draw)
    try:
        single = torch.stack([_alone(make, rate, first[i], gradients[:, i]) for i, rate in enumerate(RATES)])
        for start in STARTS:
            stacked = _together(make, start, first, gradients)
            if torch.allclose(stacked, single, rtol=RELATIVE, atol=ABSOLUTE):
                return start
    except NotProportionalError:
        raise
    except Exception as error:  # whatever a third party's optimizer raises
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise NotProportionalError(f"it does not step alone on stacked parameters ({reason[0]})") from error
    raise NotProportionalError(MIXED)


def _alone(make: MakeOptimizer, rate: float, first: Tensor, gradients: Tensor) -> Tensor:
    """Where one member gets, with its parameters in two tensors, as a module has them."""
    tensors = [nn.Parameter(first[:6].reshape(2, 3).clone()), nn.Parameter(first[6:].clone())]
    optimizer: Any = make(tensors, lr=rate)
    for step, gradient in enumerate(gradients):
        for group in optimizer.param_groups:
            group["lr"] = rate * _factor(step)
        tensors[0].grad, tensors[1].grad = gradient[:6].reshape(2, 3).clone(), gradient[6:].clone()
        optimizer.step()
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def _together(make: MakeOptimizer, start: Start, first: Tensor, gradients: Tensor) -> Tensor:
    """Where the members get; one of them is there twice, until the first row leaves."""
    rows, rates = torch.tensor([1, 0, 1]), torch.tensor(RATES, dtype=torch.float64).unsqueeze(1)
    optimizers = Optimizers([OptimizerRows(make, start, slice(0, len(rows)))], first[rows])
    for step, gradient in enumerate(gradients):
        if step == STEPS // 4:
            optimizers.keep(torch.tensor([1, 2]), {0: slice(0, 2)})
            rows = rows[1:]
        optimizers.gradients.copy_(gradient[rows])
        try:
            optimizers.step(rates[rows] * _factor(step), torch.ones(len(rows), 1, dtype=torch.bool))
        except Exception as error:
            if len(rows) == len(first):  # it keeps something of all rows together
                raise NotProportionalError(MIXED) from error
            raise
    return optimizers.parameters


def _taken(value: Any, rows: Tensor, is_member: Tensor, shape: torch.Size) -> Any:
    """The rows of what an optimizer keeps of each, a tensor of this shape, zero where nobody is known; else the value.

    Zeros, since without gradients what it kept of others would become ever smaller, and arithmetic slow.
    """
    if not isinstance(value, Tensor) or value.shape != shape:
        return value
    taken = value.new_zeros(len(rows), *shape[1:])
    taken[is_member] = value[rows[is_member]]
    return taken


def _gradients(draw: torch.Generator) -> Tensor:
    """Gradients (steps, members, 7) with a drift, small and large in turn, and not at the same time in all members.

    What an optimizer does only to large gradients, or once in a while, must not stay unseen.
    """
    noise = torch.randn(STEPS, len(RATES), 7, dtype=torch.float64, generator=draw)
    time = torch.arange(STEPS, dtype=torch.float64).view(-1, 1, 1) / 8 + torch.arange(len(RATES)).view(1, -1, 1)
    scaled: Tensor = (noise + torch.randn(7, dtype=torch.float64, generator=draw)) * 10 ** (3 * time.sin())
    return scaled


def _factor(step: int) -> float:
    """A schedule, for optimizers that would mix the rates of several steps."""
    return 1.0 if step < STEPS // 2 else 0.4
