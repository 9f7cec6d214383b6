"""What a reader can choose in a figure: options by the legend, settings by a menu, bands by a switch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt

from seedsweep.report.figures.panel import Panel

CROWD = 5  # options whose bands can be told apart


class Controls(NamedTuple):
    """The parameters of a chart that a reader sets, the filters that obey them, and a sentence for the caption."""

    params: Sequence[Any] = ()
    filters: Sequence[Any] = ()
    note: str = ""


def legend() -> Any:
    """A choice of options, by clicking into the legend: each click adds or takes away one; none are all."""
    return alt.selection_point(name="legend", fields=["option"], bind="legend", toggle="true")


def menu(name: str, label: str, values: Sequence[int], labels: Sequence[str]) -> Any:
    """A menu whose value is an integer, as labels may be anything."""
    select = alt.binding_select(options=list(values), labels=list(labels), name=f"{label} ")
    return alt.param(name=name, value=values[0], bind=select)


def switch(name: str, label: str) -> Any:
    """A box that is not ticked at first."""
    return alt.param(name=name, value=False, bind=alt.binding_checkbox(name=f"{label} "))


def setting_menu(panel: Panel, with_all: bool = False) -> Controls:
    """The menu of the settings, where there are several; `with_all` offers to show all at once."""
    if len(panel.settings) < 2:
        return Controls()
    names = [name or "–" for name in panel.settings]
    codes, labels = [-1, *range(len(names))], ["each at its best", *names]
    if with_all:
        codes, labels = [*codes, -2], [*labels, "all settings"]
    rule = "shown == -1 ? datum.best == 1 : shown == -2 || datum.position == shown"
    return Controls([menu("shown", "setting", codes, labels)], [rule])


def band_switch(panel: Panel) -> Controls:
    """A switch for the bands, where those of many options would cover each other."""
    if len(panel.options) <= CROWD:
        return Controls()
    note = f" The bands (intervals) of {len(panel.options)} are left out at first, as they cover each other."
    return Controls([switch("bands", "bands")], ["bands"], note)


def rest_menu(rests: Sequence[str]) -> Controls:
    """A menu of the rest of the settings, where more than the learning rate was swept."""
    if len(rests) < 2:
        return Controls()
    codes, labels = [-1, *range(len(rests)), -2], ["the best at each rate", *(rest or "–" for rest in rests), "all"]
    rule = "rest == -1 ? datum.top == 1 : rest == -2 || datum.rest == rest"
    note = f" Of the {len(rests)} settings of the other params, at each rate the one with the best mean is drawn."
    return Controls([menu("rest", "other params", codes, labels)], [rule], note)


def metric_menu(metrics: Sequence[str]) -> Controls:
    """A menu of metrics, where there are several: the one in question first, and those on test rows."""
    if len(metrics) < 2:
        return Controls()
    return Controls([menu("measured", "metric", list(range(len(metrics))), metrics)], ["datum.metric == measured"])


def study_menu(studies: int) -> Controls:
    """The menu of a search's studies, where an option has several."""
    if studies < 2:
        return Controls()
    codes = list(range(studies + 1))
    params = [menu("which", "study", codes, ["all", *map(str, codes[1:])])]
    return Controls(params, ["which == 0 || datum.study == which"])
