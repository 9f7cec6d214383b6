"""The colours and sizes of the figures: in a light page, in a dark one, and on paper (the files)."""

from collections.abc import Sequence
from typing import Any

# Told apart with any kind of colour vision: Okabe and Ito (2008), darker where they are faint on white, lighter where
# they are faint on black, and two more that differ from these in lightness.
ON_LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B58900", "#56B4E9", "#6A3D9A", "#444444", "#8C2D04", "#999")
ON_DARK = ("#4DA6E0", "#F0803C", "#2CC295", "#E6A5C9", "#E8C547", "#9BD3F5", "#B79AE0", "#D9D9D9", "#D98C6A", "#8F8F8F")


def _theme(ink: str, faint: str, grid: str, colors: Sequence[str], shades: Sequence[str]) -> dict[str, Any]:
    axis = {"gridColor": grid, "domainColor": faint, "tickColor": faint, "labelColor": ink, "titleColor": ink}
    return {
        "background": None,
        "view": {"stroke": None},
        "axis": axis | {"titleFontWeight": "normal", "titleFontSize": 12, "labelFontSize": 11},
        "axisX": {"labelFlush": True, "labelOverlap": True, "titlePadding": 8, "tickCount": 8},
        "legend": {
            "orient": "top",
            "labelColor": ink,
            "titleColor": ink,
            "labelFontSize": 12,
            "columns": 8,
            "titleOrient": "left",
            "titleFontWeight": "normal",
            "titleFontSize": 12,
        },
        "title": {"anchor": "start", "color": ink, "fontSize": 13, "fontWeight": 600, "offset": 8}
        | {"subtitleColor": ink, "subtitleFontSize": 11, "subtitlePadding": 4},
        "range": {"category": list(colors), "heatmap": list(shades)},
        "style": {"frame": {"stroke": ink}},
        "rule": {"color": faint},
        "text": {"color": ink},
        "tick": {"color": ink},
        "point": {"color": ink},
    }


LIGHT = _theme("#222222", "#767676", "#e4e4e4", ON_LIGHT, ("#0072B2", "#7FB3D5", "#EAF1F7"))
DARK = _theme("#e6e6e6", "#9a9a9a", "#3a3a3a", ON_DARK, ("#2E86C1", "#24506F", "#1D252D"))
# an SVG names its fonts: those whose letters are as wide as the ones that the figure was laid out with
PAPER = LIGHT | {"background": "white", "padding": 12, "font": "Liberation Sans, Arial, Helvetica, sans-serif"}
