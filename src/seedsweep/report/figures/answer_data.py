"""What is plotted of the answer: each option at its best, and which option leads at which learning rate."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.metrics import Metric
from seedsweep.report.figures.group_data import by_rate
from seedsweep.report.figures.panel import Panel

COLUMNS = 30  # of the map; neighbouring settings share one where there are more
NOT_LEADING, AHEAD, WINS = range(3)
FINE = 1e-3  # of the largest distance: what can be seen where the means have no intervals


class AtBest(NamedTuple):
    """The options, the best first, each at its best setting or at the only one.

    Args:
        table: `option`, `setting`, its `mean` with `low` and `high`, `leads` (1 if it is `leading`), and a `label`.
        metric: that the means are of.
        leading: which options have `leads`, in words.
        is_chosen: whether the setting is the best of several.
    """

    table: pd.DataFrame
    metric: Metric
    leading: str
    is_chosen: bool


def at_best(panel: Panel) -> AtBest | None:
    """None where nothing was compared, or nothing but diverged."""
    best, same = (
        [pairwise for pairwise in pairwise_comparisons if pairwise.problem == panel.problem]
        for pairwise_comparisons in (panel.comparison.best, panel.comparison.same)
    )
    pairwise = next(iter(best or same), None)
    if pairwise is None or pairwise.table["mean"].isna().all():
        return None
    table = pairwise.table.rename(columns={"mean_low": "low", "mean_high": "high"})
    table = table if best else table.assign(setting=pairwise.name)
    leading, words = _leading(pairwise)
    notes = [
        f"{diverged} of {planned} {pairwise.metric.lost}" if diverged else "wins" * (option == pairwise.winner)
        for option, diverged, planned in zip(table["option"], table["diverged"], table["planned"], strict=True)
    ]
    settings = table["setting"] if best else [""] * len(table)
    table["label"] = [" at ".join(filter(None, parts)) for parts in zip(notes, settings, strict=True)]
    table["leads"] = table["option"].isin(leading).astype(int)
    columns = ["option", "setting", "mean", "low", "high", "leads", "label", "finished", "planned"]
    return AtBest(table[columns], pairwise.metric, words, bool(best))


def _leading(pairwise: PairwiseComparison) -> tuple[list[str], str]:
    """Which options stand out, and why."""
    if pairwise.baseline is not None:
        better = pairwise.pairs.loc[pairwise.pairs["apart"] & (pairwise.pairs["worse"] == pairwise.baseline), "better"]
        return list(better), f"better than {pairwise.baseline}"
    return pairwise.leaders, "the winner" if pairwise.winner else "those that may be the best"


class LeaderMap(NamedTuple):
    """Who leads where: a cell for each option and column.

    Args:
        table: `option`, index of its `column`, `setting`, `mean`, `behind` (its distance to the best mean of the
            column; nan where runs were lost, or no other option is there), `leads`, `best` (1 for the best column of
            the option) and `lost` (1 if runs diverged or were pruned).
        columns: what each column is: a learning rate or a setting, or several.
        rate: the name of the learning rate; None where columns are settings.
        together: how many settings of an option share a column at most; the cell is that of the best.
        noise: half the width of a mean's interval, of a quarter of the cells at most, in units of the metric.
    """

    table: pd.DataFrame
    columns: list[str]
    rate: str | None
    together: int
    noise: float


def leader_map(panel: Panel) -> LeaderMap | None:
    """None where there is one setting only, or no two options share any."""
    plotted = by_rate(panel)
    if plotted is None:
        return None
    values = sorted(set(plotted.table["x"])) if plotted.rate else list(dict.fromkeys(plotted.table["x"]))
    width = -(-len(values) // COLUMNS)
    columns = [_column(values[start : start + width]) for start in range(0, len(values), width)]
    table = plotted.table[plotted.table["finished"] + plotted.table["diverged"] > 0]
    loss, lost = panel.metric.as_loss(table["mean"]), table["diverged"] + table["pruned"] > 0
    table = table.assign(column=table["x"].map(values.index) // width, loss=loss, lost=lost.astype(int))
    first = table.sort_values(["lost", "loss"], kind="stable").drop_duplicates(["option", "column"])
    cells = table.loc[table.index.isin(first.index)].copy()
    clean = cells["loss"].where(cells["lost"] == 0)
    shared = cells.groupby("column")["option"].transform("size") > 1
    cells["behind"] = (clean - clean.groupby(cells["column"]).transform("min")).where(shared)
    if cells["behind"].isna().all():
        return None
    chosen = table[table["group"].isin(panel.groups.loc[panel.groups["best"] == 1, "group"])]
    best_columns = set(zip(chosen["option"], chosen["column"], strict=True))
    cells["best"] = [int(cell in best_columns) for cell in zip(cells["option"], cells["column"], strict=True)]
    together = int(table.groupby(["option", "column"]).size().max())
    cells["leads"] = _leaders(cells, panel) if together == 1 else (cells["behind"] == 0) * AHEAD
    half = float(((cells["mean_high"] - cells["mean_low"]) / 2).quantile(0.25))
    noise = half if half > 0 else FINE * float(cells["behind"].max()) or 1.0
    names = ["option", "column", "setting", "mean", "behind", "leads", "best", "lost", "finished", "planned"]
    return LeaderMap(cells[names], columns, plotted.rate, together, noise)


def _leaders(cells: pd.DataFrame, panel: Panel) -> pd.Series:
    """The best mean of each column is ahead; it wins if it does so among the same options at one setting."""
    winners = {
        pairwise.name: pairwise.winner for pairwise in panel.comparison.same if pairwise.problem == panel.problem
    }
    alike = cells.groupby("column")["setting"].transform("nunique") == 1
    wins = alike & (cells["setting"].map(winners) == cells["option"])
    return pd.Series(np.select([wins, cells["behind"] == 0], [WINS, AHEAD], NOT_LEADING), index=cells.index)


def _column(values: list[float] | list[str]) -> str:
    names = [f"{value:.2g}" if isinstance(value, float) else str(value) for value in (values[0], values[-1])]
    return " to ".join(dict.fromkeys(names))
