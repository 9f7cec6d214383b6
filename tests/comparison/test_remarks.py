"""What the two questions say together."""

import numpy as np
from shared.scores import runs

from seedsweep.comparison.compare import compare


def test_gaps_do_not_vanish_where_runs_did_not_finish() -> None:
    levels = {("sgd", 0.1): 1.0, ("sgd", 1.0): 2.0, ("adam", 0.1): 0.5, ("adam", 1.0): 0.9}
    table = runs(levels)
    table.loc[table["optimizer"] == "sgd", ["outcome", "val/loss"]] = "diverged", np.nan
    assert compare(table).remarks == []
