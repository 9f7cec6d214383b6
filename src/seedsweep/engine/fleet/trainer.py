"""The fleet: many runs trained as one vectorised program, each with the curves that it would have alone."""

import time
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from seedsweep.engine.early_stopping import Patience
from seedsweep.engine.fleet.members import Fleet
from seedsweep.engine.fleet.roster import Roster
from seedsweep.engine.fleet.state import TrainingState
from seedsweep.engine.fleet.step import OUTPUT, Batch, Logged, Tensors
from seedsweep.engine.lightning import one_thread
from seedsweep.outcomes import (
    EXAMPLES_TO_TARGET,
    GRADIENT_NORM,
    LOSS_STEP,
    STEPS_TO_TARGET,
    STOPPED_EPOCH,
    SUBOPTIMALITY,
    WEIGHT_NORM,
    Column,
    FleetResult,
)
from seedsweep.problem.data_module import evaluation_rows
from seedsweep.problem.module import trained

PublishColumns = Callable[[list[Column]], None]
AdvanceEpochs = Callable[[int], None]  # of single members
PruneMembers = Callable[[list[Column]], Collection[int]]  # to indices in the fleet

LOSSES = 256  # steps whose losses are kept before they are looked at
GONE = 0.25  # share of the members of a fleet, from which on they may be taken out
OVERHEAD = 0.07  # of the time of tracing a step: what the step takes however few the members are


def train(
    fleet: Fleet,
    publish: PublishColumns | None = None,
    advance: AdvanceEpochs | None = None,
    prune: PruneMembers | None = None,
) -> FleetResult:
    """Train every member, then test those that finished.

    A member's curves are those of `lightning.train` but for rounding, and bit-equal whichever others are in the fleet.
    A member diverges by the same rule, alone: its parameters stay as they are, and no other is touched.

    Args:
        fleet: the members, and what they have in common.
        publish: gets the columns of every epoch.
        advance: gets the number of epochs of members that an epoch was, or saved: when a member leaves, also those
            that it would still have had.
        prune: gets the columns of every epoch, too, and names the members that shall leave, by their index in the
            fleet: those whose training is not over are `pruned`, without a test.

    Returns:
        Outcomes (m,), columns as they were measured, and weights, each tensor (m, …).
    """
    with torch.inference_mode(), one_thread():  # two that wait for a busy processor are slower by far
        training = _Training(fleet)
        columns: list[Column] = []
        while remaining := training.roster.remaining():
            measured = training.epoch()
            columns += measured
            if publish:
                publish(measured)
            if prune:
                training.roster.prune(prune(measured))
            if advance:
                advance(remaining - training.roster.remaining())
            training.compact()
        weights = training.state_dict(*training.state.weights())
        return FleetResult(training.roster.outcomes, columns, weights)


class _Outputs(NamedTuple):
    """What the networks have given for all rows of a split: `outputs` (r, n, …) and `targets` (r, n), by their rows."""

    split: str
    outputs: Tensor
    targets: Tensor


