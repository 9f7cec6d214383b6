"""The figures of groups and their runs: by learning rate, over the seeds, against each other."""

from typing import Any, Literal

import altair as alt
import pandas as pd

from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.verdicts import BEST
from seedsweep.report.figures import data as plot_data
from seedsweep.report.figures.data import Panel
from seedsweep.report.figures.encodings import (
    FINE,
    PERCENT,
    Chart,
    Layer,
    Value,
    choice,
    color,
    dash,
    data,
    layered,
    legend,
    level,
    named,
    script,
    selected,
    settings,
    tips,
)

CROSS = "M-1,-1L1,1M1,-1L-1,1"
APART, CLOSE = "#D55E00", "#888888"
SOURCES = {"init": "initialization", "order": "data order", "interaction": "both together"}
SHADES = ("#6A3D9A", "#B58900", "#888888")  # of these; none is the colour of an option that is often there


def learning_rates(panel: Panel) -> Chart | None:
    table, rate, others = plot_data.by_rate(panel)
    if table["x"].nunique() < 2:
        return None
    value, x, chosen = Value(table["mean"], "y"), _rates(table, rate), legend()
    base, colored, y = alt.Chart(data(table)), color(panel), value.axis("mean", None)
    counts = {"finished": "d", "diverged": "d", "planned": "d"}
    shown = tips("option", "setting", mean=FINE, mean_low=FINE, mean_high=FINE, **counts)
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(x, y, colored, tooltip=shown)
    low, high = value.axis("mean_low", None), alt.Y2("mean_high")
    if rate:
        lines = "rest == -1 ? 0 : datum.others" if len(others) > 1 else "0"
        base = base.transform_calculate(line=lines)
        band = base.mark_area(opacity=0.18).encode(x, low, high, colored, detail="line:N")
        line = base.mark_line(strokeWidth=2).encode(x, y, colored, *dash(panel), detail="line:N")
        marks = [band, line.add_params(chosen), dots]
        marks += _crosses(table, panel, x, shown)
    else:
        base, dots = (layer.encode(xOffset=alt.XOffset("option:N", sort=panel.options)) for layer in (base, dots))
        whiskers = base.mark_rule(strokeWidth=2).encode(x, low, high, colored).add_params(chosen)
        crosses = base.transform_filter("datum.diverged > 0").mark_point(shape=CROSS, size=30, strokeWidth=2, opacity=1)
        marks = [whiskers, dots, crosses.encode(x, y=alt.value(-8), color=colored, tooltip=shown)]
    count = int((table["diverged"] > 0).sum())
    words = f"{count} settings with" if count > 1 else "setting with"
    note = f" A cross above the plot marks the {words} diverged runs." if count else " No run diverged."
    params, filters, which = _others(others)
    caption = f"The mean over the seeds that finished, and its {level(panel)} interval.{which}{note}"
    title = f"{selected(panel)} {panel.metric}"
    chart = layered(marks, caption, filters=[chosen, *filters], params=params, value=value, title=title)
    chart.usermeta |= {"where": ", the best of the other params at each rate" if params else ""}
    chart.usermeta |= {"title": f"{title} by {'learning rate' if rate else 'setting'}"} | (
        {} if rate else {"heading": "Settings"}
    )
    return chart


def _others(others: list[str]) -> tuple[list[Any], list[str], str]:
    """Where more than the rate was swept: a menu of the rest of the settings, its filter, and a sentence."""
    if len(others) < 2:
        return [], [], ""
    codes, texts = [-1, *range(len(others)), -2], ["the best at each rate", *(name or "–" for name in others), "all"]
    rule = "rest == -1 ? datum.top == 1 : rest == -2 || datum.others == rest"
    which = f" Of the {len(others)} settings of the other params, at each rate the one with the best mean is drawn."
    return [choice("rest", "other params", codes, texts)], [rule], which


