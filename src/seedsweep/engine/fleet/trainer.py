"""The fleet: many runs trained as one vectorised program, each with the curves that it would have alone."""

import time
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from seedsweep.engine.fleet.layout import Places
from seedsweep.engine.fleet.shared_optimizer import Make, Optimizers, Part, Start
from seedsweep.engine.fleet.shuffling import Orders
from seedsweep.engine.fleet.vectorize import Batch, Logged, Vectorized
from seedsweep.engine.lightning import Measure, one_thread
from seedsweep.outcomes import SUBOPTIMALITY, Column, FleetResult, Outcome
from seedsweep.problem.data_module import EVALUATION_BATCH, Splits

Publish = Callable[[list[Column]], None]
Advance = Callable[[int], None]
Prune = Callable[[list[Column]], Collection[int]]  # to places in the fleet

LOSSES = 256  # steps whose losses are kept before they are looked at
GONE = 0.25  # of the members of a fleet, from which on taking them out is thought of
OVERHEAD = 0.07  # of the time of recording a step, which taking it needs however few the members are


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


def train(
    fleet: Fleet, publish: Publish | None = None, advance: Advance | None = None, prune: Prune | None = None
) -> FleetResult:
    """Train every member, then test those that finished; `publish` gets an epoch's columns, `advance` its members.

    A member's curves are those of `training.train` but for rounding, and bit-equal whichever others are in the fleet.
    A member diverges by the same rule, alone: its parameters stay as they are, and no other is touched. After every
    epoch `prune` gets its columns too, and names the members that shall leave: those whose training is not over are
    `pruned`, without a test. When a member leaves, `advance` gets the epochs that it would still have had.
    """
    with torch.inference_mode(), one_thread():  # two that wait for a busy processor are slower by far
        training = _Training(fleet)
        columns: list[Column] = []
        while left := training.left():
            new = training.epoch()
            columns += new
            if publish:
                publish(new)
            if prune:
                training.prune(prune(new))
            if advance:
                advance(left - training.left())
            training.close_ranks()
        return FleetResult(training.outcomes, columns, training.state(training.vectors()))


