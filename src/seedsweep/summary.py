"""What a person sees at the end: one run's result, or a table of the groups of a sweep."""

import shlex
from pathlib import Path

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seedsweep import store
from seedsweep.errors import masked
from seedsweep.planning import PlannedRun
from seedsweep.results import MAXIMIZED, RunResult

SHOWN = ("val/loss", "val/accuracy", "test/accuracy")
OUTCOMES = ("finished", "diverged", "failed", "missing")


def print_run(planned: PlannedRun, result: RunResult, uri: str | None, page: str | None) -> None:
    """One line on the run's outcome and last values, and one on where its curves are."""
    console = Console(highlight=False, soft_wrap=True)
    last = {point.metric: point for point in result.points}
    values = [f"{metric} {last[metric].value:.4f}" for metric in SHOWN if metric in last]
    if result.outcome == "diverged":
        end = result.points[-1]
        values = [f"at step {end.step}, {end.metric} {end.value:.4g}; a smaller learning rate may help"]
    console.print(f"[bold]{escape(planned.name)}[/]: {result.outcome}  {'  '.join(values)}")
    if uri and page:
        console.print(escape(where(uri, page)))


def print_interrupted(left: str) -> None:
    """What Ctrl-C leaves behind."""
    Console(stderr=True).print(f"Interrupted: {left}.")


def print_sweep(
    runs: pd.DataFrame, summary: pd.DataFrame, title: str, of: str, uri: str | None = None, page: str | None = None
) -> None:
    """The table of the groups, whose numbers are `of` each curve, and the line that opens MLflow's UI."""
    console = Console(highlight=False, soft_wrap=True)
    drawn = Table(box=box.SIMPLE_HEAD, title=escape(title), caption=_caption(runs, of), padding=(0, 1))
    drawn.title_justify = drawn.caption_justify = "left"
    for name in summary:
        drawn.add_column(str(name), justify="left" if name == "group" else "right", no_wrap=True)
    for row in summary.itertuples(index=False):
        drawn.add_row(*(escape(str(cell)) for cell in row))
    needed = console.measure(drawn, options=console.options.update(max_width=1000)).maximum
    console.width = max(console.width, needed)  # rather a long line than a cut number
    console.print(drawn)
    if uri and page:
        console.print(escape(where(uri, page)))


def where(uri: str, page: str) -> str:
    """How to look at a page of MLflow's UI on that store."""
    if uri.startswith("http"):
        return f"See it: {masked(uri.rstrip('/'))}/{page}"
    uri = store.absolute(uri)
    command = f"mlflow ui --backend-store-uri {shlex.quote(masked(uri))}"
    if uri == store.project_uri():  # the one that the Makefile opens
        command = "make ui" if Path.cwd() == store.root() else f"make -C {shlex.quote(str(store.root()))} ui"
    return f"See it: {command}, then open http://127.0.0.1:5000/{page}"


def counts(runs: pd.DataFrame) -> dict[str, int]:
    """How many runs had each outcome."""
    return {outcome: int((runs["outcome"] == outcome).sum()) for outcome in OUTCOMES}


def summarize(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A row per group, the best by `metric` first, as text: runs finished of planned, and mean ± sd over those that
    finished of the last value of each metric; a column more for each other outcome that there was."""
    shown = [name for name in dict.fromkeys((metric, *SHOWN)) if name in runs]
    others = [outcome for outcome, number in counts(runs).items() if number and outcome != "finished"]
    rows = []
    for label, group in sorted(runs.groupby("group", sort=False), key=lambda item: _rank(item[1], metric)):
        finished = group[group["outcome"] == "finished"]
        row = {"group": label, "finished": f"{len(finished)} of {len(group)}"}
        row |= {outcome: str(int((group["outcome"] == outcome).sum())) for outcome in others}
        rows.append(row | {name: _mean_sd(finished[name], 3 if name.endswith(MAXIMIZED) else 4) for name in shown})
    return pd.DataFrame(rows)


def _rank(group: pd.DataFrame, metric: str) -> tuple[int, float]:
    """Complete groups first: a mean over those that happened to finish must not win."""
    finished = group[group["outcome"] == "finished"]
    mean = finished[metric].mean() if metric in group and len(finished) else float("inf")
    return len(group) - len(finished), -mean if metric.endswith(MAXIMIZED) else mean


def _mean_sd(values: pd.Series, places: int) -> str:
    values = values.dropna()
    if values.empty:
        return "–"
    form = f".{places}f" if values.abs().max() < 1000 else ".4g"
    return f"{values.mean():{form}}" + (f" ± {values.std():{form}}" if len(values) > 1 else "")


def _caption(runs: pd.DataFrame, of: str) -> str:
    found = counts(runs)
    words = ", ".join(f"{number} {outcome}" for outcome, number in found.items() if number)
    note = "; means are over finished runs only" if found["finished"] < len(runs) else ""
    return f"mean ± sd over seeds of the {of}; {len(runs)} run{'s' * (len(runs) > 1)}: {words}{note}"
