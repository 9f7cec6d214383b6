"""What a training gives: its outcome, its curves and its weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric

if TYPE_CHECKING:  # who only reads does not wait for torch
    from torch import Tensor

Outcome = Literal["finished", "diverged", "pruned"]  # of a training that came to its end, or was ended by a search
OUTCOMES = ("finished", "diverged", "pruned", "failed", "missing")  # of a planned run
# the columns of the table of runs that are no params and no metrics
RUN_COLUMNS = ("run", "name", "group", "sweep", "job", "outcome", "status", "started", "seconds", "fingerprint")
SELECT = ("last", "best", "auc")  # what is taken of a curve, see `objective`
LOSS_STEP = "train/loss_step"  # the loss of single minibatches
STOPPED_EPOCH = "train/stopped_epoch"  # the last epoch (from 0) of a run that stopped early, its only point
# What it took until `trainer.target` was reached, a run's only point of each: optimizer steps, rows seen in training,
# and the seconds of a run that trains alone; infinite where the training came to its end without.
STEPS_TO_TARGET, EXAMPLES_TO_TARGET, SECONDS_TO_TARGET = "steps_to_target", "examples_to_target", "seconds_to_target"
TO_TARGET = (STEPS_TO_TARGET, EXAMPLES_TO_TARGET, SECONDS_TO_TARGET)
GRADIENT_NORM = "train/gradient_norm"  # L2, of the gradient of all parameters: the mean over the epoch's steps
WEIGHT_NORM = "train/weight_norm"  # L2, of all parameters, at the end of the epoch
SUBOPTIMALITY = "train/suboptimality"  # how far the loss on all training rows is above its minimum


class Point(NamedTuple):
    """One value of one curve: `step` counts optimizer steps, `epoch` (from 0) is the one that they were taken in."""

    metric: str
    step: int
    epoch: int
    value: float


@dataclass
class RunResult:
    """One training of one configuration; `weights` is the state dict of the network, on the CPU."""

    outcome: Outcome
    points: list[Point] = field(default_factory=list)
    weights: dict[str, "Tensor"] = field(default_factory=dict)


class Column(NamedTuple):
    """One metric, measured at once in many members of a fleet: `values` (n,) float64 of the `members` (n,) int64.

    `members` are their indices in the fleet, ascending; `time` is in milliseconds since 1970.
    """

    metric: str
    step: int
    epoch: int
    time: int
    members: np.ndarray
    values: np.ndarray


@dataclass
class FleetResult:
    """The trainings of a fleet: an outcome for each member, the columns as they were measured, stacked weights.

    `weights` is the state dict of the network on the CPU, each tensor with the members as its first dimension.
    """

    outcomes: list[Outcome]
    columns: list[Column] = field(default_factory=list)
    weights: dict[str, "Tensor"] = field(default_factory=dict)

    def points(self, member: int) -> list[Point]:
        """The points of one member, as a run that was trained alone has them.

        Args:
            member: its index in the fleet.

        Returns:
            In the order in which they were measured.
        """
        return [
            Point(metric, step, epoch, float(value))
            for metric, step, epoch, _, members, values in self.columns
            for value in values[members == member]
        ]


def objectives(result: FleetResult, chosen: Sequence[tuple[str, str]]) -> list[float]:
    """The objective of each member of a fleet.

    Args:
        result: of the fleet.
        chosen: metric and selection of each member, as `objective` takes them.

    Returns:
        A number for each member.
    """
    runs = {metric: [RunResult(outcome) for outcome in result.outcomes] for metric, _ in set(chosen)}
    for metric, step, epoch, _, members, values in result.columns:
        if metric in runs:
            for member, value in zip(members.tolist(), values.tolist(), strict=True):
                runs[metric][member].points.append(Point(metric, step, epoch, value))
    return [objective(runs[metric][member], metric, select) for member, (metric, select) in enumerate(chosen)]


def objective(result: RunResult, metric: str, select: str) -> float:
    """One number of a run's curve, for a search or a sweeper.

    Args:
        result: of the training.
        metric: whose curve is taken.
        select: `last` or `best` of its values, or `auc`: the area under the curve by the trapezoidal rule, divided by
            its length in steps, a mean over the training.

    Returns:
        The number in the units of the metric; the worst, an infinity, for a run that did not finish: it must not win a
        search, whatever its curve was up to there.

    Raises:
        ConfigError: the metric was never measured.
    """
    measured = Metric(metric)
    if result.outcome != "finished":
        return measured.worst
    curve = [point for point in result.points if point.metric == metric]
    values = [point.value for point in curve]
    if not values:
        raise ConfigError("objective.metric", metric, "was never measured in this training")
    if select == "best":
        return max(values) if measured.is_maximized else min(values)
    if select == "auc" and len(curve) > 1:
        area = np.trapezoid(values, [point.step for point in curve])
        return float(area) / (curve[-1].step - curve[0].step)
    return values[-1]


def outcome_of(value: float) -> Outcome:
    """The outcome that an objective tells, where nothing else is known of the run.

    Args:
        value: what the run returned.

    Returns:
        `finished` for a finite value, else `diverged`.
    """
    return "finished" if math.isfinite(value) else "diverged"
