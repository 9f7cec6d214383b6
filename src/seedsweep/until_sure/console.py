"""What a person sees of a sweep that buys its seeds: a line a round, and the answer at the end."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seedsweep.comparison.diagnostic import Diagnostic
from seedsweep.report.console import print_whole

ROWS = 20  # cells that are shown


def print_line(words: str) -> None:
    """Where it stands after a round; above the bar, where there is one."""
    Console(highlight=False, soft_wrap=True).print(words, markup=False)


def print_answer(answers: Sequence[str], cells: pd.DataFrame, metric: str, diagnostics: Sequence[Diagnostic]) -> None:
    """Print the answer, the cells, and what speaks against it.

    Args:
        answers: sentences.
        cells: as `cells_table` makes them.
        metric: that was judged.
        diagnostics: what a reader should know.
    """
    console = Console(highlight=False, soft_wrap=True)
    for answer in answers:
        console.print(f"[bold]{escape(answer)}[/]" if answer is answers[0] else escape(answer))
    print_cells(cells, metric)
    print_diagnostics(diagnostics)


def print_cells(cells: pd.DataFrame, metric: str) -> None:
    """Print a row a cell."""
    console = Console(highlight=False, soft_wrap=True)
    title = f"mean ± sd of {metric} over the seeds that each cell got; those of cells that live flatter"
    printed = Table(box=box.SIMPLE_HEAD, title=escape(title), padding=(0, 1))
    printed.title_justify = "left"
    rows = cells_rows(cells.head(ROWS))
    for name in rows:
        is_text = name in ("data", "cell")
        printed.add_column(escape(str(name)), justify="left" if is_text else "right", no_wrap=True)
    for row in rows.itertuples(index=False):
        printed.add_row(*map(escape, row))
    print_whole(console, printed)
    if len(cells) > ROWS:
        console.print(f"… and {len(cells) - ROWS} more cells, in cells.csv among the sweep's artifacts")


def print_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """Print what speaks against an answer."""
    for diagnostic in diagnostics:
        words = f"[yellow]![/] {escape(diagnostic.sentence)}: {escape(diagnostic.remedy)}"
        Console(highlight=False, soft_wrap=True).print(words)


def cells_rows(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells in strings, as they are shown.

    Args:
        cells: as `cells_table` makes them.

    Returns:
        A row a cell; without columns that say nothing.
    """
    rows = pd.DataFrame({"cell": cells["cell"], "seeds": cells["seeds"].astype(str)})
    if cells["data"].nunique() > 1:
        rows.insert(0, "data", cells["data"])
    rows["mean ± sd"] = [_spread(row.mean, row.sd) for row in cells.itertuples()]
    if (cells["lost"] > 0).any():
        rows["lost"] = cells["lost"].astype(str)
    rows["evidence"] = [f"{evidence:.3g}" for evidence in cells["evidence"]]
    rows["dropped after"] = ["–" if math.isnan(after) else f"{after:.0f} seeds" for after in cells["dropped_after"]]
    if cells["fresh"].notna().any():
        shown = cells[["fresh", "low", "high"]].itertuples(index=False)
        rows["on fresh seeds"] = [
            "–" if math.isnan(mean) else f"{mean:.4g} [{low:.4g}, {high:.4g}]" for mean, low, high in shown
        ]
    return rows


def _spread(mean: Any, sd: Any) -> str:
    if math.isnan(mean):
        return "–"
    return f"{mean:.4g}" + ("" if math.isnan(sd) else f" ± {sd:.2g}")
