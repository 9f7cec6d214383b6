"""What a person sees in the terminal at the end: one run's result, or a table of the groups of a sweep."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seedsweep import store
from seedsweep.planning import PlannedRun
from seedsweep.results import MAXIMIZED, RunResult

SHOWN = ("val/loss", "val/accuracy", "test/accuracy")
OUTCOMES = ("finished", "diverged", "failed", "missing")


def print_run(planned: PlannedRun, result: RunResult, run_id: str | None, uri: str | None) -> None:
    """One line on the run's outcome and last values, and one on where its curves are."""
    console = Console(highlight=False, soft_wrap=True)
    last = {point.metric: point.value for point in result.points}
    values = "  ".join(f"{metric} {last[metric]:.4f}" for metric in SHOWN if metric in last)
    console.print(f"[bold]{escape(planned.name)}[/]: {result.outcome}  {values}")
    if uri and run_id:
        console.print(f"[dim]run {run_id}; {escape(where(uri))}[/]")


def print_interrupted() -> None:
    """What Ctrl-C leaves behind."""
    Console(stderr=True).print("Interrupted: what had been trained is recorded, as KILLED.")


def print_sweep(runs: pd.DataFrame, title: str, uri: str | None, metric: str) -> None:
    """The table of the groups, the best by `metric` first, and the line that opens the MLflow UI."""
    console = Console(highlight=False, soft_wrap=True)
    drawn = table(runs, title, metric)
    needed = console.measure(drawn, options=console.options.update(max_width=1000)).maximum
    console.width = max(console.width, needed)  # rather a long line than a cut number
    console.print(drawn)
    if uri:
        console.print(escape(where(uri)))


def where(uri: str) -> str:
    """How to look at a store in MLflow's UI."""
    if uri.startswith("http"):
        return f"See every curve at {store.masked(uri)}"
    uri = store.absolute(uri)
    if uri != store.default_uri():
        return f"See every curve: mlflow ui --backend-store-uri {store.masked(uri)}, then open http://127.0.0.1:5000"
    here = "" if Path.cwd() == store.root() else f" -C {store.root()}"
    return f"See every curve: make{here} ui, then open http://127.0.0.1:5000"


def counts(runs: pd.DataFrame) -> dict[str, int]:
    """How many runs had each outcome."""
    return {outcome: int((runs["outcome"] == outcome).sum()) for outcome in OUTCOMES}


def table(runs: pd.DataFrame, title: str, metric: str) -> Table:
    """A row per group: runs finished of planned, and mean ± sd over those of the last value of each metric."""
    shown = [name for name in dict.fromkeys((metric, *SHOWN)) if name in runs]
    drawn = Table("group", box=box.SIMPLE_HEAD, title=escape(title), caption=_caption(runs))
    drawn.title_justify = drawn.caption_justify = "left"
    drawn.padding, drawn.columns[0].no_wrap = (0, 1), True
    for name in ("finished", *shown):
        drawn.add_column(name, justify="right", no_wrap=True)
    groups = [(str(name), group) for name, group in runs.groupby("group", sort=False)]
    for label, group in sorted(groups, key=lambda item: _rank(item[1], metric)):
        finished = group[group["outcome"] == "finished"]
        cells = [_mean_sd(finished[name], ".3f" if name.endswith(MAXIMIZED) else ".4g") for name in shown]
        drawn.add_row(escape(label), f"{len(finished)} of {len(group)}", *cells)
    return drawn


def _rank(group: pd.DataFrame, metric: str) -> tuple[int, float]:
    """Complete groups first: a mean over those that happened to finish must not win."""
    finished = group[group["outcome"] == "finished"]
    mean = finished[metric].mean() if metric in group and len(finished) else float("inf")
    return len(group) - len(finished), -mean if metric.endswith(MAXIMIZED) else mean


def _mean_sd(values: pd.Series, form: str) -> str:
    values = values.dropna()
    if values.empty:
        return "–"
    if len(values) == 1:
        return f"{values.iloc[0]:{form}}"
    return f"{values.mean():{form}} ± {values.std():{form.replace('4', '2')}}"


def _caption(runs: pd.DataFrame) -> str:
    found: Mapping[str, int] = counts(runs)
    words = ", ".join(f"{number} {outcome}" for outcome, number in found.items() if number)
    note = "; means are over finished runs only" if found["finished"] < len(runs) else ""
    return f"mean ± sd over seeds of the last value; {len(runs)} runs: {words}{note}"
