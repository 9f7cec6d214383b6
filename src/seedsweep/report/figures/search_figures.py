"""The figures of a search, as Altair charts: its trials, what they depend on, and the best of them on fresh seeds."""

import math
import re
from numbers import Real
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from seedsweep.report.figures.encodings import (
    COLORS,
    FINE,
    PERCENT,
    STEEP,
    Chart,
    Layer,
    Value,
    choice,
    data,
    layered,
    legend,
    tips,
)
from seedsweep.report.figures.search_data import ENDED, FAR, POINT, PlottedSearch, points

CROSS = "M-1,-1L1,1M1,-1L-1,1"
GREY, ABOVE = "#888888", alt.value(-8)
MANY = 30  # confirmed trials, beyond which only the winners are drawn
LABELS = alt.Axis(labelLimit=220)


def figures(plotted: PlottedSearch) -> dict[str, Chart]:
    """The figures by name, one of `values` for each param; what a chart says of itself is as in a comparison."""
    charts = {("history", ""): history(plotted)}
    charts |= {("values", param): values(plotted, param) for param in plotted.params}
    charts |= {("importances", ""): importances(plotted), ("confirmed", ""): confirmed(plotted)}
    made: dict[str, Chart] = {}
    for (figure, param), chart in charts.items():
        if chart is not None:
            chart.usermeta = {"figure": figure, "problem": param, "title": chart.title} | chart.usermeta
            name = "-".join(filter(None, (figure, re.sub(r"[^\w.-]+", "_", param)[:60])))
            made[name if name not in made else f"{name}-{len(made)}"] = chart
    return made


def history(plotted: PlottedSearch) -> Chart | None:
    """The value of each trial, and the best so far of each study."""
    table, value = points(plotted)
    if table.empty:
        return None
    table = table.sort_values("trial", kind="stable")
    results = table["value"].where(table["mark"] == POINT)
    so_far = results.groupby([table["option"], table["study"]]).transform("cummax" if plotted.maximize else "cummin")
    table = table.assign(best=so_far.groupby([table["option"], table["study"]]).ffill())
    x = alt.X("trial:Q", title="trial", scale=alt.Scale(nice=False, padding=8), axis=alt.Axis(tickMinStep=1))
    chosen, colored = _chosen(plotted), _color(plotted)
    line = alt.Chart(data(table)).mark_line(interpolate="step-after", strokeWidth=2).add_params(*chosen)
    line = line.encode(x, value.axis("best", None), colored, *_dash(plotted), detail="study:N")
    params, filters = _one_study(plotted)
    caption = f"A point is a trial, a line the best so far of a study.{_note(table)}"
    title = f"{plotted.metric} of each trial, and the best so far"
    marks = [line, *_marks(plotted, table, x, value)]
    return layered(marks, caption, filters=[*chosen, *filters], params=params, value=value, title=title)


def values(plotted: PlottedSearch, param: str) -> Chart | None:
    """The trials by the value of one param, and the winners on fresh seeds; nothing where it has only one value."""
    table, value = points(plotted)
    column = plotted.trials[param].dropna()
    numeric = all(isinstance(item, Real | np.number) and not isinstance(item, bool | np.bool_) for item in column)
    field = "x" if numeric else "pair"
    column = column.astype(float if numeric else str).rename(field)
    table = table.join(column, how="inner")
    if table[field].nunique() < 2:
        return None
    x, chosen = _axis(table[field], param), _chosen(plotted)
    first, *marks = _marks(plotted, table, x, value)
    marks = [first.add_params(*chosen), *marks]
    note, winners = "", _winners(plotted, column)
    if len(winners):
        over, shown = alt.Chart(data(winners)), tips(*plotted.about, mean=FINE, low=FINE, high=FINE, n="d")
        diamond = over.mark_point(shape="diamond", size=120, strokeWidth=2.5, opacity=1)
        low, colored = value.axis("low", None), _color(plotted)
        marks += [over.mark_rule(strokeWidth=2.5).encode(x, low, alt.Y2("high"), colored, tooltip=shown)]
        marks += [diamond.encode(x, value.axis("mean", None), colored, tooltip=shown)]
        note = " A diamond is the winner of a study: its mean over fresh seeds, and the 95 % interval."
    params, filters = _one_study(plotted)
    caption, title = f"A point is a trial.{note}{_note(table)}", f"{plotted.metric} by {param}"
    return layered(marks, caption, filters=[*chosen, *filters], params=params, value=value, title=title)


