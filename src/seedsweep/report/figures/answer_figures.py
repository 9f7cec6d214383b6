"""The figures of the answer, the first in the page: the options at their best, and which leads where."""

import math
from typing import Any

import altair as alt

from seedsweep.comparison.question import BEST
from seedsweep.report.figures import answer_data
from seedsweep.report.figures.answer_data import AHEAD, WINS, AtBest, LeaderMap
from seedsweep.report.figures.encodings import CROSS, FINE, NAME, ValueAxis, color, data, script, tips
from seedsweep.report.figures.layers import Chart, Layer, layered
from seedsweep.report.figures.names import with_short_names
from seedsweep.report.figures.panel import Panel

ROW, FLAT_ROW, FEW = 46, 32, 8  # height of a row where there are few options, and where there are more
WIDE = 12  # columns whose marks are of full size
FAINT = 0.4  # opacity of the options that do not lead


def options_at_best(panel: Panel) -> Chart | None:
    """The mean of each option at its best setting, the best first, with those that lead standing out."""
    plotted = answer_data.at_best(panel)
    if plotted is None:
        return None
    finite = plotted.table.dropna(subset="mean")
    value = ValueAxis(finite["mean"], "x")
    direction = f"{'larger' if plotted.metric.is_maximized else 'smaller'} is better"
    where = f", {BEST}" if plotted.is_chosen else ""
    title = f"{plotted.metric}{where}"
    caption = f"The mean over the seeds, and its {panel.confidence} interval"
    caption += ", wide enough for the choice of the setting" * plotted.is_chosen
    caption += f". In bold: {plotted.leading}." if plotted.table["leads"].any() else "."
    marks = _rows(panel, plotted, value, f"{plotted.metric}: {direction}")
    chart = layered(marks, caption, value=value, height=_height(len(plotted.table)), title=title)
    chart.usermeta = {"title": str(plotted.metric), "where": where}
    return chart


def _rows(panel: Panel, plotted: AtBest, value: ValueAxis, title: str) -> list[Layer]:
    leading = plotted.table.loc[plotted.table["leads"] == 1, "option"].tolist()
    bold: Any = {"condition": {"test": f"indexof({script(leading)}, datum.value) >= 0", "value": 700}, "value": 400}
    names = with_short_names(plotted.table["option"], NAME)
    axis = alt.Axis(labelFontWeight=bold, labelFontSize=13, ticks=False, domain=False, labelPadding=8, **names)
    y = alt.Y("option:N", sort=list(plotted.table["option"]), title=None, axis=axis)
    base, colored = alt.Chart(data(plotted.table)), color(panel, legend=False)
    deep = alt.condition("datum.leads == 1", alt.value(1), alt.value(FAINT if len(leading) else 1))
    tip = tips("option", "setting", mean=FINE, low=FINE, high=FINE, finished="d", planned="d")
    low, mean = (_padded(value, name, title) for name in ("low", "mean"))
    rules = base.mark_rule(strokeWidth=4, yOffset=6, y2Offset=6).encode(low, alt.X2("high"), y, colored, opacity=deep)
    points = base.mark_point(filled=True, size=110, yOffset=6).encode(mean, y, colored, opacity=deep, tooltip=tip)
    labels = base.transform_filter("isValid(datum.label)")
    labels = labels.mark_text(align="left", baseline="middle", dy=-10, fontSize=11, limit=alt.expr("width"))
    return [rules.encode(tooltip=tip), points, labels.encode(y, x=alt.value(2), text="label:N")]


def _padded(value: ValueAxis, name: str, title: str) -> Any:
    """The encoding of a column, with room beside the outermost marks."""
    kind = "log" if value.log else "linear"
    axis = alt.Axis(tickCount=6, format=FINE)
    return value.of(name).title(title).scale(type=kind, zero=False, nice=False, padding=14).axis(axis)


def _height(rows: int) -> int:
    return rows * (ROW if rows <= FEW else FLAT_ROW)


