"""The end of a sweep in groups: what MLflow gets of its groups and of the best runs, which the chunk files hold."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from seedsweep.comparison.streamed_means import StreamedMeans
from seedsweep.lifecycle.sweep import Sweep
from seedsweep.metrics import Metric
from seedsweep.outcomes import OUTCOMES
from seedsweep.tracking.groups_record import record_best_runs, record_mean_curves
from seedsweep.tracking.reader import stream_groups
from seedsweep.tracking.sweep_writer import SweepRecord

MOST = 1_000  # groups that MLflow gets, those with the best means


def record_groups_and_best(sweep: Sweep, record: SweepRecord, runs: pd.DataFrame, with_curves: bool) -> None:
    """Write the best groups of a sweep, with their mean curves, and the best run of each, as runs of MLflow's.

    Args:
        sweep: whose jobs have ended.
        record: its record.
        runs: a row a run: its `job`, `group`, `outcome`, and what the runs are judged by.
        with_curves: whether the groups are written here; a comparison writes them otherwise.
    """
    metric = sweep.first["objective"]["metric"]
    groups = best_groups(runs, metric)[:MOST]
    record_best_runs(record, groups["best"].dropna().to_numpy(dtype=np.int64))
    if with_curves:
        bands = mean_curves_of(groups["group"], stream_groups(record.run_id, record.uri))
        record_mean_curves(record, sweep.plan, groups, bands)


def best_groups(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The groups of a sweep, the best mean first.

    Args:
        runs: a row a run: its `job`, `group`, `outcome`, and the metric, if it was measured at all.
        metric: that they are judged by.

    Returns:
        A row a group: `group`, `planned`, the number of runs with each outcome, and the job of its `best` run.
    """
    values = runs[metric] if metric in runs else pd.Series(np.nan, runs.index)
    loss = pd.Series(Metric(metric).as_loss(values), runs.index).where(runs["outcome"] == "finished")
    counts = pd.crosstab(runs["group"], runs["outcome"]).reindex(columns=list(OUTCOMES), fill_value=0)
    table = counts.assign(planned=counts.sum(axis=1), mean=loss.groupby(runs["group"]).mean())
    ranked = runs.assign(loss=loss).dropna(subset="loss").sort_values(["loss", "job"]).drop_duplicates("group")
    table["best"] = ranked.set_index("group")["job"]
    return table.sort_values("mean", kind="stable").rename_axis(index="group", columns=None).reset_index()


def mean_curves_of(groups: pd.Series, parts: Iterable[tuple[pd.DataFrame, np.ndarray]]) -> pd.DataFrame:
    """The mean curves of groups.

    Args:
        groups: their names.
        parts: curves, with the name of the group (n,) of each point.

    Returns:
        A row a group (its name, `group`), metric and step, see `StreamedMeans.table`.
    """
    names = pd.Index(groups)
    means = StreamedMeans(len(names))
    for curves, of_point in parts:
        means.add(curves, names.get_indexer(of_point))
    table = means.table()
    return table.assign(group=names.to_numpy()[table["group"].to_numpy(dtype=np.int64)])