class _Training:
    """A fleet being trained. Tensors on the device are by rows, arrays by `members`, whose places are `numbers` (n,).

    Those are all members of the fleet, until some who have left are taken out (see `close_ranks`).
    """

    def __init__(self, fleet: Fleet):
        self.fleet, self.module, self.members = fleet, fleet.module, fleet.members
        self.numbers = np.arange(len(self.members))
        self.outcomes: list[Outcome] = ["finished"] * len(self.members)  # of all of the fleet
        self.epochs = np.array([len(member.rates) for member in self.members])
        self.alive = np.ones(len(self.members), dtype=bool)
        self.alive_now = self.alive.copy()  # in this epoch, whose members may be fewer
        self._place()
        weights = [member.weights for member in self.members]
        self.parameters = self.places.values(weights, fleet.dtype).to(fleet.device)
        parts = [Part(*fleet.optimizers[key], rows) for key, rows in self.places.parts]
        self.optimizers = Optimizers(parts, self.parameters)
        self.train, self.val, self.test = map(self._put, (fleet.splits.train, fleet.splits.val, fleet.splits.test))
        self.limit = fleet.divergence_threshold or torch.finfo(fleet.dtype).max  # what is greater is inf
        self.orders = Orders(self.places.seeds, len(self.train[0]), fleet.batch_size, fleet.drop_last)
        self.active = self._rows(self.alive)  # still to be moved
        self.rates = torch.empty(0)
        self.order = torch.empty(0)  # of the training rows, of each column: (s, n)
        self.ends = torch.empty(0)  # parameters (n, P) of all of the fleet, once some of it have been taken out
        self.step = self.done = 0  # steps and epochs
        self.seconds = 0.0  # that the last epoch took

    def _place(self) -> None:
        self.places = Places([member.optimizer for member in self.members], [each.order_seed for each in self.members])
        self.cells = torch.from_numpy(self.places.cells).to(self.fleet.device)
        self.cell = torch.from_numpy(self.places.cell).to(self.fleet.device)

    def left(self) -> int:
        """How many epochs of members are to come."""
        return int((self.epochs - self.done)[self.going_on()].sum())

    def going_on(self) -> np.ndarray:
        """Which members have more epochs to come."""
        return self.alive & (self.epochs > self.done)

    def prune(self, chosen: Collection[int]) -> None:
        """Have those of the members at these places in the fleet leave that would go on."""
        self._end(np.flatnonzero(self.going_on() & np.isin(self.numbers, list(chosen))), "pruned")

    def close_ranks(self) -> None:
        """Take out the members that do not go on, where that pays."""
        going_on = self.going_on()
        if 0 < going_on.mean() < 1 and self._pays(going_on):
            self._keep(np.flatnonzero(going_on))

    def _pays(self, going_on: np.ndarray) -> bool:
        """Whether a smaller fleet is likely to save more time than it takes to record the steps again."""
        gone, epochs = 1 - going_on.mean(), (self.epochs[going_on] - self.done).max()
        recording = min(self.module.recordings)
        saved = gone * epochs * (self.seconds - OVERHEAD * recording * self.step / self.done)
        return bool(gone >= GONE and saved > 2 * recording)  # the last minibatch has shapes of its own

    def _keep(self, staying: np.ndarray) -> None:
        """Go on with these members only, each exactly where it was."""
        before, self.ends = self.places, self.vectors()
        self.members, self.numbers = [self.members[member] for member in staying], self.numbers[staying]
        self.epochs, self.alive = self.epochs[staying], self.alive[staying]
        self._place()
        rows = np.where(self.places.member < 0, -1, before.row[staying][self.places.member])
        numbers = {key: number for number, (key, _) in enumerate(before.parts)}
        parts = {numbers[key]: part for key, part in self.places.parts}
        self.optimizers.keep(torch.from_numpy(rows).to(self.fleet.device), parts)
        self.parameters = self.optimizers.parameters
        columns = {seed: column for column, seed in enumerate(before.seeds)}
        self.order = self.order[[columns[seed] for seed in self.places.seeds]]
        self.orders.keep(self.places.seeds)

    def epoch(self) -> list[Column]:
        """Train for one epoch; the columns of what was measured in it."""
        start, epoch = self._clock(), self.done
        self.alive_now = self.going_on()
        self.active = self._rows(self.alive_now)
        rates = [member.rates[min(epoch, len(member.rates) - 1)] for member in self.members]
        self.rates = self.places.values(rates, self.fleet.dtype).to(self.fleet.device)
        if epoch == 0 or self.fleet.reshuffle:
            drawn = self.orders.draw()
            self.order = torch.stack([drawn[seed] for seed in self.places.seeds]).to(self.fleet.device)
        columns = self._steps(epoch)
        columns += self._suboptimality(epoch)
        self.done += 1
        self.alive_now &= self.epochs == self.done
        if self.alive_now.any():
            columns += self._measured(epoch, self._evaluate("test_step", self.test))
        self.seconds = self._clock() - start
        return [column for column in columns if len(column.members)]

    def _clock(self) -> float:
        """The time but for that of recording steps, in seconds."""
        return time.perf_counter() - sum(self.module.recordings)

    def _steps(self, epoch: int) -> list[Column]:
        """Take the steps of an epoch, then validate; the columns of both."""
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
        means = {name: value.flatten()[self.cell] / self.order.shape[1] for name, value in sums.items()}
        return columns + self._measured(epoch, means)

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
            found = self.numbers[members], values[members].astype(float)
            columns.append(Column("train/loss_step", step, epoch, now, *found))
        self._end(np.flatnonzero(wrong.any(axis=0)), "diverged")
        return columns

    def _measured(self, epoch: int, logged: Logged) -> list[Column]:
        """The columns of what was logged; a member for which something is not finite has diverged."""
        members, now = np.flatnonzero(self.alive_now), _now()
        values = {name: value.cpu().numpy()[self.places.row[members]].astype(float) for name, value in logged.items()}
        for value in values.values():
            self._end(members[~np.isfinite(value)], "diverged")
        return [Column(name, self.step, epoch, now, self.numbers[members], value) for name, value in values.items()]

    def _suboptimality(self, epoch: int) -> list[Column]:
        """The column of the members that are to be measured: one by one, since nothing else gives all their bits."""
        gaps = {place: member.gap for place, member in enumerate(self.members) if member.gap and self.alive_now[place]}
        if not gaps:
            return []
        members = np.array(list(gaps))
        weights = self.state(self.parameters[self.places.row[members]].cpu())
        of_each = [{name: value[place] for name, value in weights.items()} for place in range(len(members))]
        values = np.array([gap(each) for gap, each in zip(gaps.values(), of_each, strict=True)])
        return [Column(SUBOPTIMALITY, self.step, epoch, _now(), self.numbers[members], values)]

    def _end(self, members: np.ndarray, outcome: Outcome) -> None:
        self.alive[members] = self.alive_now[members] = False
        for number in self.numbers[members]:
            self.outcomes[number] = outcome

    def _evaluate(self, step: str, rows: Batch) -> Logged:
        """The means over `rows` of what the module's step logs."""
        sums: Logged = {}
        for batch in zip(*(torch.split(part, EVALUATION_BATCH) for part in rows), strict=True):
            logged = self.module.evaluate(step, self.parameters, batch)
            sums = {name: sums.get(name, 0) + value * len(batch[0]) for name, value in logged.items()}
        return {name: value / len(rows[0]) for name, value in sums.items()}

    def _rows(self, members: np.ndarray) -> Tensor:
        """A truth value for each member, by rows: (r, 1); false for the cells that nobody needs."""
        rows = torch.from_numpy(members[self.places.member] & (self.places.member >= 0))
        return rows.unsqueeze(1).to(self.fleet.device)

    def _put(self, rows: TensorDataset) -> Batch:
        to = [part.to(self.fleet.dtype) if part.is_floating_point() else part for part in rows.tensors]
        return tuple(part.to(self.fleet.device) for part in to)

    def vectors(self) -> Tensor:
        """The parameters of all members of the fleet (n, P), as they are or were when their member was taken out."""
        vectors = self.parameters[self.places.row].cpu()
        if not len(self.ends):
            return vectors
        self.ends[self.numbers] = vectors
        return self.ends

    def state(self, vectors: Tensor) -> dict[str, Tensor]:
        """The state dict of the network, in which a parameter of two layers stands twice."""
        tensors = self.module.tensors(vectors)
        module = self.module.module
        first = {id(value): name for name, value in module.named_parameters()}
        every = module.named_parameters(remove_duplicate=False)
        return {name.removeprefix("net."): tensors[first[id(value)]].clone() for name, value in every}


def _now() -> int:
    return int(time.time() * 1000)
