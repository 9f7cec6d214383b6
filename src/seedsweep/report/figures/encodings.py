"""How values become marks: the data of a chart, its scales and colours, and what is shown under the pointer."""

import json
import math
from collections.abc import Sequence
from typing import Any, Protocol

import altair as alt
import numpy as np
import pandas as pd

from seedsweep.config.csv_cells import csv_of
from seedsweep.report.figures.names import with_short_names

NAME = 170  # pixels that the name of an option has beside a figure
COLORS = 10  # that can be told apart; with more options their lines are dashed as well
STRINGS = {"option", "seed", "setting", "pair", "label", "source"}  # the columns that are no numbers
STEEP = 30  # a ratio of values beyond which a scale is logarithmic at first
UNLIMITED = -1e300
CROSS = "M-1,-1L1,1M1,-1L-1,1"  # the shape of a mark
ABOVE = alt.value(-8)  # the plot, where a cross stands
FINE = ".4~g"  # how numbers are shown under the pointer
PERCENT = alt.Axis(format=".0%")
LABELS = {  # what a column is called under the pointer, where its own name does not say it
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
    "source": "part",
    "behind": "behind by",
}


class HasOptions(Protocol):
    """What a colour needs to know: the `options`, the same in all figures, and what they are values of."""

    @property
    def options(self) -> list[str]: ...

    @property
    def by(self) -> str: ...


def csv(table: pd.DataFrame) -> str:
    """The table as CSV with six digits; what is not finite is left empty."""
    return csv_of(table.replace([math.inf, -math.inf], math.nan), float_format="%.6g")


def data(table: pd.DataFrame) -> alt.InlineData:
    """The table as the data of a chart: one string, as records of thousands of rows take seconds to check."""
    parse = {str(name): "string" if name in STRINGS else "number" for name in table}
    return alt.InlineData(values=csv(table), format=alt.CsvDataFormat(parse=parse, type="csv"))


class ValueAxis:
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

    def of(self, field: str) -> Any:
        """The encoding of that column."""
        self._fields[field] = None
        scale = alt.Scale(type="log", nice=False) if self.log else alt.Scale(type="linear", zero=False)
        return (alt.Y if self._channel == "y" else alt.X)(f"{field}:Q", title=None, scale=scale)

    def limited(self, mark: alt.Chart) -> alt.Chart:
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


def steps() -> alt.X:
    """The axis of training; a page may count it in epochs."""
    return alt.X("step:Q", title="step", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, tickCount=10))


def color(plotted: HasOptions, legend: bool = True) -> alt.Color:
    """The colour of an option, the same in every figure."""
    return alt.Color("option:N", scale=alt.Scale(domain=plotted.options), legend=_strokes(plotted) if legend else None)


def dash(plotted: HasOptions) -> list[alt.StrokeDash]:
    """Dashes for the options whose colour another one has."""
    if len(plotted.options) <= COLORS:
        return []
    dashes = [[(1, 0), (6, 3), (2, 2)][index // COLORS % 3] for index in range(len(plotted.options))]
    scale = alt.Scale(domain=plotted.options, range=dashes)
    return [alt.StrokeDash("option:N", scale=scale, legend=_strokes(plotted))]


def _strokes(plotted: HasOptions) -> alt.Legend:
    symbols: dict[str, Any] = {"symbolStrokeWidth": 3, "symbolOpacity": 1, "symbolSize": 250}
    return alt.Legend(title=plotted.by, symbolType="stroke", **symbols, **with_short_names(plotted.options, NAME))


def tips(*columns: str, **numbers: str) -> alt.TooltipValue:
    """What is shown under the pointer: these columns as they are, and these numbers, each with its format.

    Vega-Lite's own would show a number that is missing as 0, and no string of the nearest point.
    """
    row = "(datum.datum || datum)"  # the nearest point is inside the cell around it
    fields = {name: f"{row}[{json.dumps(name)}]" for name in (*columns, *numbers)}
    cells = [f"{json.dumps(LABELS.get(name, name))}: {fields[name]}" for name in columns]
    for name, form in numbers.items():
        number = f"isValid({fields[name]}) ? format({fields[name]}, {json.dumps(form)}) : '–'"
        cells.append(f"{json.dumps(LABELS.get(name, name))}: {number}")
    return alt.TooltipValue(alt.expr(f"{{{', '.join(cells)}}}"))


def script(strings: Sequence[str]) -> str:
    """A list of strings in the language of Vega's expressions, which reads JSON."""
    return json.dumps(list(strings))
