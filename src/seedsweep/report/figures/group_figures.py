"""The figures of groups and their runs: by learning rate, over the seeds, against each other."""

from typing import Any, Literal

import altair as alt
import pandas as pd

from seedsweep.report.figures import group_data
from seedsweep.report.figures.controls import legend, menu, metric_menu, rest_menu, setting_menu
from seedsweep.report.figures.encodings import (
    ABOVE,
    CROSS,
    FINE,
    PERCENT,
    ValueAxis,
    color,
    dash,
    data,
    script,
    tips,
)
from seedsweep.report.figures.group_data import SOURCES, Differences, Rates, SeedScores
from seedsweep.report.figures.layers import Chart, Layer, layered, named
from seedsweep.report.figures.names import with_short_names
from seedsweep.report.figures.panel import Panel

RING = 260  # around the point of an option's best rate
APART, CLOSE = "#D55E00", "#888888"
SHADES = ("#6A3D9A", "#B58900", "#888888")  # of the sources of variance; none is the colour of a usual option


def learning_rates(panel: Panel) -> Chart | None:
    """The mean of each group by its learning rate, or by its setting where no rate was swept."""
    plotted = group_data.by_rate(panel)
    if plotted is None:
        return None
    value, chosen = ValueAxis(plotted.table["mean"], "y"), legend()
    measured = group_data.by_metric(panel, plotted.table)
    metrics = metric_menu(measured.metrics)
    plotted = plotted._replace(table=measured.table)
    marks = (_lines_by_rate if plotted.rate else _points_by_setting)(panel, plotted, value, chosen)
    count = int((panel.groups["diverged"] > 0).sum())
    settings = f"{count} settings with" if count > 1 else "setting with"
    lost = panel.metric.lost
    note = f" A cross above the plot marks the {settings} runs that {lost}." if count else f" No run {lost}."
    rests = rest_menu(plotted.rests)
    caption = f"The mean over the seeds that finished, and its {panel.confidence} interval."
    caption += f" A ring marks the best of each by {panel.metric}.{rests.note}{note}"
    title: Any = f"{panel.selected} {panel.metric}"
    shown = (
        alt.TitleParams(alt.expr(f"{script([title, *measured.metrics[1:]])}[measured]")) if metrics.params else title
    )
    filters, params = [chosen, *rests.filters, *metrics.filters], [*rests.params, *metrics.params]
    chart = layered(marks, caption, filters=filters, params=params, value=value, title=shown)
    chart.usermeta |= {"where": ", the best of the other params at each rate" if rests.params else ""}
    chart.usermeta |= {"title": f"{title} by {'learning rate' if plotted.rate else 'setting'}"}
    chart.usermeta |= {} if plotted.rate else {"heading": "Settings"}
    return chart


def _group_tips() -> alt.TooltipValue:
    counts = {"finished": "d", "diverged": "d", "planned": "d"}
    return tips("option", "setting", mean=FINE, mean_low=FINE, mean_high=FINE, **counts)


def _lines_by_rate(panel: Panel, plotted: Rates, value: ValueAxis, chosen: Any) -> list[Layer]:
    rates = sorted(set(plotted.table["x"]))
    kind: Literal["log", "linear"] = "log" if rates[0] > 0 else "linear"
    axis = alt.Axis(format=".3~g", grid=False, values=rates if len(rates) <= 12 else alt.Undefined)
    x = alt.X("x:Q", title=plotted.rate, scale=alt.Scale(type=kind, nice=False, padding=10), axis=axis)
    base, colored, y, tip = alt.Chart(data(plotted.table)), color(panel), value.of("mean"), _group_tips()
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x, y, colored, tooltip=tip)
    base = base.transform_calculate(line="rest == -1 ? 0 : datum.rest" if len(plotted.rests) > 1 else "0")
    low, high = value.of("mean_low"), alt.Y2("mean_high")
    band = base.mark_area(opacity=0.18).encode(x, low, high, colored, detail="line:N")
    line = base.mark_line(strokeWidth=2).encode(x, y, colored, *dash(panel), detail="line:N")
    rings = alt.Chart(data(plotted.table)).mark_point(size=RING, strokeWidth=2, opacity=1).encode(x, y, colored)
    rings = rings.transform_filter("datum.best == 1")
    return [band, line.add_params(chosen), points, rings, *_crosses(panel, plotted.table, x, tip)]


