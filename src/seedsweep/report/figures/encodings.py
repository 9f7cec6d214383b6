"""What the figures have in common: their tables, scales, legends, choices and what is shown under the pointer."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from seedsweep.report.figures.data import Panel, as_text

CROWD = 5  # options whose bands can be told apart
COLORS = 10  # that can be told apart; with more options their lines are dashed as well
TEXTS = {"option", "seed", "setting", "pair", "label", "part"}  # the columns that are no numbers
STEEP = 30  # a ratio of values beyond which a scale is logarithmic at first
UNLIMITED = -1e300
WORDS = {
    "n": "seeds",
    "low": "interval from",
    "high": "to",
    "mean_low": "interval from",
    "mean_high": "to",
    "adjusted": "adjusted p",
    "probability": "better on a seed",
    "score": "value",
    "end": "to",
    "reached": "reached by",
    "budget": "settings tried",
    "expected": "expected best",
    "best": "probability",
}

FINE = ".4~g"  # how numbers are shown under the pointer
PERCENT = alt.Axis(format=".0%")
Layer = alt.Chart
Chart = alt.LayerChart


def data(table: pd.DataFrame) -> alt.InlineData:
    """The table as the data of a chart: one text, as records of thousands of rows take seconds to check."""
    parse = {str(name): "string" if name in TEXTS else "number" for name in table}
    form = alt.CsvDataFormat(parse=parse, type="csv")
    return alt.InlineData(values=as_text(table), format=form)


class Value:
    """The axis of what was measured: linear, or logarithmic where values are steep and positive.

    On a logarithmic axis what is not positive is drawn at its lower end; the parameter `floor` of the chart says where.
    """

    def __init__(self, values: pd.Series, channel: str, log: bool | None = None, offer: bool = True):
        finite = values[np.isfinite(values)]
        positive = finite[finite > 0]
        self.offered = offer and len(positive) > 0
        self.floor = 0.3 * float(positive.min()) if len(positive) else 0.0
        steep = len(positive) == len(finite) > 0 and positive.max() / positive.min() > STEEP
        self.log = self.offered and bool(steep if log is None else log)
        self._channel = channel
        self._fields: dict[str, None] = {}

    def axis(self, field: str, title: str | None) -> Any:
        """The encoding of that column."""
        self._fields[field] = None
        scale = alt.Scale(type="log", nice=False) if self.log else alt.Scale(type="linear", zero=False)
        return (alt.Y if self._channel == "y" else alt.X)(f"{field}:Q", title=title, scale=scale)

    def limited(self, mark: Layer) -> Layer:
        """The layer with its values limited from below."""
        limits = {field: f"isValid(datum.{field}) ? max(datum.{field}, floor) : null" for field in self._fields}
        return mark.transform_calculate(**limits)

    @property
    def params(self) -> list[Any]:
        return [alt.param(name="floor", value=self.floor if self.log else UNLIMITED)]

    @property
    def meta(self) -> dict[str, Any]:
        """What a page needs in order to change the scale."""
        return {"log": {"channel": self._channel, "on": self.log, "floor": self.floor}} if self.offered else {}


def layered(
    marks: Iterable[Layer],
    caption: str,
    *,
    filters: Sequence[Any] = (),
    params: Sequence[Any] = (),
    fixed: Sequence[Layer] = (),
    value: Value | None = None,
    epochs: bool = False,
    height: int = 320,
    title: Any = "",
) -> Chart:
    """The chart of these marks; all but the `fixed` ones are filtered. `epochs` says that it may count in epochs.

    Its meta data say, too, if it is of what was `chosen` for each option.
    """
    limited = [filtered(mark, filters) for mark in marks]
    meta: dict[str, Any] = {"epochs": True} if epochs else {}
    meta |= {"chosen": True} if any(param.name == "shown" for param in params) else {}
    if value is not None:
        limited = [value.limited(mark) for mark in limited]
        params, meta = [*params, *value.params], meta | value.meta
    chart: Any = alt.layer(*fixed, *limited).add_params(*params)
    made: Chart = chart.properties(width="container", height=height, description=caption, title=title, usermeta=meta)
    return made


def steps() -> alt.X:
    """The axis of training; a page may count it in epochs."""
    return alt.X("step:Q", title="step", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, tickCount=10))


def color(panel: Panel, legend: bool = True) -> alt.Color:
    """The colour of an option, the same in every figure."""
    shown = _legend(panel) if legend else None
    return alt.Color("option:N", scale=alt.Scale(domain=panel.options), legend=shown)


def dash(panel: Panel) -> list[alt.StrokeDash]:
    """Dashes for the options whose colour another one has."""
    if len(panel.options) <= COLORS:
        return []
    dashes = [[(1, 0), (6, 3), (2, 2)][position // COLORS % 3] for position in range(len(panel.options))]
    return [alt.StrokeDash("option:N", scale=alt.Scale(domain=panel.options, range=dashes), legend=_legend(panel))]


def _legend(panel: Panel) -> alt.Legend:
    by = panel.comparison.question.by
    return alt.Legend(title=by, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1, symbolSize=250)


def legend() -> Any:
    """A choice of options, by clicking into the legend: each click adds or takes away one; none are all."""
    return alt.selection_point(name="legend", fields=["option"], bind="legend", toggle="true")


def tips(*columns: str, **numbers: str) -> alt.TooltipValue:
    """What is shown under the pointer: these columns as they are, and these numbers, each with its format.

    Vega-Lite's own would show a number that is not there as 0, and no text of the nearest point.
    """
    row = "(datum.datum || datum)"  # the nearest point is inside the cell around it
    shown = {name: f"{row}[{json.dumps(name)}]" for name in (*columns, *numbers)}
    cells = [f"{json.dumps(WORDS.get(name, name))}: {shown[name]}" for name in columns]
    for name, form in numbers.items():
        value = f"isValid({shown[name]}) ? format({shown[name]}, {json.dumps(form)}) : '–'"
        cells.append(f"{json.dumps(WORDS.get(name, name))}: {value}")
    return alt.TooltipValue(alt.expr(f"{{{', '.join(cells)}}}"))


def hovered(points: Layer, tooltip: alt.TooltipValue) -> Layer:
    """Points that appear when the pointer is near, with their numbers."""
    near = alt.selection_point(name="near", on="pointerover", nearest=True, clear="pointerout", empty=False)
    return points.encode(opacity=alt.condition(near, alt.value(1), alt.value(0)), tooltip=tooltip).add_params(near)


def script(values: Sequence[str]) -> str:
    """A list of texts in the language of Vega's expressions, which reads JSON."""
    return json.dumps(list(values))


