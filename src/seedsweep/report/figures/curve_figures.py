"""The figures that are lines over steps, tried settings or ratios."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from seedsweep.outcomes import SUBOPTIMALITY
from seedsweep.report.figures import data as plot_data
from seedsweep.report.figures.data import Panel
from seedsweep.report.figures.encodings import (
    FINE,
    PERCENT,
    Chart,
    Value,
    choice,
    color,
    crowded,
    dash,
    data,
    filtered,
    hovered,
    layered,
    legend,
    level,
    named,
    script,
    settings,
    steps,
    tips,
)

BOUNDED = "isValid(datum.low) && isValid(datum.high)"
DETAIL = ["option:N", "position:N"]  # a line for each group


def curves(panel: Panel) -> Chart | None:
    """Every metric that has a curve, the one in question first."""
    bands = panel.comparison.bands
    if bands.empty:
        return None
    lengths = bands[bands["problem"] == panel.problem].groupby("metric", sort=False)["step"].nunique()
    names = [str(name) for name in lengths.index[lengths > 1] if name not in (panel.metric, SUBOPTIMALITY)]
    return _mean_curves(panel, [panel.metric, *names] if panel.metric in lengths else names)


def suboptimality(panel: Panel) -> Chart | None:
    """The distance from the optimum, where that is not the metric in question."""
    is_measured = not panel.comparison.bands.empty and panel.metric != SUBOPTIMALITY
    return _mean_curves(panel, [SUBOPTIMALITY]) if is_measured else None


def _mean_curves(panel: Panel, metrics: list[str]) -> Chart | None:
    table, note = plot_data.mean_curves(panel, metrics)
    if table.empty:
        return None
    lines, seeds_note = plot_data.seed_curves(panel, metrics)
    value = Value(table.loc[table["metric"] == 0, "mean"], "y", log=True if metrics[0] == SUBOPTIMALITY else None)
    base, chosen = named(panel, alt.Chart(data(table))), legend()
    y, colored = value.axis("mean", None), color(panel)
    band = base.mark_area(opacity=0.18).encode(steps(), value.axis("low", None), alt.Y2("high"), colored, detail=DETAIL)
    line = base.mark_line(strokeWidth=2).encode(steps(), y, colored, *dash(panel), detail=DETAIL).add_params(chosen)
    shown = tips("option", "setting", mean=FINE, low=FINE, high=FINE, n="d", step=",d", epoch=".3~g")
    marks = [band, line, hovered(base.mark_point(filled=True, size=60).encode(steps(), y, colored), shown)]
    params, filters = settings(panel, everything=True)
    if len(lines):
        seed_lines = alt.Chart(data(lines)).mark_line(strokeWidth=0.6, opacity=0.45).transform_filter("seeds")
        single = value.axis("value", None)
        marks.insert(0, seed_lines.encode(steps(), single, colored, detail=["line:N", "metric:N"]))
        params.append(alt.param(name="seeds", value=False, bind=alt.binding_checkbox(name="every seed ")))
    title: Any = metrics[0]
    if len(metrics) > 1:
        title = alt.TitleParams(alt.expr(f"{script(metrics)}[metric]"))
        params.insert(0, choice("metric", "metric", range(len(metrics)), metrics))
        filters = [*filters, "datum.metric == metric"]
    caption = f"The mean over the seeds; the band is the {level(panel)} interval of the mean.{note}{seeds_note}"
    filters = [chosen, *filters]
    chart = layered(marks, caption, filters=filters, params=params, value=value, epochs=True, title=title)
    chart.usermeta |= {"title": f"{metrics[0]} by step"}
    return chart


def time_to_target(panel: Panel) -> Chart | None:
    table = plot_data.reached(panel)
    if table.empty:
        return None
    times = panel.comparison.times
    target = float(times.loc[times["problem"] == panel.problem, "target"].iloc[0])
    base, chosen, colored = named(panel, alt.Chart(data(table))), legend(), color(panel)
    y = alt.Y("reached:Q", title=None, axis=PERCENT, scale=alt.Scale(domain=[0, 1]))
    switch, on, note = crowded(panel)
    band = filtered(base.mark_area(opacity=0.15, interpolate="step-after", clip=True), on)
    line = base.mark_line(strokeWidth=2, interpolate="step-after").encode(
        steps(), y, colored, *dash(panel), detail=DETAIL
    )
    shown = tips("option", "setting", reached=".0%", low=".0%", high=".0%", step=",d", epoch=".3~g")
    dots = base.mark_point(filled=True, size=60).encode(steps(), y, colored)
    marks = [
        band.encode(steps(), alt.Y("low:Q", title=None), alt.Y2("high"), colored, detail=DETAIL),
        line.add_params(chosen),
        hovered(dots, shown),
    ]
    sign = "≥" if panel.metric.is_maximized else "≤"
    goal = f"{panel.metric} {sign} {target:.4g}"
    interval = note or f" The band is its {level(panel)} interval."
    caption = f"The share of the seeds that have reached {goal} (Kaplan–Meier).{interval}"
    params, filters = settings(panel, everything=True)
    params += switch
    title = f"seeds with {goal}"
    chart = layered(marks, caption, filters=[chosen, *filters], params=params, epochs=True, height=280, title=title)
    chart.usermeta |= {"title": f"{goal} reached"}
    return chart


def tunability(panel: Panel) -> Chart | None:
    table = _budgets(panel)
    if table.empty or table["budget"].nunique() < 2:
        return None
    value, chosen = Value(table["expected"], "y"), legend()
    base, x, colored = alt.Chart(data(table)), _tried(table), color(panel)
    low, y = value.axis("low", None), value.axis("expected", None)
    switch, on, note = crowded(panel)
    band = filtered(base.mark_area(opacity=0.1), [BOUNDED, *on])
    line = base.mark_line(strokeWidth=2).encode(x, y, colored, *dash(panel)).add_params(chosen)
    shown = tips("option", expected=FINE, low=FINE, high=FINE, budget="d")
    marks = [
        band.encode(x, low, alt.Y2("high"), colored),
        line,
        hovered(base.mark_point(filled=True, size=60).encode(x, y, colored), shown),
    ]
    caption = "The best value to expect after trying so many settings at random, each with one seed."
    caption += note or " The band holds the central 95 % of such searches."
    if not np.isfinite(table[["low", "high"]]).all(axis=None):
        caption += " There is no band where runs that diverged leave it without an end."
    title = f"best {panel.metric} to expect"
    return layered(marks, caption, filters=[chosen], params=switch, value=value, height=280, title=title)


def best_at_budget(panel: Panel) -> Chart | None:
    table = _budgets(panel)
    if table.empty or table["budget"].nunique() < 2 or table["option"].nunique() < 2:
        return None
    table, chosen = table.dropna(subset="best"), legend()
    base, x, colored = alt.Chart(data(table)), _tried(table), color(panel)
    y = alt.Y("best:Q", title=None, axis=PERCENT, scale=alt.Scale(domainMin=0))
    line = base.mark_line(strokeWidth=2).encode(x, y, colored, *dash(panel)).add_params(chosen)
    dots = hovered(base.mark_point(filled=True, size=60).encode(x, y, colored), tips("option", best=".1%", budget="d"))
    caption = "How likely each is the best of all when so many settings of each are tried."
    return layered(
        [line, dots], caption, filters=[chosen], height=240, title=f"probability to be the best by {panel.metric}"
    )


def _budgets(panel: Panel) -> pd.DataFrame:
    frame = panel.comparison.tunability
    return frame if frame.empty else frame[frame["problem"] == panel.problem].drop(columns="problem")


def _tried(table: pd.DataFrame) -> alt.X:
    budgets = sorted(set(table["budget"]))
    axis = alt.Axis(values=[int(budget) for budget in budgets[:: 1 + len(budgets) // 15]], format="d")
    return alt.X("budget:Q", title="settings tried", axis=axis, scale=alt.Scale(nice=False))


def profile(panel: Panel) -> Chart | None:
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