def _crosses(panel: Panel, table: pd.DataFrame, x: alt.X, tip: alt.TooltipValue) -> list[Layer]:
    """A cross above the plot for each setting with diverged runs, those of the options side by side."""
    diverged = table[table["diverged"] > 0]
    options = [option for option in panel.options if option in set(diverged["option"])]
    marks = []
    for index, option in enumerate(options):
        base = alt.Chart(data(diverged[diverged["option"] == option]))
        aside = 9 * (index - (len(options) - 1) / 2)
        mark = base.mark_point(shape=CROSS, size=30, strokeWidth=2, opacity=1, xOffset=aside)
        marks.append(mark.encode(x, y=ABOVE, color=color(panel), tooltip=tip))
    return marks


def _points_by_setting(panel: Panel, plotted: Rates, value: ValueAxis, chosen: Any) -> list[Layer]:
    names = list(dict.fromkeys(plotted.table["setting"]))
    x = alt.X("setting:N", title="setting", sort=names, axis=alt.Axis(labelAngle=-40, **with_short_names(names, 150)))
    base, colored, y, tip = alt.Chart(data(plotted.table)), color(panel), value.of("mean"), _group_tips()
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x, y, colored, tooltip=tip)
    base, points = (layer.encode(xOffset=alt.XOffset("option:N", sort=panel.options)) for layer in (base, points))
    low, high = value.of("mean_low"), alt.Y2("mean_high")
    whiskers = base.mark_rule(strokeWidth=2).encode(x, low, high, colored).add_params(chosen)
    crosses = base.transform_filter("datum.diverged > 0").mark_point(shape=CROSS, size=30, strokeWidth=2, opacity=1)
    rings = base.transform_filter("datum.best == 1").mark_point(size=RING, strokeWidth=2, opacity=1)
    return [whiskers, points, rings.encode(x, y, colored), crosses.encode(x, y=ABOVE, color=colored, tooltip=tip)]


def distribution(panel: Panel) -> Chart | None:
    """The scores over the seeds, with their median and mean."""
    plotted = group_data.seed_scores(panel)
    if plotted is None:
        return None
    value = ValueAxis(plotted.table["score"], "x", offer=not plotted.is_counted)
    y = alt.Y("option:N", sort=panel.options, title=None)
    marks = [*_scores(panel, plotted, value.of("score"), y), *_centres(panel, plotted, value, y)]
    menus = setting_menu(panel)
    points = "Every point is one seed"
    if plotted.is_counted:
        points = f"The {int(plotted.table['count'].sum()):,} runs are counted in bins"
    caption = (
        f"{points}; the bar is the median, with runs that {panel.metric.lost} as the worst;"
        " the diamond is the mean of the others."
    )
    height = 46 * max(len(panel.options), 2)
    title = f"{panel.selected} {panel.metric}"
    params, filters = menus.params, menus.filters
    return layered(marks, caption, filters=filters, params=params, value=value, height=height, title=title)


def _scores(panel: Panel, plotted: SeedScores, x: alt.X, y: alt.Y) -> list[Layer]:
    base, colored = named(panel, alt.Chart(data(plotted.table))), color(panel, legend=False)
    if plotted.is_counted:
        deep = alt.Opacity("count:Q", scale=alt.Scale(range=[0.15, 1]), legend=alt.Legend(title="runs"))
        bars = base.mark_bar(height=alt.RelativeBandSize(0.7))
        tip = tips("option", "setting", score=FINE, end=FINE, count=",d")
        return [bars.encode(x, alt.X2("end"), y, colored, deep, tooltip=tip)]
    offset = alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-0.3, 1.3]))
    points = base.mark_circle(size=22, opacity=0.6)
    return [points.encode(x, y, offset, colored, tooltip=tips("option", "setting", "seed", score=FINE))]


