"""What is measured of a fleet in an epoch: columns of its losses, metrics and norms, and what follows from them."""

import time
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from seedsweep.engine.early_stopping import Patience
from seedsweep.engine.fleet.members import Fleet
from seedsweep.engine.fleet.roster import Roster
from seedsweep.engine.fleet.state import TrainingState
from seedsweep.engine.fleet.step import Logged
from seedsweep.outcomes import (
    EXAMPLES_TO_TARGET,
    GRADIENT_NORM,
    LOSS_STEP,
    STEPS_TO_TARGET,
    STOPPED_EPOCH,
    SUBOPTIMALITY,
    WEIGHT_NORM,
    Column,
)


class Outputs(NamedTuple):
    """By positions, what networks have given for all rows of a split: `outputs` (n, rows, …), `targets` (n, rows)."""

    split: str
    outputs: Tensor
    targets: Tensor


class Measures:
    """Measures a fleet that is being trained, and ends in `roster` the members whose values end their training."""

    def __init__(self, fleet: Fleet, state: TrainingState, roster: Roster):
        self.fleet, self.state, self.roster = fleet, state, roster
        self._patience = Patience(fleet.stopping, len(fleet.members)) if fleet.stopping else None
        self._missed = np.ones(len(fleet.members), dtype=bool)  # whether members have not reached the target yet

    def losses(self, epoch: int, losses: list[Tensor]) -> list[Column]:
        """The columns of those losses of the last steps that are due, and of those that ended their runs."""
        if not losses:
            return []
        table, now = torch.stack(losses).cpu().numpy()[:, self.state.layout.row], _now()
        wrong = ~(table <= self.state.limit) & self.roster.active
        last = np.where(wrong.any(axis=0), wrong.argmax(axis=0), len(losses))
        columns = []
        for index, values in enumerate(table):
            step = self.state.steps - len(losses) + 1 + index
            due = step % self.fleet.log_every_n_steps == 0
            positions = np.flatnonzero(self.roster.active & ((last >= index) if due else (last == index)))
            members, logged = self.roster.members[positions], values[positions].astype(float)
            columns.append(Column(LOSS_STEP, step, epoch, now, members, logged))
        self.roster.end(np.flatnonzero(wrong.any(axis=0)), "diverged")
        return columns

    def measured(self, epoch: int, logged: Logged, outputs: Outputs | None) -> list[Column]:
        """The columns of what was logged, by positions; a member for which something is not finite has diverged."""
        positions, now = np.flatnonzero(self.roster.active), _now()
        members = self.roster.members[positions]
        values = {name: value.cpu().numpy()[positions].astype(float) for name, value in logged.items()}
        for value in values.values():
            self.roster.end(positions[~np.isfinite(value)], "diverged")
        columns = [Column(name, self.state.steps, epoch, now, members, value) for name, value in values.items()]
        return columns + (self._of_outputs(epoch, outputs) if outputs and self.fleet.metrics else [])

    def _of_outputs(self, epoch: int, kept: Outputs) -> list[Column]:
        """The columns of the metrics of all outputs of a split, where they have a value."""
        assert self.fleet.metrics  # noqa: S101  without them no outputs are kept
        positions, now = np.flatnonzero(self.roster.active), _now()
        if not len(positions):
            return []
        index, members = torch.from_numpy(positions), self.roster.members[positions]
        columns = []
        for name, tensor in self.fleet.metrics.values(kept.outputs[index], kept.targets[index]).items():
            value = tensor.numpy()
            finite = np.isfinite(value)
            metric = f"{kept.split}/{name}"
            columns.append(Column(metric, self.state.steps, epoch, now, members[finite], value[finite]))
        return columns

    def norms(self, epoch: int) -> list[Column]:
        """The columns of the norms of weights and gradients, where they are asked for."""
        if self.state.gradient_norms is None:
            return []
        positions, now = np.flatnonzero(self.roster.active), _now()
        rows, members = self.state.layout.row[positions], self.roster.members[positions]
        steps = -(-self.state.rows_an_epoch // self.fleet.batch_size)
        norms = {
            GRADIENT_NORM: self.state.gradient_norms / steps,
            WEIGHT_NORM: torch.linalg.vector_norm(self.state.parameters[:, : self.fleet.module.parameters], dim=1),
        }
        values = {name: value.cpu().numpy()[rows].astype(float) for name, value in norms.items()}
        return [Column(name, self.state.steps, epoch, now, members, value) for name, value in values.items()]

    def suboptimality(self, epoch: int) -> list[Column]:
        """The column of the members that are to be measured: one by one, since nothing else gives all their bits."""
        members = [int(member) for member in self.roster.members[self.roster.active]]
        gaps = {member: gap for member in members if (gap := self.fleet.members[member].gap)}
        if not gaps:
            return []
        measured = np.array(list(gaps))
        positions = np.searchsorted(self.roster.members, measured)
        weights = self.state.state_dict(self.state.parameters[self.state.layout.row[positions]].cpu(), {})
        by_member = [{name: value[index] for name, value in weights.items()} for index in range(len(measured))]
        values = np.array([gap(weights) for gap, weights in zip(gaps.values(), by_member, strict=True)])
        return [Column(SUBOPTIMALITY, self.state.steps, epoch, _now(), measured, values)]

    def stopped(self, epoch: int, measured: list[Column]) -> list[Column]:
        """The column of the members that stop early, with this epoch."""
        if not self._patience:
            return []
        column = next((column for column in measured if column.metric == self._patience.rule.metric), None)
        if column is None:  # of outputs, and all have diverged
            return []
        kind = np.float64 if self.fleet.dtype == torch.float64 else np.float32
        stopping = column.members[self._patience.exhausted(column.members, column.values.astype(kind))]
        early = self.roster.active & (self.roster.epochs > epoch + 1) & np.isin(self.roster.members, stopping)
        positions = np.flatnonzero(early)
        self.roster.stop(positions)
        values = np.full(len(positions), float(epoch))
        return [Column(STOPPED_EPOCH, self.state.steps, epoch, _now(), self.roster.members[positions], values)]

    def reached(self, epoch: int, measured: list[Column]) -> list[Column]:
        """The columns of what it took the members that reach the target with this epoch."""
        if not self.fleet.target:
            return []
        column = next((column for column in measured if column.metric == self.fleet.target.metric), None)
        if column is None:  # of outputs, and all have diverged
            return []
        members = column.members[self.fleet.target.reached(column.values) & self._missed[column.members]]
        self._missed[members] = False
        return self._to_target(epoch, members, self.state.steps, (epoch + 1) * self.state.rows_an_epoch)

    def missed_target(self, epoch: int) -> list[Column]:
        """The columns of the members whose training has come to its end without the target."""
        missed = self.roster.active & self._missed[self.roster.members]
        return self._to_target(epoch, self.roster.members[missed])

    def _to_target(self, epoch: int, members: np.ndarray, *took: float) -> list[Column]:
        """The columns of steps and examples that it took members to the target, infinite of those who missed it."""
        if not self.fleet.target:
            return []
        counts = zip((STEPS_TO_TARGET, EXAMPLES_TO_TARGET), took or (np.inf, np.inf), strict=True)
        step, now = self.state.steps, _now()
        return [Column(name, step, epoch, now, members, np.full(len(members), float(count))) for name, count in counts]


def _now() -> int:
    return int(time.time() * 1000)
