"""The figures of a comparison, as Altair charts.

Altair, because one specification of such a chart is both an interactive drawing in a page that needs no network, with
what it shows under the pointer and a legend to choose by, and, without a browser, a PNG (by vl-convert). Its JavaScript
takes 0.9 MB of a page, where that of Plotly takes more than 4.
"""

import re

from seedsweep import drawn
from seedsweep.comparing import Comparison
from seedsweep.curve_figures import best_at_budget, curves, profile, suboptimality, time_to_target, tunability
from seedsweep.encodings import Chart
from seedsweep.group_figures import differences, distribution, learning_rates, shares
from seedsweep.verdicts import BEST, SAME

FIGURES = {
    "curves": curves,
    "suboptimality": suboptimality,
    "learning_rates": learning_rates,
    "distribution": distribution,
    "differences": lambda part: differences(part, BEST),
    "differences_same": lambda part: differences(part, SAME),
    "time_to_target": time_to_target,
    "tunability": tunability,
    "best_at_budget": best_at_budget,
    "shares": shares,
    "profile": profile,
}


def figures(comparison: Comparison) -> dict[str, Chart]:
    """The figures by name, each of one problem; one whose data is not there is absent.

    With several problems the name of each stands behind that of the figure. The `description` of a chart is its
    caption, its `usermeta` what a page can change: `log` the scale of a channel, `epochs` the axis of steps.
    """
    found: dict[str, Chart] = {}
    parts = drawn.parts(comparison)
    for name, draw in FIGURES.items():
        for part in parts[:1] if name == "profile" else parts:
            chart = draw(part)
            if chart is not None:
                about = {} if name == "profile" else {"problem": part.problem}
                chart.usermeta = {"figure": name} | about | chart.usermeta
                known = name if len(parts) == 1 or not about else f"{name}-{_slug(part.problem)}"
                found[known if known not in found else f"{known}-{len(found)}"] = chart
    return found


def _slug(name: str) -> str:
    """The name as part of a file's."""
    return re.sub(r"[^\w.-]+", "_", name)[:60]
