"""The figures of a search, as Altair charts: its trials, what they depend on, and the best of them on fresh seeds."""

import re
from typing import Any

import altair as alt
import pandas as pd

from seedsweep.report.figures import search_data
from seedsweep.report.figures.controls import legend, study_menu
from seedsweep.report.figures.encodings import (
    ABOVE,
    CROSS,
    FINE,
    PERCENT,
    STEEP,
    ValueAxis,
    color,
    dash,
    data,
    tips,
)
from seedsweep.report.figures.layers import Chart, Layer, layered
from seedsweep.report.figures.search_data import ENDED, FAR, POINT, ConfirmedTrials, TrialsByParam
from seedsweep.report.figures.search_panel import SearchPanel

GREY = "#888888"
LABELS = alt.Axis(labelLimit=220)


def search_figures(panel: SearchPanel) -> dict[str, Chart]:
    """The figures by name, one of `values` for each param; what a chart says of itself is as in a comparison."""
    charts = {("history", ""): history(panel)}
    charts |= {("values", param): values(panel, param) for param in panel.params}
    charts |= {("importances", ""): importances(panel), ("confirmed", ""): confirmed(panel)}
    named: dict[str, Chart] = {}
    for (figure, param), chart in charts.items():
        if chart is not None:
            chart.usermeta = {"figure": figure, "problem": param, "title": chart.title} | chart.usermeta
            name = "-".join(filter(None, (figure, re.sub(r"[^\w.-]+", "_", param)[:60])))
            named[name if name not in named else f"{name}-{len(named)}"] = chart
    return named


def history(panel: SearchPanel) -> Chart | None:
    """The value of each trial, and the best so far of each study."""
    plotted = search_data.history(panel)
    if plotted is None:
        return None
    value, menus, chosen = ValueAxis(plotted.near, "y"), study_menu(panel.studies), _chosen(panel)
    x = alt.X("trial:Q", title="trial", scale=alt.Scale(nice=False, padding=8), axis=alt.Axis(tickMinStep=1))
    line = alt.Chart(data(plotted.table)).mark_line(interpolate="step-after", strokeWidth=2).add_params(*chosen)
    line = line.encode(x, value.of("best"), _color(panel), *dash(panel), detail="study:N")
    marks = [line, *_marks(panel, plotted.table, x, value)]
    caption = f"A point is a trial, a line the best so far of a study.{_note(plotted.table)}"
    title, filters = f"{panel.metric} of each trial, and the best so far", [*chosen, *menus.filters]
    return layered(marks, caption, filters=filters, params=menus.params, value=value, title=title)


def values(panel: SearchPanel, param: str) -> Chart | None:
    """The trials by the value of one param, and the winners on fresh seeds; nothing where it has only one value."""
    plotted = search_data.by_param(panel, param)
    if plotted is None:
        return None
    table, near = plotted.trials
    value, menus, chosen = ValueAxis(near, "y"), study_menu(panel.studies), _chosen(panel)
    x = _param_axis(plotted, param)
    first, *marks = _marks(panel, table, x, value)
    marks, note = [first.add_params(*chosen), *marks], ""
    if len(plotted.winners):
        marks += _winner_marks(panel, plotted.winners, x, value)
        note = " A diamond is the winner of a study: its mean over fresh seeds, and the 95 % interval."
    caption, title = f"A point is a trial.{note}{_note(table)}", f"{panel.metric} by {param}"
    filters = [*chosen, *menus.filters]
    return layered(marks, caption, filters=filters, params=menus.params, value=value, title=title)


def _param_axis(plotted: TrialsByParam, param: str) -> alt.X:
    if not plotted.is_numeric:
        return alt.X("pair:N", title=param, axis=alt.Axis(labelAngle=0, labelLimit=150))
    values = plotted.trials.table["x"]
    log = values.min() > 0 and values.max() / values.min() > STEEP
    scale = alt.Scale(type="log", nice=False, padding=10) if log else alt.Scale(zero=False, nice=False, padding=10)
    return alt.X("x:Q", title=param, scale=scale, axis=alt.Axis(format=".3~g", grid=False))


def _winner_marks(panel: SearchPanel, winners: pd.DataFrame, x: alt.X, value: ValueAxis) -> list[Layer]:
    base, tip = alt.Chart(data(winners)), tips(*panel.about, mean=FINE, low=FINE, high=FINE, n="d")
    diamond = base.mark_point(shape="diamond", size=120, strokeWidth=2.5, opacity=1)
    low, colored = value.of("low"), _color(panel)
    return [
        base.mark_rule(strokeWidth=2.5).encode(x, low, alt.Y2("high"), colored, tooltip=tip),
        diamond.encode(x, value.of("mean"), colored, tooltip=tip),
    ]


