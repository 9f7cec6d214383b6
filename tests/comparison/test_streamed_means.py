"""Mean curves of runs that come in parts are those of all of them at once."""

import numpy as np
import pandas as pd
import pytest

from seedsweep.comparison.mean_curves import mean_curves
from seedsweep.comparison.streamed_means import StreamedMeans
from seedsweep.outcomes import STOPPED_EPOCH

GROUPS = ["a", "b", "c"]
COLUMNS = ["group", "metric", "step", "epoch", "mean", "low", "high", "n"]


def curves_of(runs: int, stopping: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Curves of runs of three groups, and the group of each run; every third stops at another step."""
    random, rows = np.random.default_rng(0), []
    for run in range(runs):
        last = 1 + run % 4 if stopping and run % 3 == 0 else 5
        for epoch in range(last):
            rows += [(f"r{run}", metric, 10 * (epoch + 1), epoch, random.normal()) for metric in ("val/loss", "x")]
        if last < 5:
            rows.append((f"r{run}", STOPPED_EPOCH, 10 * last, last - 1, float(last - 1)))
    curves = pd.DataFrame(rows, columns=["run", "metric", "step", "epoch", "value"])
    curves.loc[[3, 8], "value"] = [np.nan, np.inf]
    scored = pd.DataFrame({"run": [f"r{run}" for run in range(runs)], "problem": "", "setting": ""})
    scored["group"] = scored["option"] = [GROUPS[run % 3 if run < 5 else run % 2] for run in range(runs)]
    return curves, scored


@pytest.mark.parametrize("stopping", [False, True])
@pytest.mark.parametrize("parts", [1, 4])
def test_means_of_parts_are_those_of_all_at_once(parts: int, stopping: bool) -> None:
    curves, scored = curves_of(14, stopping)
    means, group_of = StreamedMeans(3), dict(zip(scored["run"], scored["group"], strict=True))
    for runs in np.array_split(scored["run"].to_numpy(dtype=object), parts):
        part = curves[curves["run"].isin(runs)]
        means.add(part, pd.Index(GROUPS).get_indexer(part["run"].map(group_of)))
    table = means.table()
    table["group"] = [GROUPS[index] for index in table["group"]]
    expected = mean_curves(curves, scored)[COLUMNS].sort_values(COLUMNS[:3], ignore_index=True)
    pd.testing.assert_frame_equal(table, expected, check_dtype=False, rtol=1e-12)


def test_points_of_no_group_do_not_count() -> None:
    curves, _ = curves_of(4, False)
    means = StreamedMeans(1)
    means.add(curves, np.full(len(curves), -1))
    assert means.table().empty
    assert StreamedMeans(1).table().columns.tolist() == COLUMNS