def _rates(table: pd.DataFrame, rate: str | None) -> alt.X:
    if rate is None:
        names = list(dict.fromkeys(table["setting"]))
        return alt.X("setting:N", title="setting", sort=names, axis=alt.Axis(labelAngle=-40, labelLimit=150))
    kind: Literal["log", "linear"] = "log" if (table["x"] > 0).all() else "linear"
    values = sorted(set(table["x"]))
    axis = alt.Axis(format=".3~g", grid=False, values=values if len(values) <= 12 else alt.Undefined)
    return alt.X("x:Q", title=rate, scale=alt.Scale(type=kind, nice=False, padding=10), axis=axis)


def _crosses(table: pd.DataFrame, panel: Panel, x: alt.X, shown: alt.TooltipValue) -> list[Layer]:
    """A cross above the plot for each setting with diverged runs, those of the options side by side."""
    diverged = table[table["diverged"] > 0]
    options = [option for option in panel.options if option in set(diverged["option"])]
    marks = []
    for row, option in enumerate(options):
        base = alt.Chart(data(diverged[diverged["option"] == option]))
        aside = 9 * (row - (len(options) - 1) / 2)
        mark = base.mark_point(shape=CROSS, size=30, strokeWidth=2, opacity=1, xOffset=aside)
        marks.append(mark.encode(x, y=alt.value(-8), color=color(panel), tooltip=shown))
    return marks


def distribution(panel: Panel) -> Chart | None:
    table, counted = plot_data.seed_points(panel)
    if table.empty:
        return None
    value = Value(table["score"], "x", offer=not counted)
    x, y = value.axis("score", None), alt.Y("option:N", sort=panel.options, title=None)
    base, colored = named(panel, alt.Chart(data(table))), color(panel, legend=False)
    if counted:
        deep = alt.Opacity("count:Q", scale=alt.Scale(range=[0.15, 1]), legend=alt.Legend(title="runs"))
        bars = base.mark_bar(height=alt.RelativeBandSize(0.7))
        shown = tips("option", "setting", score=FINE, end=FINE, count=",d")
        marks = [bars.encode(x, alt.X2("end"), y, colored, deep, tooltip=shown)]
    else:
        offset = alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-0.3, 1.3]))
        dots = base.mark_circle(size=22, opacity=0.6)
        marks = [dots.encode(x, y, offset, colored, tooltip=tips("option", "setting", "seed", score=FINE))]
    centres = named(panel, alt.Chart(data(_centres(panel))))
    centres = centres.encode(y, tooltip=tips("option", "setting", median=FINE, mean=FINE, diverged="d"))
    marks.append(centres.mark_tick(thickness=3, size=34).encode(value.axis("median", None)))
    marks.append(centres.mark_point(shape="diamond", size=70, strokeWidth=2).encode(value.axis("mean", None)))
    words = centres.transform_filter("datum.diverged > 0").mark_text(align="right", dy=-16)
    marks.append(words.encode(x=alt.value("width"), text="label:N"))
    params, filters = settings(panel)
    what = f"The {int(table['count'].sum()):,} runs are counted in bins" if counted else "Every point is one seed"
    caption = f"{what}; the bar is the median, with diverged runs as the worst; the diamond is the mean of the others."
    height = 46 * max(len(panel.options), 2)
    title = f"{selected(panel)} {panel.metric}"
    return layered(marks, caption, filters=filters, params=params, value=value, height=height, title=title)


def _centres(panel: Panel) -> pd.DataFrame:
    groups = panel.groups[["option", "position", "best", "median", "mean", "diverged"]]
    return groups.assign(label=groups["diverged"].astype(str) + " diverged")