def importances(plotted: PlottedSearch) -> Chart | None:
    """How much depends on each param, over an option's studies; nothing where each study searches only one."""
    table = plotted.importances
    if table.empty or table.groupby(["option", "study"])["param"].nunique().max() < 2:
        return None
    several = len(plotted.options) > 1
    names = table["option"] + " " + table["param"] if several else table["param"]
    table = table.assign(pair=names, position=table["option"].map(plotted.options.index))
    bars = table.groupby(["position", "option", "pair"])["importance"].mean().reset_index()
    bars = bars.sort_values(["position", "importance"], ascending=[True, False])
    x = alt.X("importance:Q", title=None, axis=PERCENT, scale=alt.Scale(domain=[0, 1]))
    y, colored = alt.Y("pair:N", sort=bars["pair"].tolist(), title=None, axis=LABELS), _color(plotted, visible=False)
    shown = tips("pair", importance=".1%")
    bar = alt.Chart(data(bars[["option", "pair", "importance"]])).mark_bar(height=alt.RelativeBandSize(0.7))
    marks, note = [bar.encode(x, y, colored, tooltip=shown)], ""
    if plotted.studies > 1:
        ticks = alt.Chart(data(table[["option", "study", "pair", "importance"]])).mark_tick(thickness=1.5)
        marks.append(ticks.encode(x, y, tooltip=tips("pair", "study", importance=".1%")))
        note = ": the mean over the studies of the option; a tick is one of them"
    caption = f"The share of each param in what the value depends on, as Optuna estimates it from the trials{note}."
    return layered(marks, caption, height=22 * len(bars) + 20, title=f"importance of the params for {plotted.metric}")


def confirmed(plotted: PlottedSearch) -> Chart | None:
    """The best trials on fresh seeds, beside the values that they were chosen for; those of the best option first."""
    if plotted.confirmed.empty:
        return None
    table, runs = _best_first(plotted, _rows(plotted, plotted.confirmed)), _rows(plotted, plotted.runs)
    shown = pd.concat([runs["value"], table["searched"]])
    finite = shown[np.isfinite(shown)]
    room = (finite.max() - finite.min()) / 2  # that an interval may take beside them: of two seeds it is very long
    ends = {"start": table["low"].clip(lower=finite.min() - room), "end": table["high"].clip(upper=finite.max() + room)}
    table, value, colored = table.assign(**ends), Value(shown, "x"), _color(plotted, visible=False)
    y = alt.Y("pair:N", sort=table["pair"].tolist(), title=None, axis=LABELS)
    base, seeds = alt.Chart(data(table)), alt.Chart(data(runs))
    middle, searched = value.axis("mean", None), value.axis("searched", None)
    numbers = dict.fromkeys(("searched", "mean", "low", "high", "optimism"), FINE)
    over = base.encode(y, tooltip=tips(*plotted.about, **numbers, n="d"))
    dots = seeds.mark_circle(size=24, opacity=0.5)
    words = base.transform_filter("datum.label").mark_text(align="right", fontSize=10)
    marks = [
        over.mark_rule(strokeDash=[2, 3]).encode(searched, alt.X2("mean")),
        dots.encode(value.axis("value", None), y, colored, tooltip=tips(*plotted.about, "seed", value=FINE)),
        over.mark_rule(strokeWidth=2).encode(value.axis("start", None), alt.X2("end"), colored),
        over.mark_point(shape="diamond", size=80, strokeWidth=2, opacity=1).encode(middle, color=colored),
        over.mark_point(shape="circle", size=45, strokeWidth=1.5, opacity=1).encode(searched),
        words.encode(y, x=alt.value("width"), text="label:N"),
    ]
    left, name = len(plotted.confirmed) - len(table), " ".join([*plotted.where, "#trial"])
    caption = (
        "A point is a fresh seed, the diamond their mean, with its 95 % interval; the ring is the value in the search,"
        f" and the dotted line from it the optimism of choosing. A row is a trial: {name}."
    ) + (f" Only the winner of each study is drawn; {left:,} other trials are in the table." if left else "")
    title = f"{plotted.metric} of the best trials on fresh seeds"
    height = (22 if len(table) <= 30 else 15) * len(table) + 20
    return layered(marks, caption, value=value, height=height, title=title)