def leader_map(panel: Panel) -> Chart | None:
    """Option by learning rate: how far each is behind the best one there, who leads, and where each is at its best."""
    plotted = answer_data.leader_map(panel)
    if plotted is None:
        return None
    first = answer_data.at_best(panel)
    options = list(first.table["option"]) if first else panel.options
    here = "learning rate" if plotted.rate else "setting"
    title = f"behind the best at each {'rate' if plotted.rate else here}"
    marks = _cells(plotted, options)
    caption = _map_caption(panel, plotted, here)
    chart = layered(marks, caption, height=_height(len(options)), title=f"{panel.metric} {title}")
    chart.usermeta = {"title": f"{panel.metric} {title}", "where": ""}
    return chart


def _map_caption(panel: Panel, plotted: LeaderMap, here: str) -> str:
    table, parts = plotted.table, []
    if (table["leads"] == WINS).any():
        parts.append(f"● wins at that {here}")
    if (table["leads"] == AHEAD).any():
        parts.append("○ has the best mean there, but was not shown to win")
    parts.append(f"framed: the best {here} of each")
    if table["lost"].any():
        parts.append(f"×: runs {panel.metric.lost} or were pruned")
    if not (table["behind"].notna() | (table["lost"] == 1)).all():
        parts.append("grey: no other option to compare with")
    note = f" Up to {plotted.together} settings share a cell: it is that of the best of them." * (plotted.together > 1)
    return f"{panel.by.rpartition('.')[2].capitalize()} by {here}: {'; '.join(parts)}.{note}"


def _cells(plotted: LeaderMap, options: list[str]) -> list[Layer]:
    large = len(plotted.columns) <= WIDE
    label = f"{script(plotted.columns)}[datum.value]"
    axis = alt.Axis(
        labelExpr=label, labelAngle=0 if plotted.rate else -40, labelLimit=110, ticks=False, labelFlush=False
    )
    x = alt.X("column:O", title=plotted.rate or "setting", axis=axis, scale=alt.Scale(paddingInner=0.06))
    y = alt.Y("option:N", sort=options, title=None, axis=alt.Axis(labelFontSize=13, **with_short_names(options, NAME)))
    y = y.scale(paddingInner=0.12)
    tip = tips("option", "setting", behind=FINE, mean=FINE, finished="d", planned="d")
    size, stroke = (70, 2.0) if large else (26, 1.5)

    base = alt.Chart(data(plotted.table)).encode(x, y, tooltip=tip)
    return [
        base.transform_filter("!isValid(datum.behind)").mark_rect(fill="#888888", opacity=0.25),
        base.transform_filter("isValid(datum.behind)").mark_rect().encode(_shade(plotted)),
        base.transform_filter("datum.best == 1").mark_rect(style="frame", fill="transparent", strokeWidth=stroke),
        base.transform_filter("datum.lost == 1").mark_point(shape=CROSS, size=size / 2, strokeWidth=stroke, opacity=1),
        base.transform_filter(f"datum.leads == {WINS}").mark_point(
            fill="white", stroke="#222222", size=size, strokeWidth=1, opacity=1
        ),
        base.transform_filter(f"datum.leads == {AHEAD}").mark_point(
            fill="transparent", stroke="white", size=size, strokeWidth=stroke, opacity=1
        ),
    ]


def _shade(plotted: LeaderMap) -> alt.Color:
    """A distance within the noise looks as that of the best, one beyond it by its magnitude."""
    largest = max(float(plotted.table["behind"].max()), plotted.noise)
    powers = range(math.ceil(math.log10(plotted.noise)), math.floor(math.log10(largest / 2)) + 1)
    scale = alt.Scale(type="symlog", constant=plotted.noise, domain=[0, largest])
    values = [0, *(10.0**power for power in powers), largest]
    legend = alt.Legend(title="behind by", orient="bottom", values=values, format=".2~g", gradientLength=200)
    return alt.Color("behind:Q", scale=scale, legend=legend)
