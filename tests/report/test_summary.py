"""The groups of a sweep in strings."""

import numpy as np
import pandas as pd

from seedsweep.report.summary import count_outcomes, counted, summarize

RUNS = pd.DataFrame(
    {
        "group": ["sgd", "sgd", "adam", "adam"],
        "outcome": ["finished", "finished", "finished", "diverged"],
        "val/loss": [0.5, 0.7, 0.1, np.nan],
    }
)


def test_outcomes_are_counted_in_one_order() -> None:
    assert count_outcomes(RUNS) == {"finished": 3, "diverged": 1, "pruned": 0, "failed": 0, "missing": 0}
    assert counted(RUNS) == "3 finished, 1 diverged"


def test_complete_groups_come_before_better_ones_that_lost_runs() -> None:
    summary = summarize(RUNS, "val/loss")
    assert summary.to_dict("list") == {
        "group": ["sgd", "adam"],
        "finished": ["2 of 2", "1 of 2"],
        "diverged": ["0", "1"],
        "val/loss": ["0.6000 ± 0.1414", "0.1000"],
    }


def test_group_without_any_value_has_a_dash() -> None:
    runs = RUNS.assign(**{"val/loss": [np.nan, np.nan, 0.1, np.nan]})
    assert summarize(runs, "val/loss").set_index("group").loc["sgd", "val/loss"] == "–"
