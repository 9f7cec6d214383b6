"""Charts are made of layers: marks over the same axes, filtered alike."""

from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from seedsweep.report.figures.encodings import ValueAxis, script
from seedsweep.report.figures.panel import Panel

Layer = alt.Chart
Chart = alt.LayerChart


def layered(
    marks: Iterable[Layer],
    caption: str,
    *,
    filters: Sequence[Any] = (),
    params: Sequence[Any] = (),
    fixed: Sequence[Layer] = (),
    value: ValueAxis | None = None,
    epochs: bool = False,
    height: int = 320,
    title: Any = "",
) -> Chart:
    """The chart of these marks; all but the `fixed` ones are filtered. `epochs` says that it may count in epochs.

    Its metadata tell, too, whether it shows what was `chosen` for each option.
    """
    layers = [filtered(mark, filters) for mark in marks]
    meta: dict[str, Any] = {"epochs": True} if epochs else {}
    meta |= {"chosen": True} if any(param.name == "shown" for param in params) else {}
    if value is not None:
        layers = [value.limited(layer) for layer in layers]
        params, meta = [*params, *value.params], meta | value.meta
    layout: dict[str, Any] = {"width": "container", "height": height}
    layer: Any = alt.layer(*fixed, *layers).add_params(*params)
    chart: Chart = layer.properties(description=caption, title=title, usermeta=meta, **layout)
    return chart


def filtered(mark: Layer, filters: Iterable[Any]) -> Layer:
    """The layer of the rows that pass all of these."""
    for condition in filters:
        mark = mark.transform_filter(condition)
    return mark


def named(panel: Panel, mark: Layer) -> Layer:
    """The layer with the names of its settings."""
    return mark.transform_calculate(setting=f"{script(panel.settings)}[datum.position]")


def hovered(points: Layer, tooltip: alt.TooltipValue) -> Layer:
    """Points that appear when the pointer is near, with their numbers."""
    near = alt.selection_point(name="near", on="pointerover", nearest=True, clear="pointerout", empty=False)
    return points.encode(opacity=alt.condition(near, alt.value(1), alt.value(0)), tooltip=tooltip).add_params(near)
