"""The figures that are lines over steps, tried settings or ratios."""

from typing import Any

import altair as alt
import numpy as np

from seedsweep.outcomes import SUBOPTIMALITY
from seedsweep.report.figures import curve_data
from seedsweep.report.figures.controls import band_switch, legend, menu, setting_menu, switch
from seedsweep.report.figures.curve_data import MeanCurves, Tunability
from seedsweep.report.figures.encodings import FINE, PERCENT, ValueAxis, color, dash, data, script, steps, tips
from seedsweep.report.figures.layers import Chart, Layer, filtered, hovered, layered, named
from seedsweep.report.figures.panel import Panel

BOUNDED = "isValid(datum.low) && isValid(datum.high)"
DETAIL = ["option:N", "position:N"]  # a line for each group


def curves(panel: Panel) -> Chart | None:
    """Every metric that has a curve, the one in question first."""
    plotted = curve_data.mean_curves(panel)
    return plotted and _mean_curves(panel, plotted)


def suboptimality(panel: Panel) -> Chart | None:
    """The distance from the optimum, where that is not the metric in question."""
    plotted = curve_data.suboptimality_curves(panel)
    return plotted and _mean_curves(panel, plotted)


def _mean_curves(panel: Panel, plotted: MeanCurves) -> Chart:
    first, *more_metrics = plotted.metrics
    means = plotted.means.loc[plotted.means["metric"] == 0, "mean"]
    value, chosen = ValueAxis(means, "y", log=True if first == SUBOPTIMALITY else None), legend()
    marks = _bands(panel, plotted, value, chosen)
    menus = setting_menu(panel, with_all=True)
    params, filters = [*menus.params], [chosen, *menus.filters]
    title: Any = first
    if len(plotted.seeds):
        lines = alt.Chart(data(plotted.seeds)).mark_line(strokeWidth=0.6, opacity=0.45).transform_filter("seeds")
        marks.insert(0, lines.encode(steps(), value.of("value"), color(panel), detail=["line:N", "metric:N"]))
        params.append(switch("seeds", "every seed"))
    if more_metrics:
        title = alt.TitleParams(alt.expr(f"{script(plotted.metrics)}[metric]"))
        params.insert(0, menu("metric", "metric", range(len(plotted.metrics)), plotted.metrics))
        filters.append("datum.metric == metric")
    caption = f"The mean over the seeds; the band is the {panel.confidence} interval of the mean.{plotted.note}"
    chart = layered(marks, caption, filters=filters, params=params, value=value, epochs=True, title=title)
    chart.usermeta |= {"title": f"{first} by step"}
    return chart


def _bands(panel: Panel, plotted: MeanCurves, value: ValueAxis, chosen: Any) -> list[Layer]:
    """The mean curves, their bands, and their points under the pointer."""
    base, colored = named(panel, alt.Chart(data(plotted.means))), color(panel)
    y = value.of("mean")
    band = base.mark_area(opacity=0.18).encode(steps(), value.of("low"), alt.Y2("high"), colored, detail=DETAIL)
    line = base.mark_line(strokeWidth=2).encode(steps(), y, colored, *dash(panel), detail=DETAIL).add_params(chosen)
    tip = tips("option", "setting", mean=FINE, low=FINE, high=FINE, n="d", step=",d", epoch=".3~g")
    return [band, line, hovered(base.mark_point(filled=True, size=60).encode(steps(), y, colored), tip)]


def time_to_target(panel: Panel) -> Chart | None:
    """The share of the seeds that have reached the target, by step."""
    plotted = curve_data.reached_target(panel)
    if plotted is None:
        return None
    base, chosen, colored = named(panel, alt.Chart(data(plotted.table))), legend(), color(panel)
    y = alt.Y("reached:Q", title=None, axis=PERCENT, scale=alt.Scale(domain=[0, 1]))
    bands, menus = band_switch(panel), setting_menu(panel, with_all=True)
    band = filtered(base.mark_area(opacity=0.15, interpolate="step-after", clip=True), bands.filters)
    line = base.mark_line(strokeWidth=2, interpolate="step-after")
    line = line.encode(steps(), y, colored, *dash(panel), detail=DETAIL)
    tip = tips("option", "setting", reached=".0%", low=".0%", high=".0%", step=",d", epoch=".3~g")
    points = base.mark_point(filled=True, size=60).encode(steps(), y, colored)
    marks = [
        band.encode(steps(), alt.Y("low:Q", title=None), alt.Y2("high"), colored, detail=DETAIL),
        line.add_params(chosen),
        hovered(points, tip),
    ]
    goal = f"{panel.metric} {'≥' if panel.metric.is_maximized else '≤'} {plotted.target:.4g}"
    interval = bands.note or f" The band is its {panel.confidence} interval."
    caption = f"The share of the seeds that have reached {goal} (Kaplan–Meier).{interval}"
    params, filters = [*menus.params, *bands.params], [chosen, *menus.filters]
    title = f"seeds with {goal}"
    chart = layered(marks, caption, filters=filters, params=params, epochs=True, height=280, title=title)
    chart.usermeta |= {"title": f"{goal} reached"}
    return chart