def importances(panel: SearchPanel) -> Chart | None:
    """How much depends on each param, over an option's studies; nothing where each study searches only one."""
    plotted = search_data.importances(panel)
    if plotted is None:
        return None
    x = alt.X("importance:Q", title=None, axis=PERCENT, scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("pair:N", sort=plotted.means["pair"].tolist(), title=None, axis=LABELS)
    bars = alt.Chart(data(plotted.means)).mark_bar(height=alt.RelativeBandSize(0.7))
    marks = [bars.encode(x, y, _color(panel, visible=False), tooltip=tips("pair", importance=".1%"))]
    note = ""
    if panel.studies > 1:
        ticks = alt.Chart(data(plotted.studies)).mark_tick(thickness=1.5)
        marks.append(ticks.encode(x, y, tooltip=tips("pair", "study", importance=".1%")))
        note = ": the mean over the studies of the option; a tick is one of them"
    caption = f"The share of each param in what the value depends on, as Optuna estimates it from the trials{note}."
    height, title = 22 * len(plotted.means) + 20, f"importance of the params for {panel.metric}"
    return layered(marks, caption, height=height, title=title)


def confirmed(panel: SearchPanel) -> Chart | None:
    """The best trials on fresh seeds, beside the values that they were chosen for; those of the best option first."""
    plotted = search_data.confirmed(panel)
    if plotted is None:
        return None
    value, trial = ValueAxis(plotted.values, "x"), " ".join([*panel.where, "#trial"])
    caption = (
        "A point is a fresh seed, the diamond their mean, with its 95 % interval; the ring is the value in the search,"
        f" and the dotted line from it the optimism of choosing. A row is a trial: {trial}."
    )
    if plotted.omitted:
        caption += f" Only the winner of each study is drawn; {plotted.omitted:,} other trials are in the table."
    rows, title = len(plotted.table), f"{panel.metric} of the best trials on fresh seeds"
    height = (22 if rows <= 30 else 15) * rows + 20
    return layered(_confirmed_marks(panel, plotted, value), caption, value=value, height=height, title=title)


def _confirmed_marks(panel: SearchPanel, plotted: ConfirmedTrials, value: ValueAxis) -> list[Layer]:
    base, seeds, colored = alt.Chart(data(plotted.table)), alt.Chart(data(plotted.runs)), _color(panel, visible=False)
    y = alt.Y("pair:N", sort=plotted.table["pair"].tolist(), title=None, axis=LABELS)
    middle, searched = value.of("mean"), value.of("searched")
    numbers = dict.fromkeys(("searched", "mean", "low", "high", "optimism"), FINE)
    row = base.encode(y, tooltip=tips(*panel.about, **numbers, n="d"))
    points = seeds.mark_circle(size=24, opacity=0.5)
    labels = base.transform_filter("datum.label").mark_text(align="right", fontSize=10)
    return [
        row.mark_rule(strokeDash=[2, 3]).encode(searched, alt.X2("mean")),
        points.encode(value.of("value"), y, colored, tooltip=tips(*panel.about, "seed", value=FINE)),
        row.mark_rule(strokeWidth=2).encode(value.of("start"), alt.X2("end"), colored),
        row.mark_point(shape="diamond", size=80, strokeWidth=2, opacity=1).encode(middle, color=colored),
        row.mark_point(shape="circle", size=45, strokeWidth=1.5, opacity=1).encode(searched),
        labels.encode(y, x=alt.value("width"), text="label:N"),
    ]


def _marks(panel: SearchPanel, table: pd.DataFrame, x: alt.X, value: ValueAxis) -> list[Layer]:
    """The trials: points, crosses above the plot for what is not on it, and grey ones for what is no result."""
    base = alt.Chart(data(table)).transform_calculate(result="datum.label")
    base = base.encode(x, tooltip=tips(*panel.about, "result"))
    y, colored, of = value.of("value"), _color(panel), "datum.mark == {}".format
    far = base.transform_filter(of(FAR)).mark_point(shape=CROSS, size=30, strokeWidth=2, opacity=1)
    ended = base.transform_filter(of(ENDED)).mark_point(shape=CROSS, size=14, strokeWidth=1.5, opacity=1, color=GREY)
    return [
        base.transform_filter(of(POINT)).mark_circle(size=30, opacity=0.55).encode(y, colored),
        far.encode(y=ABOVE, color=colored),
        ended.transform_filter("isValid(datum.value)").encode(y),
        ended.transform_filter("!isValid(datum.value)").encode(y=ABOVE),
    ]


def _note(table: pd.DataFrame) -> str:
    far, ended = ((table["mark"] == mark).sum() for mark in (FAR, ENDED))
    note = f" A cross above the plot is a trial that diverged or is far off ({far})." if far else ""
    return note + (f" A grey cross is one that was pruned or failed ({ended})." if ended else "")


def _color(panel: SearchPanel, visible: bool = True) -> alt.Color:
    return color(panel, legend=visible and len(panel.options) > 1)


def _chosen(panel: SearchPanel) -> list[Any]:
    """The choice of options by a click into the legend, where there is one."""
    return [legend()] if len(panel.options) > 1 else []
