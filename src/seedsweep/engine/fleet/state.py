"""What training changes in a fleet: parameters, optimizers and the order of the data, laid out by members."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from seedsweep.engine.fleet.layout import Layout, lay_out
from seedsweep.engine.fleet.members import Fleet
from seedsweep.engine.fleet.shared_optimizer import OptimizerRows, Optimizers
from seedsweep.engine.fleet.shuffling import Shuffles
from seedsweep.engine.fleet.step import Batch, Logged


class TrainingState:
    """The parameters (r, P) of a fleet's members, and all else that a step changes.

    `active` (r, 1) says which rows are moved, and `steps` counts the steps.
    """

    def __init__(self, fleet: Fleet, rows: int):
        self.fleet = fleet
        self.layout = self._lay_out(np.arange(len(fleet.members)))
        weights = [member.weights for member in fleet.members]
        self.parameters = self.layout.values(weights, fleet.dtype).to(fleet.device)
        optimizer_rows = [OptimizerRows(*fleet.optimizers[key], block) for key, block in self.layout.blocks]
        self.optimizers = Optimizers(optimizer_rows, self.parameters)
        self.limit = fleet.divergence_threshold or torch.finfo(fleet.dtype).max  # what is greater is inf
        self.active = torch.empty(0)
        self.gradient_norms: Tensor | None = None  # (r,), their sums over the steps of the epoch
        self.steps = 0
        self._shuffles = Shuffles(self.layout.seeds, rows, fleet.batch_size, fleet.drop_last)
        self._order = torch.empty(0)  # of the training rows, of each column: (s, rows)
        self._rates = torch.empty(0)
        self._former: Tensor | None = None  # parameters (m, P) of all of the fleet, once some have been left out

    def _lay_out(self, members: np.ndarray) -> Layout:
        laid_out = [self.fleet.members[member] for member in members]
        seeds = [member.order_seed for member in laid_out]
        return lay_out([member.optimizer for member in laid_out], seeds, members, self.fleet.device)

    def begin_epoch(self, epoch: int, active: np.ndarray) -> None:
        """Set the learning rates, and the order of the data, of an epoch in which these positions (n,) are moved."""
        self.active, self.gradient_norms = self.layout.flags(active), None
        members = [self.fleet.members[member] for member in self.layout.members]
        rates = [member.rates[min(epoch, len(member.rates) - 1)] for member in members]
        self._rates = self.layout.values(rates, self.fleet.dtype).to(self.fleet.device)
        if epoch == 0 or self.fleet.reshuffle:
            orders = self._shuffles.next_orders()
            self._order = torch.stack([orders[seed] for seed in self.layout.seeds]).to(self.fleet.device)

    @property
    def rows_an_epoch(self) -> int:
        """How many training rows an epoch has."""
        return self._order.shape[1]

    def minibatches(self, rows: Batch) -> Iterator[Batch]:
        """The minibatches of an epoch, each a row of `rows` a column of the grid: (s, batch, …)."""
        for index in torch.split(self._order, self.fleet.batch_size, dim=1):
            yield tuple(column[index] for column in rows)

    def step(self, batch: Batch) -> tuple[Tensor, Logged]:
        """Move the active rows: their losses (r,), and what was logged (k, s); those beyond the limit move no more."""
        losses, logged, gradients = self.fleet.module.train(self.parameters[self.layout.slots], batch)
        self.optimizers.gradients[self.layout.slots] = gradients
        if self.fleet.norms:  # of rows, whose number is one for which no last digit depends on the other members
            norms = torch.linalg.vector_norm(self.optimizers.gradients, dim=1).double()
            self.gradient_norms = norms if self.gradient_norms is None else self.gradient_norms + norms
        self.optimizers.step(self._rates, self.active)
        loss = losses.flatten()[self.layout.slot]
        self.active &= (loss <= self.limit).unsqueeze(1)
        self.steps += 1
        return loss, logged

    def keep(self, positions: np.ndarray) -> None:
        """Go on with the members at these positions only, each exactly where it was."""
        before, self._former = self.layout, self.vectors()
        self.layout = self._lay_out(before.members[positions])
        position = self.layout.position
        rows = np.where(position < 0, -1, before.row[positions][position])
        number = {key: index for index, (key, _) in enumerate(before.blocks)}
        blocks = {number[key]: block for key, block in self.layout.blocks}
        self.optimizers.keep(torch.from_numpy(rows).to(self.fleet.device), blocks)
        self.parameters = self.optimizers.parameters
        column = {seed: index for index, seed in enumerate(before.seeds)}
        self._order = self._order[[column[seed] for seed in self.layout.seeds]]
        self._shuffles.keep(self.layout.seeds)

    def vectors(self) -> Tensor:
        """The parameters of all members of the fleet (m, P), as they are or were when their member was left out."""
        vectors = self.parameters[self.layout.row].cpu()
        if self._former is None:
            return vectors
        self._former[self.layout.members] = vectors
        return self._former
