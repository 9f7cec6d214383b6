"""The fleet: many runs trained as one vectorised program, each with the curves that it would have alone."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from seedsweep.data import EVALUATION_BATCH, ORDER_STREAM, Splits
from seedsweep.optimizers import Make, Optimizers, Part, Start
from seedsweep.results import SUBOPTIMALITY, Column, FleetResult, Outcome
from seedsweep.training import Measure, one_thread
from seedsweep.vectorized import Batch, Logged, Vectorized

Publish = Callable[[list[Column]], None]
Advance = Callable[[int], None]

WASTE = 1.5  # cells for each member up to which sharing minibatches within a seed pays
VECTOR = 16  # numbers of 32 bits in the longest registers
LOSSES = 256  # steps whose losses are kept before they are looked at


@dataclass(frozen=True)
class Member:
    """One run of a fleet: what it differs in from the others.

    `weights` are its initial parameters (P,), `optimizer` the key of its optimizer, and `rates` its learning rate in
    each epoch, as many as it trains. `gap` measures its suboptimality after every epoch.
    """

    weights: Tensor
    order_seed: int
    optimizer: Hashable
    rates: tuple[float, ...]
    gap: Measure | None = None


@dataclass
class Fleet:
    """Runs that can be trained together: one module, data set and way to batch it (see `DataModule`).

    `optimizers` are makers of the members' optimizers and where their step starts (see `optimizers.probe`).
    """

    module: Vectorized
    splits: Splits
    batch_size: int
    optimizers: Mapping[Hashable, tuple[Make, Start]]
    members: list[Member]
    reshuffle: bool = True
    drop_last: bool = False
    log_every_n_steps: int = 50
    divergence_threshold: float | None = None
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32


class _Places:
    """Where the members of a fleet are: in the rows of its parameters, and in the grid of those that share minibatches.

    Rows (r) are sorted by optimizer, `parts` being (optimizer, slice of rows), each filled up to whole vectors of the
    processor, so that no member is computed among the leftovers, whose last bits may differ. `member` (r,) is -1 there.
    The grid is `cells` (k, s) of rows: the k members of a column have the same order of the data, that of its seed.
    """

    def __init__(self, members: Sequence[Member]):
        by_optimizer: dict[Hashable, list[int]] = {}
        by_seed: dict[int, list[int]] = {}
        for place, member in enumerate(members):
            by_optimizer.setdefault(member.optimizer, []).append(place)
            by_seed.setdefault(member.order_seed, []).append(place)
        rows: list[int] = []
        self.parts: list[tuple[Hashable, slice]] = []
        for key, places in by_optimizer.items():
            filled = places + [-1] * (-len(places) % VECTOR)
            self.parts.append((key, slice(len(rows), len(rows) + len(filled))))
            rows += filled
        self.member = np.array([*rows, -1])  # the last one for the cells that nobody needs
        self.row = np.empty(len(members), dtype=np.int64)
        self.row[self.member[self.member >= 0]] = np.flatnonzero(self.member >= 0)
        columns = list(by_seed.items())
        if max(map(len, by_seed.values())) * len(columns) > WASTE * len(members):
            columns = [(seed, [place]) for seed, places in columns for place in places]
        self.seeds = [seed for seed, _ in columns]
        self.cells = np.full((max(len(places) for _, places in columns), len(columns)), len(rows))
        for column, (_, places) in enumerate(columns):
            self.cells[: len(places), column] = self.row[places]
        self.cell = np.zeros(len(self.member), dtype=np.int64)  # of each row; any for those without a member
        self.cell[self.cells.ravel()] = np.arange(self.cells.size)


def train(fleet: Fleet, publish: Publish | None = None, advance: Advance | None = None) -> FleetResult:
    """Train every member, then test those that finished; `publish` gets an epoch's columns, `advance` its members.

    A member's curves are those of `training.train` but for rounding, and bit-equal whichever others are in the fleet.
    A member diverges by the same rule, alone: its parameters stay as they are, and no other is touched.
    """
    with torch.inference_mode(), one_thread():  # two that wait for a busy processor are slower by far
        training = _Training(fleet)
        columns: list[Column] = []
        for epoch in range(max(len(member.rates) for member in fleet.members)):
            new = training.epoch(epoch)
            columns += new
            if publish:
                publish(new)
            if advance:
                advance(int((training.epochs > epoch).sum()))
        return FleetResult(training.outcomes(), columns, training.weights())


class _Training:
    """A fleet being trained. Tensors on the device are by rows, arrays by members."""

    def __init__(self, fleet: Fleet):
        self.fleet, self.places, self.module = fleet, _Places(fleet.members), fleet.module
        self.cells = torch.from_numpy(self.places.cells).to(fleet.device)
        self.cell = torch.from_numpy(self.places.cell).to(fleet.device)
        self.parameters = self._values([member.weights for member in fleet.members])
        parts = [Part(*fleet.optimizers[key], rows) for key, rows in self.places.parts]
        self.optimizers = Optimizers(parts, self.parameters)
        self.train, self.val, self.test = map(self._put, (fleet.splits.train, fleet.splits.val, fleet.splits.test))
        self.limit = fleet.divergence_threshold or torch.finfo(fleet.dtype).max  # what is greater is inf
        self.orders = {seed: torch.Generator().manual_seed(ORDER_STREAM + seed) for seed in self.places.seeds}
        self.epochs = np.array([len(member.rates) for member in fleet.members])
        self.measured = np.array([member.gap is not None for member in fleet.members])
        self.alive = np.ones(len(fleet.members), dtype=bool)
        self.active = self._rows(self.alive)  # still to be moved
        self.rates = torch.empty(0)
        self.order = torch.empty(0)  # of the training rows, of each seed: (s, n)
        self.step = 0

    def epoch(self, epoch: int) -> list[Column]:
        """Train for one epoch; the columns of what was measured in it."""
        self.alive_now = self.alive & (self.epochs > epoch)
        if not self.alive_now.any():
            return []
        self.active = self._rows(self.alive_now)
        self.rates = self._values([member.rates[min(epoch, len(member.rates) - 1)] for member in self.fleet.members])
        if epoch == 0 or self.fleet.reshuffle:
            self.order = self._order()
        columns: list[Column] = []
        sums: Logged = {}
        losses: list[Tensor] = []
        for index in torch.split(self.order, self.fleet.batch_size, dim=1):
            loss, logged = self._step(tuple(part[index] for part in self.train))
            sums = {name: sums.get(name, 0) + value * index.shape[1] for name, value in logged.items()}
            losses.append(loss)
            if len(losses) == LOSSES:
                columns += self._losses(epoch, losses)
                losses = []
        columns += self._losses(epoch, losses)
        columns += self._measured(epoch, self._evaluate("validation_step", self.val))
        columns += self._measured(
            epoch, {name: value.flatten()[self.cell] / self.order.shape[1] for name, value in sums.items()}
        )
        columns += self._suboptimality(epoch)
        self.alive_now &= self.epochs == epoch + 1
        if self.alive_now.any():
            columns += self._measured(epoch, self._evaluate("test_step", self.test))
        return columns

    def _step(self, batch: Batch) -> tuple[Tensor, Logged]:
        losses, logged, gradients = self.module.train(self.parameters[self.cells], batch)
        self.optimizers.gradients[self.cells] = gradients
        self.optimizers.step(self.rates, self.active)
        loss = losses.flatten()[self.cell]
        self.active &= (loss <= self.limit).unsqueeze(1)
        self.step += 1
        return loss, logged

    def _losses(self, epoch: int, losses: list[Tensor]) -> list[Column]:
        """The columns of those losses of the last steps that are due, and of those that ended their runs."""
        if not losses:
            return []
        table, now = torch.stack(losses).cpu().numpy()[:, self.places.row], _now()
        wrong = ~(table <= self.limit) & self.alive_now
        last = np.where(wrong.any(axis=0), wrong.argmax(axis=0), len(losses))
        columns = []
        for place, values in enumerate(table):
            step = self.step - len(losses) + 1 + place
            due = step % self.fleet.log_every_n_steps == 0
            members = np.flatnonzero(self.alive_now & ((last >= place) if due else (last == place)))
            if len(members):
                columns.append(Column("train/loss_step", step, epoch, now, members, values[members].astype(float)))
        self._end(np.flatnonzero(wrong.any(axis=0)))
        return columns

    def _measured(self, epoch: int, logged: Logged) -> list[Column]:
        """The columns of what was logged; a member for which something is not finite has diverged."""
        members, now = np.flatnonzero(self.alive_now), _now()
        values = {name: value.cpu().numpy()[self.places.row[members]].astype(float) for name, value in logged.items()}
        for value in values.values():
            self._end(members[~np.isfinite(value)])
        return [Column(name, self.step, epoch, now, members, value) for name, value in values.items() if len(members)]

    def _suboptimality(self, epoch: int) -> list[Column]:
        """The column of the members that are to be measured: one by one, since nothing else gives all their bits."""
        members = np.flatnonzero(self.alive_now & self.measured)
        if not len(members):
            return []
        weights, values = self.weights(), []
        for member in members.tolist():
            gap = self.fleet.members[member].gap
            values += [gap({name: value[member] for name, value in weights.items()})] if gap else []
        return [Column(SUBOPTIMALITY, self.step, epoch, _now(), members, np.array(values))]

    def _end(self, diverged: np.ndarray) -> None:
        self.alive[diverged] = self.alive_now[diverged] = False

    def _evaluate(self, step: str, rows: Batch) -> Logged:
        """The means over `rows` of what the module's step logs."""
        sums: Logged = {}
        for batch in zip(*(torch.split(part, EVALUATION_BATCH) for part in rows), strict=True):
            logged = self.module.evaluate(step, self.parameters, batch)
            sums = {name: sums.get(name, 0) + value * len(batch[0]) for name, value in logged.items()}
        return {name: value / len(rows[0]) for name, value in sums.items()}

    def _order(self) -> Tensor:
        """A new order of the training rows, (s, n), each seed's as its DataLoader draws it."""
        order, rows, drop_last = {}, len(self.train[0]), self.fleet.drop_last
        left = rows % self.fleet.batch_size
        for seed, generator in self.orders.items():
            torch.empty((), dtype=torch.int64).random_(generator=generator)  # the loader's seed for its workers
            order[seed] = torch.randperm(rows, generator=generator)
            if left and not drop_last:  # the last minibatch is not full, so that the sampler is read to its end
                torch.randperm(rows, generator=generator)
        read = rows - left if drop_last else rows
        return torch.stack([order[seed][:read] for seed in self.places.seeds]).to(self.fleet.device)

    def _values(self, members: Sequence[Any]) -> Tensor:
        """Values of the members, which share many, by rows: (r, n)."""
        unique = {id(value): value for value in members}
        place = {key: number for number, key in enumerate(unique)}
        index = np.array([place[id(value)] for value in members])[self.places.member]
        values = list(unique.values())
        table = (
            torch.stack(values)
            if isinstance(values[0], Tensor)
            else torch.tensor(values, dtype=torch.float64).unsqueeze(1)
        )
        return table.to(self.fleet.dtype)[index].to(self.fleet.device)

    def _rows(self, members: np.ndarray) -> Tensor:
        """A truth value for each member, by rows: (r, 1); false for the cells that nobody needs."""
        rows = torch.from_numpy(members[self.places.member] & (self.places.member >= 0))
        return rows.unsqueeze(1).to(self.fleet.device)

    def _put(self, rows: TensorDataset) -> Batch:
        to = [part.to(self.fleet.dtype) if part.is_floating_point() else part for part in rows.tensors]
        return tuple(part.to(self.fleet.device) for part in to)

    def outcomes(self) -> list[Outcome]:
        return ["finished" if alive else "diverged" for alive in self.alive]

    def weights(self) -> dict[str, Tensor]:
        """The state dict of the network, in which a parameter of two layers stands twice."""
        tensors = self.module.tensors(self.parameters.cpu()[self.places.row])
        module = self.module.module
        first = {id(value): name for name, value in module.named_parameters()}
        every = module.named_parameters(remove_duplicate=False)
        return {name.removeprefix("net."): tensors[first[id(value)]].clone() for name, value in every}


def _now() -> int:
    return int(time.time() * 1000)
