"""The report of a sweep that bought its seeds: one HTML file that needs no network."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from seedsweep.comparison.diagnostic import Diagnostic
from seedsweep.report.figures.until_sure_figures import until_sure_figures
from seedsweep.report.page import render, sections
from seedsweep.report.tables import NONE, interval, number

SECTIONS = {"Evidence": ("evidence",), "What was bought": ("bought",), "On fresh seeds": ("fresh",)}


def write_until_sure_report(
    cells: pd.DataFrame,
    looks: pd.DataFrame,
    folder: Path,
    about: Mapping[str, str],
    *,
    metric: str,
    by: str,
    confidence: float,
    sentences: Sequence[str],
    diagnostics: Sequence[Diagnostic] = (),
) -> Path:
    """Write the page.

    Args:
        cells: a row a cell, as `until_sure.tables.cells_table` makes it.
        looks: a row a cell and round, as `looks_table` makes it.
        folder: where `until_sure.html` is written.
        about: how the sweep was made, in the order that it is shown in.
        metric: that was judged.
        by: the param of the options.
        confidence: that was asked for.
        sentences: that stand at the top.
        diagnostics: what a reader should know before believing them.

    Returns:
        The page.
    """
    charts = until_sure_figures(cells, looks, metric, by, confidence)
    specs = {name: chart.to_dict(validate=False) for name, chart in charts.items()}
    page = render(
        "until_sure.html.jinja",
        about,
        title="Which wins, and how sure that is",
        summary=f"{metric} of {len(cells):,} cells by {by}; seeds were bought until it was sure, or all were spent.",
        sentences=list(sentences),
        diagnostics=list(diagnostics),
        several=cells["data"].nunique() > 1,
        sections=list(sections(specs, SECTIONS)),
        tables=[(f"Cells, those that live first: {metric}", _cells_table(cells))],
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "until_sure.html"
    file.write_text(page, encoding="utf-8")
    return file


def _cells_table(cells: pd.DataFrame) -> pd.DataFrame:
    rows = []
    dropped, has_fresh = cells["dropped_after"].tolist(), cells["fresh"].notna()
    for row, dropped_after, is_fresh in zip(cells.itertuples(), dropped, has_fresh, strict=True):
        after = NONE if math.isnan(dropped_after) else f"{dropped_after:.0f} seeds"
        fresh = interval(row, "fresh", "low", "high") if is_fresh else NONE
        where = {"data": str(row.data)} if row.data else {}
        numbers = {
            "seeds": str(row.seeds),
            "mean": number(row.mean),
            "sd": number(row.sd, ".2g"),
            "lost": str(row.lost),
        }
        numbers |= {"evidence": number(row.evidence, ".3g"), "dropped after": after, "on fresh seeds": fresh}
        rows.append(where | {"option": str(row.option), "setting": str(row.cell)} | numbers)
    return pd.DataFrame(rows)