def choice(name: str, label: str, values: Sequence[int], texts: Sequence[str]) -> Any:
    """A menu whose value is a number, as texts may be anything."""
    menu = alt.binding_select(options=list(values), labels=list(texts), name=f"{label} ")
    return alt.param(name=name, value=values[0], bind=menu)


def settings(panel: Panel, everything: bool = False) -> tuple[list[Any], list[Any]]:
    """The menu of the settings and the filter that obeys it; neither where there is only one."""
    if len(panel.settings) < 2:
        return [], []
    names = [name or "–" for name in panel.settings]
    codes, texts = [-1, *range(len(names))], ["each at its best", *names]
    if everything:
        codes, texts = [*codes, -2], [*texts, "all settings"]
    rule = "shown == -1 ? datum.best == 1 : shown == -2 || datum.position == shown"
    return [choice("shown", "setting", codes, texts)], [rule]


def crowded(panel: Panel) -> tuple[list[Any], list[Any], str]:
    """Where the bands of many options would cover each other: a switch, the filter that obeys it, and a sentence."""
    if len(panel.options) <= CROWD:
        return [], [], ""
    switch = alt.param(name="bands", value=False, bind=alt.binding_checkbox(name="bands "))
    return (
        [switch],
        ["bands"],
        f" The bands (intervals) of {len(panel.options)} are left out at first, as they cover each other.",
    )


def filtered(mark: Layer, filters: Iterable[Any]) -> Layer:
    """The layer of the rows that pass all of these."""
    for condition in filters:
        mark = mark.transform_filter(condition)
    return mark


def named(panel: Panel, mark: Layer) -> Layer:
    """The layer with the names of its settings."""
    return mark.transform_calculate(setting=f"{script(panel.settings)}[datum.position]")


def level(panel: Panel) -> str:
    return f"{100 * panel.comparison.question.confidence:.4g} %"


def selected(panel: Panel) -> str:
    """What of a curve was compared, in words."""
    return {"last": "final", "best": "best", "auc": "mean of"}[panel.comparison.question.select]