def differences(panel: Panel, question: str) -> Chart | None:
    asked = panel.comparison.question
    pairwise_comparisons = panel.comparison.best if question == BEST else panel.comparison.same
    pairwise_comparisons = [pairwise for pairwise in pairwise_comparisons if pairwise.problem == panel.problem]
    table = plot_data.against_first(pairwise_comparisons, asked.baseline)
    if table.empty or table["difference"].isna().all():
        return None
    table = table.dropna(subset="difference")
    base = alt.Chart(data(table))
    firsts = [plot_data.first(pairwise, asked.baseline) for pairwise in pairwise_comparisons]
    y = alt.Y("pair:N", sort=None, title=None, axis=alt.Axis(labelLimit=220))
    words = alt.Legend(title=None, labelExpr="datum.value == 1 ? 'told apart' : 'not told apart'", symbolType="circle")
    colored = alt.Color("apart:N", scale=alt.Scale(domain=[1, 0], range=[APART, CLOSE]), legend=words)
    shown = tips("pair", difference=FINE, low=FINE, high=FINE, adjusted=".2~g", probability=".0%", seeds="d")
    zero = alt.Chart(data(pd.DataFrame({"difference": [0]}))).mark_rule(strokeDash=[4, 3])
    marks = [
        base.mark_rule(strokeWidth=3).encode(_apart("low"), alt.X2("high"), y, colored, tooltip=shown),
        base.mark_point(filled=True, size=90, opacity=1).encode(_apart("difference"), y, colored, tooltip=shown),
    ]
    positions = [int(position) for position in table["position"].unique()]
    params, filters = [], []
    titles = [
        f"difference in {pairwise.metric} from {one}"
        for pairwise, one in zip(pairwise_comparisons, firsts, strict=True)
    ]
    where = [_where(pairwise) for pairwise in pairwise_comparisons]
    title: Any = titles[positions[0]] + where[positions[0]]
    if len(positions) > 1:
        title = alt.TitleParams(alt.expr(f"{script(titles)}[pairwise] + {script(where)}[pairwise]"))
        names = [pairwise_comparisons[position].name or "–" for position in positions]
        params = [choice("pairwise", "at", positions, names)]
        filters = ["datum.position == pairwise"]
    side = "Left" if pairwise_comparisons[0].metric.is_maximized else "Right"
    what = "the baseline" if asked.baseline else "the first of them"
    caption = f"{side} of the dashed line is worse than {what}: the difference, and its {level(panel)} interval."
    height, fixed = 34 * int(table.groupby("position").size().max()) + 20, [zero.encode(_apart("difference"))]
    chart = layered(marks, caption, filters=filters, params=params, fixed=fixed, height=height, title=title)
    chart.usermeta |= {"title": titles[positions[0]], "where": where[positions[0]]}
    return chart


def _where(pairwise: PairwiseComparison) -> str:
    """What the options of a pairwise comparison have in common, at the end of a title."""
    return f", {BEST}" if pairwise.name == BEST else f", at {pairwise.name}" if pairwise.name else ""


def _apart(name: str) -> alt.X:
    return alt.X(f"{name}:Q", title=None, scale=alt.Scale(padding=14, nice=False))


def shares(panel: Panel) -> Chart | None:
    table = panel.of(panel.comparison.shares)
    if table.empty:
        return None
    long = table.melt(["option", "position", "best"], ["init", "order", "interaction"], "part", "share")
    long = long.assign(part=long["part"].map(SOURCES), rank=long["part"].map(list(SOURCES).index))
    base = named(panel, alt.Chart(data(long)))
    scale = alt.Scale(domain=list(SOURCES.values()), range=SHADES)
    colored = alt.Color("part:N", scale=scale, legend=alt.Legend(title=None, symbolType="square"))
    x = alt.X("share:Q", title=None, axis=PERCENT, stack="zero", scale=alt.Scale(domain=[0, 1]))
    bars = base.mark_bar(height=18, clip=True).encode(x, alt.Y("option:N", sort=panel.options, title=None), colored)
    params, filters = settings(panel)
    height = 34 * max(len(panel.options), 2)
    caption = (
        f"Where the variance of {selected(panel)} {panel.metric} over the seeds comes from, as an analysis of variance"
        " estimates it; “both together” is what depends on the pair of them."
    )
    marks = [bars.encode(order=alt.Order("rank:Q"), tooltip=tips("option", "setting", "part", share=".0%"))]
    title = f"shares of the variance of {selected(panel)} {panel.metric}"
    return layered(marks, caption, filters=filters, params=params, height=height, title=title)
