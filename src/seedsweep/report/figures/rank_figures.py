"""The figure of mean ranks over several data sets: the critical-difference diagram of papers."""

import altair as alt

from seedsweep.comparison.data_sets import AcrossDataSets
from seedsweep.comparison.phrases import listed, significance
from seedsweep.report.figures.encodings import NAME, color, data, tips
from seedsweep.report.figures.layers import Chart, Layer, layered
from seedsweep.report.figures.names import CHARACTER, shortened
from seedsweep.report.figures.panel import Panel
from seedsweep.report.figures.rank_data import RankDiagram, rank_diagram, unjoined

MARGIN = f"min({NAME}, width / 3)"  # for the labels on either side of the axis
GAP, NUMBER = 6, 34  # between a line and what stands beside it; the width of a mean rank


def ranks(panel: Panel) -> Chart | None:
    """The mean rank of each option over the data sets; None where these are too few for a test."""
    across = panel.comparison.across
    if across is None or across.tests.empty:
        return None
    plotted = rank_diagram(across)
    marks = [*_lines(panel, plotted), *_labels(plotted)]
    if len(plotted.bars):
        marks.append(_bars(plotted))
    chart = layered(marks, _caption(panel, across), height=plotted.height, title=f"mean rank by {_metric(panel)}")
    chart.usermeta |= {"where": ", each at its best setting" if panel.comparison.best else ""}
    return chart


def _metric(panel: Panel) -> str:
    """By what the options are ranked."""
    return str(panel.comparison.best[0].metric if panel.comparison.best else panel.metric)


def _caption(panel: Panel, across: AcrossDataSets) -> str:
    friedman = f" (Friedman {significance(across.friedman_p)})" if across.friedman_p == across.friedman_p else ""
    caption = f"Mean rank of each over {across.ranked} data sets, the best on the left{friedman}."
    if across.baseline is not None:
        return f"{caption} Only {across.baseline} is tested against the others, so that no bars join them."
    tests = f"(Wilcoxon's signed-rank test of each pair, Holm's correction, at {panel.confidence} confidence)"
    bars = "A bar joins options that are not told apart" if across.cliques else "No two are joined by a bar: all differ"
    caption += f" {bars} {tests}."
    if pairs := unjoined(across):
        caption += f" No bar can show that these are not told apart either: {listed([f'{a}–{b}' for a, b in pairs])}."
    return caption


def _rank(field: str, plotted: RankDiagram) -> alt.X:
    axis = alt.Axis(orient="top", grid=False, values=plotted.ticks, format="d", domain=False)
    axis.tickCount = len(plotted.ticks)  # of which a theme would leave out some
    domain = [1, len(plotted.labels)]
    return alt.X(
        f"{field}:Q", title=None, axis=axis, scale=alt.Scale(domain=domain, nice=False, padding=alt.expr(MARGIN))
    )


def _height(field: str, plotted: RankDiagram) -> alt.Y:
    scale = alt.Scale(domain=[0, plotted.height], reverse=True, nice=False)
    return alt.Y(f"{field}:Q", title=None, axis=None, scale=scale)


def _lines(panel: Panel, plotted: RankDiagram) -> list[Layer]:
    """The axis, and from each option's rank on it a line down and then aside to its label."""
    ends = alt.InlineData(values=[{"from": 1, "to": len(plotted.labels), "y": 0}])
    axis = alt.Chart(ends).mark_rule().encode(_rank("from", plotted), alt.X2("to"), _height("y", plotted))
    base = alt.Chart(data(plotted.labels)).transform_calculate(axis="0")
    x, colored, tip = _rank("rank", plotted), color(panel, legend=False), tips("option", rank=".2f")
    down = base.mark_rule(strokeWidth=1.5).encode(x, _height("axis", plotted), alt.Y2("y"), colored, tooltip=tip)
    aside = base.mark_rule(strokeWidth=1.5).encode(x, _height("y", plotted), colored, tooltip=tip)
    left = aside.transform_filter("datum.left == 1").encode(x2=alt.value(alt.expr(MARGIN)))
    right = aside.transform_filter("datum.left == 0").encode(x2=alt.value(alt.expr(f"width - {MARGIN}")))
    return [axis, down, left, right]


def _labels(plotted: RankDiagram) -> list[Layer]:
    """Beside the lines the mean ranks, and beside these the names."""
    options = plotted.labels["option"]
    short = shortened(options, (NAME - GAP - NUMBER) // CHARACTER)
    table = plotted.labels.assign(label=[short.get(name, name) for name in options])
    base = alt.Chart(data(table)).encode(_height("y", plotted), tooltip=tips("option", rank=".2f"))
    left, right = (base.transform_filter(f"datum.left == {side}") for side in (1, 0))
    left = left.encode(x=alt.value(alt.expr(MARGIN)))
    right = right.encode(x=alt.value(alt.expr(f"width - {MARGIN}")))
    number, limit = alt.Text("rank:Q", format=".2f"), alt.expr(f"{MARGIN} - {GAP + NUMBER}")
    return [
        left.mark_text(align="right", dx=-GAP, fontSize=11).encode(text=number),
        right.mark_text(align="left", dx=GAP, fontSize=11).encode(text=number),
        left.mark_text(align="right", dx=-GAP - NUMBER, fontSize=12, limit=limit).encode(text="label:N"),
        right.mark_text(align="left", dx=GAP + NUMBER, fontSize=12, limit=limit).encode(text="label:N"),
    ]


def _bars(plotted: RankDiagram) -> Layer:
    bars = alt.Chart(data(plotted.bars)).mark_rule(strokeWidth=5, strokeCap="round")
    layer: Layer = bars.encode(_rank("low", plotted), alt.X2("high"), _height("y", plotted))
    return layer