def tunability(panel: Panel) -> Chart | None:
    """The best value to expect, by the number of settings tried."""
    plotted = curve_data.tunability(panel)
    if plotted is None:
        return None
    value, chosen = ValueAxis(plotted.table["expected"], "y"), legend()
    base, x, colored = alt.Chart(data(plotted.table)), _tried(plotted), color(panel)
    low, y = value.of("low"), value.of("expected")
    bands = band_switch(panel)
    band = filtered(base.mark_area(opacity=0.1), [BOUNDED, *bands.filters])
    line = base.mark_line(strokeWidth=2).encode(x, y, colored, *dash(panel)).add_params(chosen)
    tip = tips("option", expected=FINE, low=FINE, high=FINE, budget="d")
    points = hovered(base.mark_point(filled=True, size=60).encode(x, y, colored), tip)
    marks = [band.encode(x, low, alt.Y2("high"), colored), line, points]
    caption = "The best value to expect after trying so many settings at random, each with one seed."
    caption += bands.note or " The band holds the central 95 % of such searches."
    if not np.isfinite(plotted.table[["low", "high"]]).all(axis=None):
        caption += " There is no band where runs that diverged leave it without an end."
    title = f"best {panel.metric} to expect"
    return layered(marks, caption, filters=[chosen], params=bands.params, value=value, height=280, title=title)


def best_at_budget(panel: Panel) -> Chart | None:
    """How likely each option is the best, by the number of settings tried."""
    plotted = curve_data.tunability(panel)
    if plotted is None or plotted.table["option"].nunique() < 2:
        return None
    base, chosen = alt.Chart(data(plotted.table.dropna(subset="best"))), legend()
    x, colored = _tried(plotted), color(panel)
    y = alt.Y("best:Q", title=None, axis=PERCENT, scale=alt.Scale(domainMin=0))
    line = base.mark_line(strokeWidth=2).encode(x, y, colored, *dash(panel)).add_params(chosen)
    tip = tips("option", best=".1%", budget="d")
    points = hovered(base.mark_point(filled=True, size=60).encode(x, y, colored), tip)
    caption = "How likely each is the best of all when so many settings of each are tried."
    title = f"probability to be the best by {panel.metric}"
    return layered([line, points], caption, filters=[chosen], height=240, title=title)


def _tried(plotted: Tunability) -> alt.X:
    axis = alt.Axis(values=plotted.budgets[:: 1 + len(plotted.budgets) // 15], format="d")
    return alt.X("budget:Q", title="settings tried", axis=axis, scale=alt.Scale(nice=False))


def profile(panel: Panel) -> Chart | None:
    """The share of the data sets that each option solves, by how much longer than the fastest it may take."""
    table = panel.comparison.profile
    if table.empty:
        return None
    base, chosen = alt.Chart(data(table)), legend()
    x = alt.X("ratio:Q", title="times the steps of the fastest", scale=alt.Scale(type="log", nice=False))
    y = alt.Y("fraction:Q", title=None, axis=PERCENT, scale=alt.Scale(domain=[0, 1]))
    line = base.mark_line(strokeWidth=2, interpolate="step-after").encode(x, y, color(panel), *dash(panel))
    line = line.encode(tooltip=tips("option", ratio=".3~g", fraction=".0%")).add_params(chosen)
    caption = "The share of the data sets that each solves within so many times the steps of the fastest one there."
    return layered([line], caption, filters=[chosen], height=280, title=f"data sets solved, by {panel.metric}")
