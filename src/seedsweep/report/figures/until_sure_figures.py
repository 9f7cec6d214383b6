"""The figures of a sweep that bought its seeds: evidence over seeds, what was bought, the last two on fresh seeds."""

from dataclasses import dataclass

import altair as alt
import pandas as pd

from seedsweep.report.figures.controls import legend
from seedsweep.report.figures.encodings import CROSS, FINE, ValueAxis, color, dash, data, tips
from seedsweep.report.figures.layers import Chart, layered

MANY = 40  # cells that have a row of their own in a figure
LABELS = alt.Axis(labelLimit=260)
GREY = "#888888"


@dataclass(frozen=True)
class _Options:
    """What a colour needs to know."""

    options: list[str]
    by: str


def until_sure_figures(
    cells: pd.DataFrame, looks: pd.DataFrame, metric: str, by: str, confidence: float
) -> dict[str, Chart]:
    """The figures by name; what a chart says of itself is as in a comparison."""
    options = _Options(list(dict.fromkeys(cells["option"])), by)
    charts: dict[tuple[str, str], Chart] = {}
    for name, of_data in looks.groupby("data", sort=False):
        charts["evidence", str(name)] = _evidence(of_data, options, 2 / (1 - confidence))
    for name, of_cells in cells.groupby("data", sort=False):
        charts["bought", str(name)] = _bought(of_cells, options)
        if of_cells["fresh"].notna().any():
            charts["fresh", str(name)] = _fresh(of_cells, options, metric, confidence)
    named: dict[str, Chart] = {}
    for (figure, data_set), chart in charts.items():
        chart.usermeta = {"figure": figure, "problem": data_set, "title": chart.title} | chart.usermeta
        named["-".join(filter(None, (figure, data_set)))] = chart
    return named


def _evidence(looks: pd.DataFrame, options: _Options, enough: float) -> Chart:
    """The evidence against each cell over the seeds, up to where it was dropped."""
    table = looks[["option", "cell", "seeds", "evidence"]].assign(dropped=(~looks["lives"]).astype(int))
    chosen = [legend()] if len(options.options) > 1 else []
    x = alt.X("seeds:Q", title="seeds", scale=alt.Scale(nice=False, padding=8), axis=alt.Axis(tickMinStep=1))
    y = alt.Y("evidence:Q", title=None, scale=alt.Scale(type="log", nice=False))
    base = alt.Chart(data(table.rename(columns={"cell": "setting"})))
    line = base.mark_line(strokeWidth=1.8, opacity=0.8).add_params(*chosen)
    tip = tips("option", "setting", seeds="d", evidence=".3~g")
    end = base.transform_filter("datum.dropped").mark_point(shape=CROSS, size=50, strokeWidth=2, opacity=1)
    marks = [line.encode(x, y, color(options), *dash(options), detail="setting:N", tooltip=tip)]
    marks.append(end.encode(x, y, color(options), tooltip=tip))
    marks.append(base.mark_circle(size=14).encode(x, y, color(options), tooltip=tip))
    limit = alt.Chart(data(pd.DataFrame({"evidence": [enough]})))
    rule = limit.mark_rule(strokeDash=[4, 3], color=GREY).encode(alt.Y("evidence:Q"))
    caption = (
        f"A line is a cell: what a gambler has won who bets that it is not the best; at {enough:.3g} it is dropped."
    )
    return layered(marks, caption, filters=chosen, fixed=[rule], title="evidence that a cell is not the best")


def _bought(cells: pd.DataFrame, options: _Options) -> Chart:
    """How many seeds each cell got."""
    table = cells.head(MANY)[["option", "cell", "seeds", "lost"]].rename(columns={"cell": "pair"})
    bars = alt.Chart(data(table)).mark_bar(height=alt.RelativeBandSize(0.7))
    y = alt.Y("pair:N", sort=table["pair"].tolist(), title=None, axis=LABELS)
    marks = [
        bars.encode(
            alt.X("seeds:Q", title="seeds"), y, color(options, legend=False), tooltip=tips("pair", seeds="d", lost="d")
        )
    ]
    caption = (
        f"{cells['seeds'].sum():,} runs; a bar is a cell, and its length the seeds that it got before it was dropped."
    )
    if len(cells) > MANY:
        caption += f" The first {MANY} of {len(cells):,} cells."
    return layered(marks, caption, height=18 * len(table) + 20, title="seeds that each cell got")


def _fresh(cells: pd.DataFrame, options: _Options, metric: str, confidence: float) -> Chart:
    """The winner and the one that came closest, on seeds that had no part in the choice."""
    table = cells[cells["fresh"].notna()][["option", "cell", "mean", "fresh", "low", "high"]]
    table = table.rename(columns={"cell": "pair", "fresh": "value", "mean": "bought"})
    value = ValueAxis(pd.concat([table[name] for name in ("value", "low", "high", "bought")]), "x")
    base = alt.Chart(data(table))
    y = alt.Y("pair:N", sort=table["pair"].tolist(), title=None, axis=LABELS)
    tip = tips("pair", value=FINE, low=FINE, high=FINE, bought=FINE)
    row = base.encode(y, tooltip=tip)
    marks = [
        row.mark_rule(strokeWidth=2).encode(value.of("low"), alt.X2("high"), color(options, legend=False)),
        row.mark_point(shape="diamond", size=80, strokeWidth=2, opacity=1).encode(
            value.of("value"), color=color(options, legend=False)
        ),
        row.mark_point(shape="circle", size=45, strokeWidth=1.5, opacity=1).encode(value.of("bought")),
    ]
    caption = (
        f"A diamond is the mean over fresh seeds with its {100 * confidence:.3g} % interval; the ring is the mean over"
        " the seeds that it was chosen by, which flatters."
    )
    return layered(marks, caption, value=value, height=22 * len(table) + 20, title=f"{metric} on fresh seeds")