def _marks(plotted: PlottedSearch, table: pd.DataFrame, x: alt.X, value: Value) -> list[Layer]:
    """The trials: points, crosses above the plot for what is not on it, and grey ones for what is no result."""
    base = alt.Chart(data(table)).transform_calculate(result="datum.label")
    base = base.encode(x, tooltip=tips(*plotted.about, "result"))
    y, colored, of = value.axis("value", None), _color(plotted), "datum.mark == {}".format
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


def _axis(values: pd.Series, param: str) -> alt.X:
    if values.name == "pair":
        return alt.X("pair:N", title=param, axis=alt.Axis(labelAngle=0, labelLimit=150))
    log = values.min() > 0 and values.max() / values.min() > STEEP
    scale = alt.Scale(type="log", nice=False, padding=10) if log else alt.Scale(zero=False, nice=False, padding=10)
    return alt.X("x:Q", title=param, scale=scale, axis=alt.Axis(format=".3~g", grid=False))


def _winners(plotted: PlottedSearch, column: pd.Series) -> pd.DataFrame:
    """The winner of each study on fresh seeds, with its value of a param."""
    if plotted.confirmed.empty:
        return plotted.confirmed
    trials = plotted.trials[["option", "study", "trial"]].join(column, how="inner")
    winners = plotted.confirmed[plotted.confirmed["rank"] == 1]
    return winners.merge(trials, on=["option", "study", "trial"])


def _rows(plotted: PlottedSearch, table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are drawn, with the name of each one's trial, such as `adam 2 #17`."""
    table = table[(table["rank"] == 1) | (len(plotted.confirmed) <= MANY)]
    names = "#" + table["trial"].astype(str)
    for column in reversed(plotted.where):
        names = table[column].astype(str) + " " + names
    return table.assign(pair=names)


def _best_first(plotted: PlottedSearch, table: pd.DataFrame) -> pd.DataFrame:
    """The options by the mean of their winners; one that lost a run is the worst."""
    winners = table[table["rank"] == 1]
    worse = (winners["mean"] * (-1 if plotted.maximize else 1)).where(winners["label"] == "", math.inf)
    position = table["option"].map(worse.groupby(winners["option"]).mean())
    table = table.assign(position=position, order=table["option"].map(plotted.options.index))
    return table.sort_values(["position", "order", "study", "rank"]).drop(columns=["position", "order"])


def _color(plotted: PlottedSearch, visible: bool = True) -> alt.Color:
    shown = _legend() if visible and len(plotted.options) > 1 else None
    return alt.Color("option:N", scale=alt.Scale(domain=plotted.options), legend=shown)


def _legend() -> alt.Legend:
    return alt.Legend(title="option", symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1, symbolSize=250)


def _dash(plotted: PlottedSearch) -> list[alt.StrokeDash]:
    """Dashes for the options whose colour another one has."""
    if len(plotted.options) <= COLORS:
        return []
    dashes = [[(1, 0), (6, 3), (2, 2)][position // COLORS % 3] for position in range(len(plotted.options))]
    return [alt.StrokeDash("option:N", scale=alt.Scale(domain=plotted.options, range=dashes), legend=_legend())]


def _chosen(plotted: PlottedSearch) -> list[Any]:
    """The choice of options by a click into the legend, where there is one."""
    return [legend()] if len(plotted.options) > 1 else []


def _one_study(plotted: PlottedSearch) -> tuple[list[Any], list[str]]:
    """The menu of the studies and the filter that obeys it; neither where an option has only one."""
    if plotted.studies < 2:
        return [], []
    codes = list(range(plotted.studies + 1))
    menu = choice("which", "study", codes, ["all", *map(str, codes[1:])])
    return [menu], ["which == 0 || datum.study == which"]
