"""What is plotted of groups."""

import numpy as np
import pandas as pd
from shared.reports import spec, swept

from seedsweep.comparison.compare import compare
from seedsweep.report.figures.comparison_figures import comparison_figures
from seedsweep.report.figures.group_data import by_rate
from seedsweep.report.figures.panel import panels


def test_learning_rates_are_of_the_best_of_the_other_params_at_each() -> None:
    """Among initializers that differ from each other, a line an option, and an index for each of them."""
    runs = swept(options=("sgd", "adam"), diverged=False)[0].drop(columns="run")
    wide = pd.concat([runs.assign(**{"model.init": "zeros"}), runs.assign(**{"model.init": "ones"})], ignore_index=True)
    wide.loc[wide["model.init"] == "ones", "val/loss"] += np.where(wide["optimizer.lr"] > 0.05, 1, -1)[len(runs) :]
    comparison = compare(wide)
    (panel,) = panels(comparison)
    plotted = by_rate(panel)
    assert plotted is not None
    assert (plotted.rate, plotted.rests) == ("optimizer.lr", ["init=ones", "init=zeros"])
    top = plotted.table[plotted.table["top"] == 1].sort_values(["option", "x"])
    assert top["x"].tolist() == [0.01, 0.1, 1] * 2
    assert top["rest"].tolist() == [0, 1, 1] * 2
    chart = spec(comparison_figures(comparison)["learning_rates"])
    assert "at each rate the one with the best mean" in chart["description"]
    assert "the best of the other params at each rate" in chart["usermeta"]["title"]
