"""Runs that share a seed, while another seed or a fold was swept against it: one row for their mean."""

import pandas as pd

from seedsweep.outcomes import OUTCOMES
from seedsweep.sources.recorded_runs import CURVES


def averaged_runs(
    runs: pd.DataFrame, curves: pd.DataFrame, names: list[str], metrics: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Average the runs that differ in none of these columns.

    Args:
        runs: a row a run: `run`, `outcome`, and these columns.
        curves: tidy, of these runs.
        names: the columns of what stays: options, settings, data sets and one seed.
        metrics: the columns that are averaged.

    Returns:
        A row for each mean, whose outcome is the worst of its runs, and the mean curves; no curves where the runs that
        are averaged were not measured at the same steps.
    """
    groups = runs.groupby(names, dropna=False, sort=False)
    number = groups.ngroup()
    table = groups[metrics].mean().reset_index()
    table["outcome"] = groups["outcome"].agg(lambda outcomes: max(outcomes, key=OUTCOMES.index)).to_numpy()
    table.insert(0, "run", "mean " + pd.Series(range(len(table))).astype(str))
    mean_of_run = dict(zip(runs["run"], "mean " + number.astype(str), strict=True))
    curves = curves.assign(run=curves["run"].map(mean_of_run)).dropna(subset="run")
    points = curves.groupby(["run", "metric", "step"], sort=False)
    sizes = points.size().groupby(["run", "metric"]).nunique()
    if (sizes > 1).any():
        return table, pd.DataFrame(columns=CURVES)
    mean = points.agg(epoch=("epoch", "first"), value=("value", "mean")).reset_index()
    return table, mean[CURVES]
