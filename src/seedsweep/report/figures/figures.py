"""The figures of a comparison, as Altair charts.

Altair, because one specification of such a chart is both an interactive drawing in a page that needs no network, with
what it shows under the pointer and a legend to choose by, and, without a browser, a PNG (by vl-convert). Its JavaScript
takes 0.9 MB of a page, where that of Plotly takes more than 4.
"""

import re

from seedsweep.comparison.compare import Comparison
from seedsweep.comparison.verdicts import BEST, SAME
from seedsweep.report.figures import data as plot_data
from seedsweep.report.figures.curve_figures import (
    best_at_budget,
    curves,
    profile,
    suboptimality,
    time_to_target,
    tunability,
)
from seedsweep.report.figures.data import Panel
from seedsweep.report.figures.encodings import Chart
from seedsweep.report.figures.group_figures import differences, distribution, learning_rates, shares

FIGURES = {
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


def figures(comparison: Comparison) -> dict[str, Chart]:
    """The figures by name, each of one problem; one whose data is not there is absent.

    With several problems the name of each stands behind that of the figure. The `description` of a chart is its
    caption, its `usermeta` what a page can change: `log` the scale of a channel, `epochs` the axis of steps; and the
    `title` that it has on paper, where nothing else says what it shows.
    """
    charts: dict[str, Chart] = {}
    panels = plot_data.parts(comparison)
    for name, draw in FIGURES.items():
        for panel in panels[:1] if name == "profile" else panels:
            chart = draw(panel)
            if chart is not None:
                about = {} if name == "profile" else {"problem": panel.problem}
                title = _title(chart, panel, name == "profile")
                chart.usermeta = {"figure": name} | about | chart.usermeta | {"title": title}
                file_name = name if len(panels) == 1 or not about else f"{name}-{_slug(panel.problem)}"
                charts[file_name if file_name not in charts else f"{file_name}-{len(charts)}"] = chart
    return charts


def _title(chart: Chart, panel: Panel, everywhere: bool) -> str:
    """Such as `final val/loss over 30 seeds, each at its best setting – wine`."""
    runs = panel.comparison.runs
    runs = runs if everywhere else runs[runs["problem"] == panel.problem]
    seeds, one = runs["seed"].nunique(), panel.settings[0]
    where = f", at {one}" if one else ""
    if len(panel.settings) > 1:
        where = ", each at its best setting" if chart.usermeta.get("chosen") else ""
    where = chart.usermeta.get("where", where)
    over = f" over {seeds:,} seeds" if seeds > 1 else ", one seed"
    about = f"{runs['problem'].nunique()} data sets" if everywhere else panel.problem
    return f"{chart.usermeta.get('title', chart.title)}{over}{where}{f' – {about}' if about else ''}"


def _slug(name: str) -> str:
    """The name as part of a file's."""
    return re.sub(r"[^\w.-]+", "_", name)[:60]
