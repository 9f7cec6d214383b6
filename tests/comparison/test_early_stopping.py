"""Comparisons of runs that stopped early, whose curves are of unequal length."""

import numpy as np
import pandas as pd
import pytest
from shared.scores import runs

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.errors import ConfigError
from seedsweep.outcomes import STOPPED_EPOCH

LAST = 9  # epoch of the runs that do not stop early


def stopped(ends: tuple[int, ...], **question: object) -> Comparison:
    """SGD and Adam with a seed for each end; their losses fall as steeply to the end, wherever that is."""
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=len(ends))
    rows = []
    for name, seed in zip(table["run"], table["seed"], strict=True):
        rows += [(name, "val/loss", 10 * epoch, epoch, 10.0 - epoch) for epoch in range(ends[seed] + 1)]
        if ends[seed] < LAST:
            rows.append((name, STOPPED_EPOCH, 10 * ends[seed], ends[seed], float(ends[seed])))
    return compare(table, pd.DataFrame(rows, columns=["run", "metric", "step", "epoch", "value"]), **question)


def still_better(comparison: Comparison) -> list[str]:
    return [item.sentence for item in comparison.diagnostics if "still getting better" in item.sentence]


def test_a_mean_curve_keeps_the_last_values_of_runs_that_stopped() -> None:
    bands = stopped((4, 9, 9)).bands
    curve = bands[(bands["option"] == "sgd") & (bands["metric"] == "val/loss")]
    assert curve["n"].tolist() == [3] * 10
    expected = [np.mean([10 - min(epoch, 4), 10 - epoch, 10 - epoch]) for epoch in range(10)]
    np.testing.assert_allclose(curve["mean"], expected)


def test_who_stopped_by_a_rule_is_not_told_to_train_longer() -> None:
    assert still_better(stopped((4, 6, 8))) == []
    assert still_better(stopped((9, 9, 9)))
    assert still_better(stopped((4, 9, 9))), "two of three came to the end of the training"


def test_who_stopped_early_never_reaches_the_target() -> None:
    times = stopped((4, 4, 9, 9), target=2.0).times
    assert times.groupby("option")["reached"].max().tolist() == [0.5, 0.5]


def test_means_over_trainings_of_unequal_length_are_refused() -> None:
    assert stopped((9, 9, 9), select="auc").runs["score"].notna().all()
    with pytest.raises(ConfigError, match="select=auc: is a mean over the training"):
        stopped((4, 9, 9), select="auc")
