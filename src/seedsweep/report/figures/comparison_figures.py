"""The figures of a comparison, as Altair charts.

Altair, because one specification of such a chart is both an interactive drawing in a page that needs no network, with
what it shows under the pointer and a legend to choose by, and, without a browser, a PNG, SVG or PDF (by vl-convert).
Its JavaScript takes 0.9 MB of a page, where that of Plotly takes more than 4.
"""

import re
from collections.abc import Collection

from seedsweep.comparison.compare import Comparison
from seedsweep.comparison.question import BEST, SAME
from seedsweep.report.figures.answer_figures import leader_map, options_at_best
from seedsweep.report.figures.curve_figures import (
    best_at_budget,
    curves,
    profile,
    suboptimality,
    time_to_target,
    tunability,
)
from seedsweep.report.figures.group_figures import differences, distribution, learning_rates, shares
from seedsweep.report.figures.layers import Chart
from seedsweep.report.figures.panel import Panel, panels
from seedsweep.report.figures.rank_figures import ranks

FIGURES = {
    "answer": options_at_best,
    "answer_map": leader_map,
    "ranks": ranks,
    "curves": curves,
    "suboptimality": suboptimality,
    "learning_rates": learning_rates,
    "distribution": distribution,
    "differences": lambda panel: differences(panel, BEST),
    "differences_same": lambda panel: differences(panel, SAME),
    "time_to_target": time_to_target,
    "tunability": tunability,
    "best_at_budget": best_at_budget,
    "shares": shares,
    "profile": profile,
}
OF_ALL = ("ranks", "profile")  # figures of all problems together


def comparison_figures(comparison: Comparison, kinds: Collection[str] = tuple(FIGURES)) -> dict[str, Chart]:
    """The figures of these kinds by name, each of one problem; one that has nothing to plot is absent.

    With several problems the name of each follows that of the figure. The `description` of a chart is its caption, its
    `usermeta` what a page can change: `log` the scale of a channel, `epochs` the axis of steps; and the `title` that it
    has on paper, where nothing else says what it shows.
    """
    charts: dict[str, Chart] = {}
    problems = panels(comparison)
    for figure, draw in FIGURES.items():
        if figure not in kinds:
            continue
        of_all = figure in OF_ALL
        for number, panel in enumerate(problems[:1] if of_all else problems, start=1):
            chart = draw(panel)
            if chart is None:
                continue
            about = {} if of_all else {"problem": panel.problem}
            chart.usermeta = {"figure": figure} | about | chart.usermeta | {"title": _title(chart, panel, of_all)}
            name = figure if of_all or len(problems) == 1 else f"{figure}-{_slug(panel.problem)}"
            charts[name if name not in charts else f"{name}-{number}"] = chart
    return charts


def kind_of(name: str) -> str | None:
    """The kind of the figure of that name, which its data set may follow; None where there is none."""
    return next((kind for kind in FIGURES if name == kind or name.startswith(f"{kind}-")), None)


def _title(chart: Chart, panel: Panel, of_all: bool) -> str:
    """Such as `final val/loss over 30 seeds, each at its best setting – wine`."""
    runs = panel.comparison.runs
    runs = runs if of_all else runs[runs["problem"] == panel.problem]
    seeds, setting = runs["seed"].nunique(), panel.settings[0]
    where = f", at {setting}" if setting else ""
    if len(panel.settings) > 1:
        where = ", each at its best setting" if chart.usermeta.get("chosen") else ""
    where = chart.usermeta.get("where", where)
    over = f" over {seeds:,} seeds" if seeds > 1 else ", one seed"
    data = f"{runs['problem'].nunique()} data sets" if of_all else panel.problem
    return f"{chart.usermeta.get('title', chart.title)}{over}{where}{f' – {data}' if data else ''}"


def _slug(name: str) -> str:
    """The name as it can stand in that of a file."""
    return re.sub(r"[^\w.-]+", "_", name)[:60]
