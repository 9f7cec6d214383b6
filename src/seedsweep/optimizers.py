"""Real torch optimizers that serve many learning rates with one step, and the probe of which of them can.

Nearly every update is proportional to its learning rate. So an optimizer steps once for all members of a fleet, at a
rate of 1, and each member takes its own rate times the change.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Make = Callable[..., Optimizer]  # (parameters, lr=…)
Start = Literal["zeros", "values"]

STARTS: tuple[Start, ...] = ("zeros", "values")
STEPS, RATES = 100, (0.01, 0.3)  # of the probe
RELATIVE, ABSOLUTE = 1e-9, 1e-12  # in float64, to which proportional updates agree


class NotProportionalError(ValueError):
    """Why an optimizer cannot serve several learning rates with one step."""


@dataclass(frozen=True)
class Part:
    """Some rows of a fleet's parameters that have one optimizer: from where it starts, see `probe`."""

    make: Make
    start: Start
    rows: slice


class Optimizers:
    """The optimizers of a fleet on its parameters (r, P), each on the rows of its part."""

    def __init__(self, parts: Sequence[Part], parameters: Tensor):
        self.parameters, self.gradients = parameters, torch.zeros_like(parameters)
        self._moved = torch.zeros_like(parameters)
        self._start = torch.zeros_like(parameters)
        self._from_values = [part.rows for part in parts if part.start == "values"]
        self._optimizers: list[Any] = []
        for part in parts:
            moved = nn.Parameter(self._moved[part.rows])  # shares its memory
            moved.grad = self.gradients[part.rows]
            self._optimizers.append(part.make([moved], lr=1.0))

    def step(self, rates: Tensor, active: Tensor) -> None:
        """Move the `active` rows (r, 1) along `gradients` at their rates (r, 1)."""
        for rows in self._from_values:
            self._start[rows] = self.parameters[rows]
        self._moved.copy_(self._start)
        for optimizer in self._optimizers:
            optimizer.step()
        moved = self._moved.sub_(self._start).mul_(rates).add_(self.parameters)
        torch.where(active, moved, self.parameters, out=self.parameters)


def probe(make: Make) -> Start:
    """Where one step for many rates has to start from: the members' values, or zero if it does not depend on them.

    Takes the same steps for members of several rates, one by one and stacked, in float64. Zero is the better start,
    as no digit of the change is lost beside the value. Raises `NotProportionalError` with what is wrong.
    """
    draw = torch.Generator().manual_seed(0)
    first = torch.randn(len(RATES), 7, dtype=torch.float64, generator=draw)
    gradients = _gradients(draw)
    try:
        single = torch.stack([_alone(make, rate, first[i], gradients[:, i]) for i, rate in enumerate(RATES)])
        for start in STARTS:
            stacked = _together(make, start, first.clone(), gradients)
            if torch.allclose(stacked, single, rtol=RELATIVE, atol=ABSOLUTE):
                return start
    except Exception as error:  # whatever a third party's optimizer raises
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise NotProportionalError(f"it does not step alone on stacked parameters ({reason[0]})") from error
    raise NotProportionalError("its steps are not proportional to the learning rate, or mix the members")


def _alone(make: Make, rate: float, first: Tensor, gradients: Tensor) -> Tensor:
    """Where one member gets, with its parameters in two tensors, as a module has them."""
    tensors = [nn.Parameter(first[:6].reshape(2, 3).clone()), nn.Parameter(first[6:].clone())]
    optimizer: Any = make(tensors, lr=rate)
    for step, gradient in enumerate(gradients):
        for group in optimizer.param_groups:
            group["lr"] = rate * _factor(step)
        tensors[0].grad, tensors[1].grad = gradient[:6].reshape(2, 3).clone(), gradient[6:].clone()
        optimizer.step()
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def _together(make: Make, start: Start, first: Tensor, gradients: Tensor) -> Tensor:
    optimizers = Optimizers([Part(make, start, slice(0, len(first)))], first)
    active = torch.ones(len(first), 1, dtype=torch.bool)
    for step, gradient in enumerate(gradients):
        optimizers.gradients.copy_(gradient)
        optimizers.step(torch.tensor(RATES, dtype=torch.float64).unsqueeze(1) * _factor(step), active)
    return first


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