class _Training:
    """A fleet being trained: who trains, what training changes, and what is measured of it."""

    def __init__(self, fleet: Fleet):
        self.fleet = fleet
        self.train, self.val, self.test = map(self._put, (fleet.splits.train, fleet.splits.val, fleet.splits.test))
        self.roster = Roster([len(member.rates) for member in fleet.members])
        self.state = TrainingState(fleet, len(self.train[0]))
        self.patience = Patience(fleet.stopping, len(fleet.members)) if fleet.stopping else None
        self.missed = np.ones(
            len(fleet.members), dtype=bool
        )  # of members: whether they have not reached the target yet
        self.seconds = 0.0  # that the last epoch took

    def _put(self, rows: TensorDataset) -> Batch:
        dtype, device = self.fleet.dtype, self.fleet.device
        cast = [column.to(dtype) if column.is_floating_point() else column for column in rows.tensors]
        return tuple(column.to(device) for column in cast)

    def compact(self) -> None:
        """Take out the members that do not go on, where that pays."""
        continuing = self.roster.continuing()
        if 0 < continuing.mean() < 1 and self._pays(continuing):
            staying = np.flatnonzero(continuing)
            self.roster.keep(staying)
            self.state.keep(staying)

    def _pays(self, continuing: np.ndarray) -> bool:
        """Whether a smaller fleet is likely to save more time than it takes to trace the steps again."""
        gone, epochs = 1 - continuing.mean(), (self.roster.epochs[continuing] - self.roster.done).max()
        tracing = min(self.fleet.module.tracing_seconds)
        saved = gone * epochs * (self.seconds - OVERHEAD * tracing * self.state.steps / self.roster.done)
        return bool(gone >= GONE and saved > 2 * tracing)  # the last minibatch has shapes of its own

    def epoch(self) -> list[Column]:
        """Train for one epoch; the columns of what was measured in it."""
        start, epoch = self._clock(), self.roster.done
        self.roster.begin_epoch()
        self.state.begin_epoch(epoch, self.roster.active)
        columns = [*self._steps(epoch), *self._norms(epoch), *self._suboptimality(epoch)]
        columns += [*self._reached(epoch, columns), *self._stopped(epoch, columns)]
        self.roster.end_epoch()
        columns += self._to_target(epoch, self.roster.members[self.roster.active & self.missed[self.roster.members]])
        if self.roster.active.any():
            columns += self._measured(epoch, *self._evaluate("test", self.test))
        self.seconds = self._clock() - start
        return [column for column in columns if len(column.members)]

    def _clock(self) -> float:
        """The time but for that of tracing steps, in seconds."""
        return time.perf_counter() - sum(self.fleet.module.tracing_seconds)

    def _steps(self, epoch: int) -> Iterator[Column]:
        """Take the steps of an epoch, then validate; the columns of both."""
        sums: Logged = {}
        losses: list[Tensor] = []
        outputs: list[tuple[Tensor, Tensor]] = []
        for batch in self.state.minibatches(self.train):
            loss, logged = self.state.step(batch)
            if OUTPUT in logged:
                outputs.append(self.state.layout.by_row(logged.pop(OUTPUT), batch[1]))
            sums = {name: sums.get(name, 0) + value * batch[0].shape[1] for name, value in logged.items()}
            losses.append(loss)
            if len(losses) == LOSSES:
                yield from self._losses(epoch, losses)
                losses = []
        yield from self._losses(epoch, losses)
        yield from self._measured(epoch, *self._evaluate("validation", self.val))
        slot, rows = self.state.layout.slot, self.state.rows_an_epoch
        means = {name: value.flatten()[slot] / rows for name, value in sums.items()}
        of_epoch = [torch.cat(parts, dim=1) for parts in zip(*outputs, strict=True)]
        yield from self._measured(epoch, means, _Outputs("train", *of_epoch) if of_epoch else None)

    def _losses(self, epoch: int, losses: list[Tensor]) -> list[Column]:
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

    def _measured(self, epoch: int, logged: Logged, outputs: _Outputs | None) -> list[Column]:
        """The columns of what was logged; a member for which something is not finite has diverged."""
        positions, now = np.flatnonzero(self.roster.active), _now()
        rows, members = self.state.layout.row[positions], self.roster.members[positions]
        values = {name: value.cpu().numpy()[rows].astype(float) for name, value in logged.items()}
        for value in values.values():
            self.roster.end(positions[~np.isfinite(value)], "diverged")
        columns = [Column(name, self.state.steps, epoch, now, members, value) for name, value in values.items()]
        return columns + (self._of_outputs(epoch, outputs) if outputs and self.fleet.metrics else [])

    def _of_outputs(self, epoch: int, kept: _Outputs) -> list[Column]:
        """The columns of the metrics of all outputs of a split, where they have a value."""
        assert self.fleet.metrics  # noqa: S101  without them no outputs are kept
        positions, now = np.flatnonzero(self.roster.active), _now()
        if not len(positions):
            return []
        rows, members = torch.from_numpy(self.state.layout.row[positions]), self.roster.members[positions]
        columns = []
        for name, tensor in self.fleet.metrics.values(kept.outputs[rows], kept.targets[rows]).items():
            value = tensor.numpy()
            finite = np.isfinite(value)
            metric = f"{kept.split}/{name}"
            columns.append(Column(metric, self.state.steps, epoch, now, members[finite], value[finite]))
        return columns

    def _norms(self, epoch: int) -> list[Column]:
        """The columns of the norms of weights and gradients, where they are asked for."""
        if self.state.gradient_norms is None:
            return []
        positions, now = np.flatnonzero(self.roster.active), _now()
        rows, members = self.state.layout.row[positions], self.roster.members[positions]
        steps = -(-self.state.rows_an_epoch // self.fleet.batch_size)
        norms = {
            GRADIENT_NORM: self.state.gradient_norms / steps,
            WEIGHT_NORM: torch.linalg.vector_norm(self.state.parameters, dim=1),
        }
        values = {name: value.cpu().numpy()[rows].astype(float) for name, value in norms.items()}
        return [Column(name, self.state.steps, epoch, now, members, value) for name, value in values.items()]

    def _stopped(self, epoch: int, measured: list[Column]) -> list[Column]:
        """The column of the members that stop early, with this epoch."""
        if not self.patience:
            return []
        column = next((column for column in measured if column.metric == self.patience.rule.metric), None)
        if column is None:  # of outputs, and all have diverged
            return []
        kind = np.float64 if self.fleet.dtype == torch.float64 else np.float32
        stopping = column.members[self.patience.exhausted(column.members, column.values.astype(kind))]
        early = self.roster.active & (self.roster.epochs > epoch + 1) & np.isin(self.roster.members, stopping)
        positions = np.flatnonzero(early)
        self.roster.stop(positions)
        values = np.full(len(positions), float(epoch))
        return [Column(STOPPED_EPOCH, self.state.steps, epoch, _now(), self.roster.members[positions], values)]

    def _reached(self, epoch: int, measured: list[Column]) -> list[Column]:
        """The columns of what it took the members that reach the target with this epoch."""
        if not self.fleet.target:
            return []
        column = next((column for column in measured if column.metric == self.fleet.target.metric), None)
        if column is None:  # of outputs, and all have diverged
            return []
        members = column.members[self.fleet.target.reached(column.values) & self.missed[column.members]]
        self.missed[members] = False
        return self._to_target(epoch, members, self.state.steps, (epoch + 1) * self.state.rows_an_epoch)

    def _to_target(self, epoch: int, members: np.ndarray, *took: float) -> list[Column]:
        """The columns of steps and examples that it took members to the target, infinite of those who missed it."""
        if not self.fleet.target:
            return []
        counts = zip((STEPS_TO_TARGET, EXAMPLES_TO_TARGET), took or (np.inf, np.inf), strict=True)
        step, now = self.state.steps, _now()
        return [Column(name, step, epoch, now, members, np.full(len(members), float(count))) for name, count in counts]

    def _suboptimality(self, epoch: int) -> list[Column]:
        """The column of the members that are to be measured: one by one, since nothing else gives all their bits."""
        members = [int(member) for member in self.roster.members[self.roster.active]]
        gaps = {member: gap for member in members if (gap := self.fleet.members[member].gap)}
        if not gaps:
            return []
        measured = np.array(list(gaps))
        positions = np.searchsorted(self.roster.members, measured)
        weights = self.state_dict(self.state.parameters[self.state.layout.row[positions]].cpu(), {})
        by_member = [{name: value[index] for name, value in weights.items()} for index in range(len(measured))]
        values = np.array([gap(weights) for gap, weights in zip(gaps.values(), by_member, strict=True)])
        return [Column(SUBOPTIMALITY, self.state.steps, epoch, _now(), measured, values)]

    def _evaluate(self, stage: str, rows: Batch) -> tuple[Logged, _Outputs | None]:
        """The means over `rows` of what the module's step of a stage logs, and its outputs, if they are kept."""
        sums: Logged = {}
        outputs: list[Tensor] = []
        for batch in zip(*(torch.split(column, evaluation_rows(rows)) for column in rows), strict=True):
            logged = self.fleet.module.evaluate(f"{stage}_step", self.state.parameters, self.state.kept, batch)
            if OUTPUT in logged:
                outputs.append(logged.pop(OUTPUT))
            sums = {name: sums.get(name, 0) + value * len(batch[0]) for name, value in logged.items()}
        means = {name: value / len(rows[0]) for name, value in sums.items()}
        if not outputs:
            return means, None
        targets = rows[1].expand(len(outputs[0]), -1)
        return means, _Outputs("test" if stage == "test" else "val", torch.cat(outputs, dim=1), targets)

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


def _now() -> int:
    return int(time.time() * 1000)
