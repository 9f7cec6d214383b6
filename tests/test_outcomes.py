"""One number of a training, for a search or a sweeper."""

import math

import numpy as np
import pytest

from seedsweep.errors import ConfigError
from seedsweep.outcomes import Column, FleetResult, Outcome, Point, RunResult, objective, objectives, outcome_of


def points(*values: float, metric: str = "val/loss") -> RunResult:
    steps = (0, 10, 30)
    return RunResult("finished", [Point(metric, s, 0, v) for s, v in zip(steps, values, strict=True)])


def test_objective_selects_from_the_curve() -> None:
    assert objective(points(3, 1, 2), "val/loss", "last") == 2
    assert objective(points(3, 1, 2), "val/loss", "best") == 1
    assert objective(points(3, 1, 2), "val/loss", "auc") == pytest.approx((10 * 2 + 20 * 1.5) / 30)
    assert objective(points(3, 1, 2, metric="val/accuracy"), "val/accuracy", "best") == 3


def test_objective_that_was_not_measured_is_named() -> None:
    with pytest.raises(ConfigError, match="objective.metric=val/accuracy: was never measured"):
        objective(points(1, 1, 1), "val/accuracy", "last")


@pytest.mark.parametrize("outcome", ["diverged", "pruned"])
def test_objective_of_a_run_that_did_not_finish_is_the_worst(outcome: Outcome) -> None:
    result = RunResult(outcome, points(3, 1, 2).points)
    assert objective(result, "val/loss", "best") == math.inf
    assert objective(result, "val/accuracy", "best") == -math.inf


def test_objectives_of_a_fleet_are_those_of_its_members() -> None:
    columns = [
        Column("val/loss", 10, 0, 0, np.array([0, 1]), np.array([3.0, 1.0])),
        Column("val/loss", 20, 1, 0, np.array([0]), np.array([2.0])),
        Column("val/accuracy", 20, 1, 0, np.array([0]), np.array([0.5])),
    ]
    result = FleetResult(["finished", "diverged"], columns)
    assert objectives(result, [("val/loss", "best"), ("val/loss", "best")]) == [2, math.inf]
    assert objectives(result, [("val/accuracy", "last"), ("val/accuracy", "last")]) == [0.5, -math.inf]


def test_a_value_that_is_not_finite_is_of_a_diverged_run() -> None:
    assert [outcome_of(value) for value in (0.5, math.inf, -math.inf, math.nan)] == ["finished", *["diverged"] * 3]
