"""The fleet: many runs trained as one vectorised program, each with the curves that it would have alone."""

import time
from collections.abc import Callable, Collection, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from seedsweep.engine.fleet.measures import Measures, Outputs
from seedsweep.engine.fleet.members import Fleet
from seedsweep.engine.fleet.roster import Roster
from seedsweep.engine.fleet.state import TrainingState
from seedsweep.engine.fleet.step import OUTPUT, Batch, Logged
from seedsweep.engine.one_thread import one_thread
from seedsweep.outcomes import Column, FleetResult
from seedsweep.problem.splits import evaluation_rows

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
        weights = training.state.state_dict(*training.state.weights())
        return FleetResult(training.roster.outcomes, columns, weights)


class _Training:
    """A fleet being trained: who trains, what training changes, and what measures it."""

    def __init__(self, fleet: Fleet):
        self.fleet = fleet
        self.train, self.val, self.test = map(self._put, (fleet.splits.train, fleet.splits.val, fleet.splits.test))
        self.roster = Roster([len(member.rates) for member in fleet.members])
        self.state = TrainingState(fleet, len(self.train[0]))
        self.measures = Measures(fleet, self.state, self.roster)
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
        columns = [*self._steps(epoch), *self.measures.norms(epoch), *self.measures.suboptimality(epoch)]
        columns += [*self.measures.reached(epoch, columns), *self.measures.stopped(epoch, columns)]
        self.roster.end_epoch()
        columns += self.measures.missed_target(epoch)
        if self.roster.active.any():
            columns += self.measures.measured(epoch, *self._evaluate("test", self.test))
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
                outputs.append(self.state.layout.by_position(logged.pop(OUTPUT), batch[1]))
            sums = {name: sums.get(name, 0) + value * batch[0].shape[1] for name, value in logged.items()}
            losses.append(loss)
            if len(losses) == LOSSES:
                yield from self.measures.losses(epoch, losses)
                losses = []
        yield from self.measures.losses(epoch, losses)
        yield from self.measures.measured(epoch, *self._evaluate("validation", self.val))
        slot = self.state.layout.slot[self.state.layout.rows]
        means = {name: value.flatten()[slot] / self.state.rows_an_epoch for name, value in sums.items()}
        of_epoch = [torch.cat(parts, dim=1) for parts in zip(*outputs, strict=True)]
        yield from self.measures.measured(epoch, means, Outputs("train", *of_epoch) if of_epoch else None)

    def _evaluate(self, stage: str, rows: Batch) -> tuple[Logged, Outputs | None]:
        """The means over `rows` of what the module's step of a stage logs, and its outputs, if they are kept.

        Of the members alone: that of the rows which only fill would take as long.
        """
        sums: Logged = {}
        outputs: list[Tensor] = []
        vectors, kept = self.state.of_members()
        for batch in zip(*(torch.split(column, evaluation_rows(rows)) for column in rows), strict=True):
            logged = self.fleet.module.evaluate(f"{stage}_step", vectors, kept, batch)
            if OUTPUT in logged:
                outputs.append(logged.pop(OUTPUT))
            sums = {name: sums.get(name, 0) + value * len(batch[0]) for name, value in logged.items()}
        means = {name: value / len(rows[0]) for name, value in sums.items()}
        if not outputs:
            return means, None
        targets = rows[1].expand(len(outputs[0]), -1)
        return means, Outputs("test" if stage == "test" else "val", torch.cat(outputs, dim=1), targets)
