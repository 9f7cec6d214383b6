"""What training changes in a fleet: parameters, optimizers and the order of the data, laid out by members."""

from collections.abc import Hashable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from seedsweep.engine.fleet.dropout import Samplers
from seedsweep.engine.fleet.layout import Layout, lay_out
from seedsweep.engine.fleet.members import Fleet
from seedsweep.engine.fleet.shared_optimizer import Optimizers
from seedsweep.engine.fleet.shuffling import Shuffles
from seedsweep.engine.fleet.step import Batch, Logged, Tensors
from seedsweep.problem.module import trained


class TrainingState:
    """The parameters (r, P) of a fleet's members, and all else that a step changes.

    `active` (r, 1) says which rows are moved, and `steps` counts the steps.
    """

    def __init__(self, fleet: Fleet, rows: int):
        self.fleet = fleet
        self.layout = self._lay_out(np.arange(len(fleet.members)))
        weights = [member.weights for member in fleet.members]
        self.parameters = self.layout.values(weights, fleet.dtype).to(fleet.device)
        self.kept = self._kept()
        parts = self._parts(self.layout)
        optimizer_rows = [replace(fleet.optimizers[key][index], rows=rows) for (key, index), rows in parts]
        self.optimizers = Optimizers(optimizer_rows, self.parameters)
        self.limit = fleet.divergence_threshold or torch.finfo(fleet.dtype).max  # what is greater is inf
        self.active = torch.empty(0)
        self.gradient_norms: Tensor | None = None  # (r,), their sums over the steps of the epoch
        self.steps = 0
        self._shuffles = Shuffles(self.layout.seeds, rows, fleet.batch_size, fleet.drop_last)
        self._order = torch.empty(0)  # of the training rows, of each column: (s, rows)
        self._rates = torch.empty(0)  # of the epoch (r, 1), or of each of its steps (r, steps)
        self._samplers = Samplers(self.layout.seeds)
        # parameters (m, P) of all of the fleet, and what they keep, once some have been left out
        self._former: tuple[Tensor, Tensors] | None = None

    def _kept(self) -> Tensors:
        """What each row keeps besides its parameters, by name (r, …)."""
        members, kept = self.fleet.members, dict[str, Tensor]()
        for name, first in members[0].kept.items():
            dtype = self.fleet.dtype if first.is_floating_point() else first.dtype
            values = [member.kept[name] for member in members]
            kept[name] = self.layout.values(values, dtype).to(self.fleet.device)
        return kept

    def _lay_out(self, members: np.ndarray) -> Layout:
        laid_out = [self.fleet.members[member] for member in members]
        seeds = [member.order_seed for member in laid_out]
        optimizers, width = [member.optimizer for member in laid_out], len(laid_out[0].weights)
        return lay_out(optimizers, seeds, members, self.fleet.device, width)

    def _parts(self, layout: Layout) -> Iterator[tuple[tuple[Hashable, int], slice]]:
        """The parts of optimizers, each by its optimizer and its index there, in their order, with their rows."""
        for key, rows in layout.blocks:
            for index in range(len(self.fleet.optimizers[key])):
                yield (key, index), rows

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
        slots, module = self.layout.slots, self.fleet.module
        of_one = {name: value[0] for name, value in self.kept.items()}
        masks = module.masks(self.parameters[0], of_one, tuple(column[0] for column in batch))
        sampled = self._samplers.sample(masks, self.layout.seeds)
        kept = {name: value[slots] for name, value in self.kept.items()}
        losses, logged, gradients, after = module.train(self.parameters[slots], kept, batch, sampled)
        for name, value in after.items():
            row_is_active = self.active.view(-1, *(1,) * (self.kept[name].ndim - 1))
            self.kept[name] = torch.where(row_is_active, value.flatten(0, 1)[self.layout.slot], self.kept[name])
        self.optimizers.gradients[slots] = gradients
        gradients = self.optimizers.gradients[:, : module.parameters]  # without what only fills
        if self.fleet.norms:
            norms = torch.linalg.vector_norm(gradients, dim=1).double()
            self.gradient_norms = norms if self.gradient_norms is None else self.gradient_norms + norms
        if self.fleet.clipping:
            self.fleet.clipping.clip(gradients)
        number = self.steps % self._rates.shape[1]  # of the step in its epoch; 0 where all have one rate
        self.optimizers.step(self._rates[:, number : number + 1], self.active)
        loss = losses.flatten()[self.layout.slot]
        self.active &= (loss <= self.limit).unsqueeze(1)
        self.steps += 1
        return loss, logged

    def keep(self, positions: np.ndarray) -> None:
        """Go on with the members at these positions only, each exactly where it was."""
        before, self._former = self.layout, self.weights()
        self.layout = self._lay_out(before.members[positions])
        position = self.layout.position
        rows = np.where(position < 0, -1, before.row[positions][position])
        number = {place: index for index, (place, _) in enumerate(self._parts(before))}
        blocks = {number[place]: rows for place, rows in self._parts(self.layout)}
        taken = torch.from_numpy(rows).to(self.fleet.device)
        self.optimizers.keep(taken, blocks)
        self.parameters = self.optimizers.parameters
        column = {seed: index for index, seed in enumerate(before.seeds)}
        self._order = self._order[[column[seed] for seed in self.layout.seeds]]
        self.kept = {name: value[taken] for name, value in self.kept.items()}
        self._shuffles.keep(self.layout.seeds)
        self._samplers.keep(self.layout.seeds)

    def of_members(self) -> tuple[Tensor, Tensors]:
        """The parameters by positions (n, P), and what else they keep (n, …)."""
        rows = self.layout.rows
        return self.parameters[rows], {name: value[rows] for name, value in self.kept.items()}

    def weights(self) -> tuple[Tensor, Tensors]:
        """The parameters of all members of the fleet (m, P), and what else they keep (m, …), on the CPU.

        Those of a member that was left out are as they were then.
        """
        vectors, kept_now = self.of_members()
        weights = vectors.cpu(), {name: value.cpu() for name, value in kept_now.items()}
        if self._former is None:
            return weights
        former, kept = self._former
        former[self.layout.members] = weights[0]
        for name, value in weights[1].items():
            kept[name][self.layout.members] = value
        return self._former

    def state_dict(self, vectors: Tensor, kept: Tensors) -> Tensors:
        """The state dict of the network, of parameters (m, P), in which a parameter of two layers is twice, and kept.

        Its names are in the order of the network's own.
        """
        tensors, module = self.fleet.module.tensors(vectors), self.fleet.module.module
        first = {id(value): name for name, value in module.named_parameters()}
        named = module.state_dict(keep_vars=True).items()
        own = {name: kept.get(name, tensors.get(first.get(id(value), ""))) for name, value in named}
        prefix = "net." if trained(module) is not module else ""
        return {name.removeprefix(prefix): value.clone() for name, value in own.items() if value is not None}