def _centres(panel: Panel, plotted: SeedScores, value: ValueAxis, y: alt.Y) -> list[Layer]:
    base = named(panel, alt.Chart(data(plotted.centres)))
    base = base.encode(y, tooltip=tips("option", "setting", median=FINE, mean=FINE, diverged="d"))
    diverged = base.transform_filter("datum.diverged > 0").mark_text(align="right", dy=-16)
    return [
        base.mark_tick(thickness=3, size=34).encode(value.of("median")),
        base.mark_point(shape="diamond", size=70, strokeWidth=2).encode(value.of("mean")),
        diverged.encode(x=alt.value("width"), text="label:N"),
    ]


def differences(panel: Panel, question: str) -> Chart | None:
    """How far each option is from the leader, in the pairwise comparisons that answer one of the two questions."""
    plotted = group_data.differences(panel, question)
    if plotted is None:
        return None
    positions = [int(position) for position in plotted.table["position"].unique()]
    title: Any = plotted.titles[positions[0]] + plotted.settings[positions[0]]
    params, filters = [], []
    if len(positions) > 1:
        title = alt.TitleParams(alt.expr(f"{script(plotted.titles)}[pairwise] + {script(plotted.settings)}[pairwise]"))
        params = [menu("pairwise", "at", positions, [plotted.names[position] for position in positions])]
        filters = ["datum.position == pairwise"]
    side = "Left" if plotted.is_maximized else "Right"
    leader = "the baseline" if panel.comparison.question.baseline else "the first of them"
    caption = f"{side} of the dashed line is worse than {leader}: the difference, and its {panel.confidence} interval."
    zero = alt.Chart(data(pd.DataFrame({"difference": [0]}))).mark_rule(strokeDash=[4, 3])
    height, fixed = 34 * int(plotted.table.groupby("position").size().max()) + 20, [zero.encode(_apart("difference"))]
    marks = _difference_marks(plotted)
    chart = layered(marks, caption, filters=filters, params=params, fixed=fixed, height=height, title=title)
    chart.usermeta |= {"title": plotted.titles[positions[0]], "where": plotted.settings[positions[0]]}
    return chart


def _difference_marks(plotted: Differences) -> list[Layer]:
    base = alt.Chart(data(plotted.table))
    y = alt.Y("pair:N", sort=None, title=None, axis=alt.Axis(labelLimit=220))
    legend = alt.Legend(title=None, labelExpr="datum.value == 1 ? 'told apart' : 'not told apart'", symbolType="circle")
    colored = alt.Color("apart:N", scale=alt.Scale(domain=[1, 0], range=[APART, CLOSE]), legend=legend)
    tip = tips("pair", difference=FINE, low=FINE, high=FINE, adjusted=".2~g", probability=".0%", seeds="d")
    return [
        base.mark_rule(strokeWidth=3).encode(_apart("low"), alt.X2("high"), y, colored, tooltip=tip),
        base.mark_point(filled=True, size=90, opacity=1).encode(_apart("difference"), y, colored, tooltip=tip),
    ]


def _apart(name: str) -> alt.X:
    return alt.X(f"{name}:Q", title=None, scale=alt.Scale(padding=14, nice=False))


def shares(panel: Panel) -> Chart | None:
    """Where the variance over the seeds comes from: initialization, data order, or both together."""
    table = group_data.variance_shares(panel)
    if table is None:
        return None
    scale = alt.Scale(domain=list(SOURCES.values()), range=SHADES)
    colored = alt.Color("source:N", scale=scale, legend=alt.Legend(title=None, symbolType="square"))
    x = alt.X("share:Q", title=None, axis=PERCENT, stack="zero", scale=alt.Scale(domain=[0, 1]))
    bars = named(panel, alt.Chart(data(table))).mark_bar(height=18, clip=True)
    bars = bars.encode(x, alt.Y("option:N", sort=panel.options, title=None), colored)
    bars = bars.encode(order=alt.Order("rank:Q"), tooltip=tips("option", "setting", "source", share=".0%"))
    menus, of = setting_menu(panel), f"{panel.selected} {panel.metric}"
    height = 34 * max(len(panel.options), 2)
    caption = (
        f"Where the variance of {of} over the seeds comes from, as an analysis of variance estimates it; “both"
        " together” is what depends on the pair of them."
    )
    title = f"shares of the variance of {of}"
    return layered([bars], caption, filters=menus.filters, params=menus.params, height=height, title=title)
