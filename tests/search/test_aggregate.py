"""The value of a trial over its seeds."""

import math

import numpy as np
import pytest

from seedsweep.errors import ConfigError
from seedsweep.search.aggregate import Aggregate


def test_aggregates_are_those_that_a_hand_gets() -> None:
    runs = [[1.0], [2.0], [6.0]]
    values = {
        name: Aggregate(["minimize"], name, 2.0).value(runs)[0] for name in ("mean", "median", "worst", "mean_sd")
    }
    assert values == pytest.approx({"mean": 3, "median": 2, "worst": 6, "mean_sd": 3 + 2 * math.sqrt(7)})
    assert Aggregate(["maximize"], "worst").value(runs) == [1.0]
    assert Aggregate(["maximize"], "mean_sd").value(runs) == pytest.approx([3 - math.sqrt(7)])


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_diverged_run_is_the_worst_of_a_trial(lost: float) -> None:
    for direction, worst in (("minimize", math.inf), ("maximize", -math.inf)):
        assert Aggregate([direction], "mean").value([[0.5], [lost], [0.4]]) == [worst]
        assert Aggregate([direction], "median").value([[0.5], [lost], [0.4]]) == [
            {"minimize": 0.5, "maximize": 0.4}[direction]
        ]


def test_unknown_aggregate_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.risk=-1"):
        Aggregate(["minimize"], "mean_sd", -1)
