"""What is plotted over steps, or over the number of settings tried."""

import math
from typing import NamedTuple

import pandas as pd

from seedsweep.metrics import TO_TARGET
from seedsweep.outcomes import STOPPED_EPOCH, SUBOPTIMALITY
from seedsweep.report.figures.panel import Panel

BANDS = 20_000  # points of mean curves in one figure
LINES = 15_000  # points of single runs' curves in one figure


class MeanCurves(NamedTuple):
    """Mean curves with their intervals, and the curves of single runs; `metric` in both is an index into `metrics`.

    `note` says in sentences which of them are left out.
    """

    metrics: list[str]
    means: pd.DataFrame
    seeds: pd.DataFrame
    note: str


def mean_curves(panel: Panel) -> MeanCurves | None:
    """Every metric that has a curve, the one in question first; None without curves."""
    bands = panel.comparison.bands
    if bands.empty:
        return None
    lengths = bands[bands["problem"] == panel.problem].groupby("metric", sort=False)["step"].nunique()
    points = panel.comparison.curves
    varying = set(points.loc[points.duplicated(["run", "metric"]), "metric"].unique()) - {panel.metric, SUBOPTIMALITY}
    names = [str(name) for name in lengths.index[lengths > 1] if name in varying]
    is_curve = panel.metric in lengths and not panel.metric.endswith(TO_TARGET)
    return _mean_curves(panel, [panel.metric, *names] if is_curve else names)


def suboptimality_curves(panel: Panel) -> MeanCurves | None:
    """The distance from the optimum; None where that is the metric in question, or was not measured."""
    if panel.comparison.bands.empty or panel.metric == SUBOPTIMALITY:
        return None
    return _mean_curves(panel, [SUBOPTIMALITY])


def _mean_curves(panel: Panel, metrics: list[str]) -> MeanCurves | None:
    bands = panel.comparison.bands
    means, note = panel.of(bands[bands["metric"].isin(metrics)]), ""
    if means.empty:
        return None
    if len(means) > BANDS:
        means = means[means["best"] == 1]
        note = f" Only the best setting of each {panel.by} is drawn, of {len(panel.settings)}."
    if (bands["metric"] == STOPPED_EPOCH).any():
        note += " Runs that stopped early stay at their last values."
    seeds, seeds_note = _seed_curves(panel, metrics)
    return MeanCurves(metrics, _columns(means, metrics, ["mean", "low", "high", "n"]), seeds, note + seeds_note)


def _seed_curves(panel: Panel, metrics: list[str]) -> tuple[pd.DataFrame, str]:
    """All points of as many single runs as there is room for, and a sentence that says of which."""
    runs = panel.comparison.runs.loc[panel.comparison.runs["problem"] == panel.problem, ["run", "problem", "group"]]
    curves = panel.comparison.curves
    curves = panel.of(curves[curves["metric"].isin(metrics)].merge(runs, on="run"))
    if curves.empty:
        return curves, ""
    of_first, draws = curves["metric"] == metrics[0], "“Every seed” draws {} runs"
    best = f"{draws}, those at the best setting of each {panel.by}, of {metrics[0]} only."
    choices = [
        (curves, f"{draws}."),
        (curves[of_first], f"{draws}, of {metrics[0]} only."),
        (curves[of_first & (curves["best"] == 1)], best),
    ]
    total = curves["run"].nunique()
    for plotted, sentence in choices:
        if 0 < len(plotted) <= LINES:
            plotted = plotted.assign(line=pd.factorize(plotted["run"])[0])
            count = plotted["run"].nunique()
            which = f"{count:,} of {total:,}" if count < total else f"all {total:,}"
            return _columns(plotted, metrics, ["value", "line"]), " " + sentence.format(which)
    points = len(choices[-1][0])
    return curves.iloc[:0], f" Single runs are not drawn: their {points:,} points are too many for this page."


def _columns(curves: pd.DataFrame, metrics: list[str], values: list[str]) -> pd.DataFrame:
    indices = {name: index for index, name in enumerate(metrics)}
    curves = curves.assign(metric=curves["metric"].map(indices), epoch=curves["step"] / curves["per_epoch"])
    return curves[["option", "position", "best", "metric", "step", "epoch", *values]]


class ReachedTarget(NamedTuple):
    """The share of the seeds that have reached the target by each step (Kaplan–Meier), with its interval."""

    table: pd.DataFrame
    target: float


def reached_target(panel: Panel) -> ReachedTarget | None:
    """From the first step to a little beyond the last of the problem; None where nothing has a target."""
    times = panel.of(panel.comparison.times)
    if times.empty:
        return None
    start = times.drop_duplicates("group").assign(step=0, reached=0.0, low=0.0, high=0.0)
    last = math.ceil(1.04 * times["step"].max())  # beyond the end, where the last share is seen
    end = times.sort_values("step").drop_duplicates("group", keep="last").assign(step=last)
    steps = pd.concat([start, times, end]).drop_duplicates(["group", "step"], keep="last")
    steps = steps.sort_values(["group", "step"], kind="stable")
    steps = steps.assign(step=steps["step"].astype(int), epoch=steps["step"] / steps["per_epoch"])
    table = steps[["option", "position", "best", "step", "epoch", "reached", "low", "high"]]
    return ReachedTarget(table, float(times["target"].iloc[0]))


class Tunability(NamedTuple):
    """What to expect of each option after so many settings, its `budget`, were tried at random; `budgets` are all."""

    table: pd.DataFrame
    budgets: list[int]


def tunability(panel: Panel) -> Tunability | None:
    """None where there is only one budget."""
    tried = panel.comparison.tunability
    if tried.empty:
        return None
    table = tried[tried["problem"] == panel.problem].drop(columns="problem")
    budgets = sorted({int(budget) for budget in table["budget"]})
    return Tunability(table, budgets) if len(budgets) > 1 else None
