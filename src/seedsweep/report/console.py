"""What a person sees at the end: one run's result, or a table of the groups of a sweep."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seedsweep.comparison.verdicts import BEST, SAME
from seedsweep.config.planned_run import PlannedRun
from seedsweep.errors import masked
from seedsweep.metrics import Metric
from seedsweep.outcomes import OUTCOMES, RunResult
from seedsweep.tracking import connection

if TYPE_CHECKING:
    from seedsweep.comparison.compare import Comparison
    from seedsweep.comparison.pairwise import PairwiseComparison

SHOWN = ("val/loss", "val/accuracy", "test/accuracy")
VERDICTS = 6  # at single settings


def print_run(planned: PlannedRun, result: RunResult, uri: str | None, page: str | None) -> None:
    """Print one line on a run's outcome and last values, and one on where its curves are.

    Args:
        planned: the run's name.
        result: of its training.
        uri: address of its store; None where it is not tracked.
        page: its page in MLflow's UI.
    """
    console = Console(highlight=False, soft_wrap=True)
    last = {point.metric: point for point in result.points}
    values = [f"{metric} {last[metric].value:.4f}" for metric in SHOWN if metric in last]
    if result.outcome == "diverged":
        end = result.points[-1]
        values = [f"at step {end.step}, {end.metric} {end.value:.4g}; a smaller learning rate may help"]
    console.print(f"[bold]{escape(planned.name)}[/]: {result.outcome}  {'  '.join(values)}")
    if uri and page:
        console.print(escape(f"See it: {where(uri, page)}"))


def print_interrupted(left: str) -> None:
    """Say what Ctrl-C leaves behind.

    Args:
        left: that, in words.
    """
    Console(stderr=True).print(f"Interrupted: {left}.")


def print_sweep(
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    title: str,
    of: str,
    uri: str | None = None,
    page: str | None = None,
) -> None:
    """Print the table of a sweep's groups, and the way to MLflow's UI.

    Args:
        runs: a row a run, with its `outcome`.
        summary: a row a group, as `summarize` makes it.
        title: above the table.
        of: what of each curve the numbers are, such as its last value.
        uri: address of the store; None where they are not tracked.
        page: of the sweep in MLflow's UI.
    """
    console = Console(highlight=False, soft_wrap=True)
    note = "; means are over finished runs only" if (runs["outcome"] != "finished").any() else ""
    caption = f"mean ± sd over seeds of the {of}; {_outcomes(runs)}{note}"
    printed = Table(box=box.SIMPLE_HEAD, title=escape(title), caption=caption, padding=(0, 1))
    printed.title_justify = printed.caption_justify = "left"
    for name in summary:
        printed.add_column(str(name), justify="left" if name == "group" else "right", no_wrap=True)
    for row in summary.itertuples(index=False):
        printed.add_row(*(escape(str(cell)) for cell in row))
    print_whole(console, printed)
    if uri and page:
        console.print(escape(f"See it: {where(uri, page)}"))


def print_searched(runs: pd.DataFrame, uri: str | None = None, page: str | None = None) -> None:
    """Print how many runs a search took, and the way to MLflow's UI; what it found is not in their means.

    Args:
        runs: a row a run, with its `outcome`.
        uri: address of the store; None where they are not tracked.
        page: of the sweep in MLflow's UI.
    """
    console = Console(highlight=False, soft_wrap=True)
    console.print(_outcomes(runs))
    if uri and page:
        console.print(escape(f"See it: {where(uri, page)}"))


def where(uri: str, page: str) -> str:
    """How to look at a page of MLflow's UI.

    Args:
        uri: address of the store.
        page: the part of the address behind the host.

    Returns:
        A command, if one is needed, and an address.
    """
    if uri.startswith("http"):
        return f"{masked(uri.rstrip('/'))}/{page}"
    uri = connection.absolute(uri)
    command = f"mlflow ui --backend-store-uri {shlex.quote(masked(uri))}"
    if uri == connection.project_uri():  # the one that the Makefile opens
        command = "make ui" if Path.cwd() == connection.root() else f"make -C {shlex.quote(str(connection.root()))} ui"
    return f"{command}, then open http://127.0.0.1:5000/{page}"


def counts(runs: pd.DataFrame) -> dict[str, int]:
    """How many runs had each outcome.

    Args:
        runs: a row a run, with its `outcome`.

    Returns:
        Numbers by outcome, in the order of `OUTCOMES`.
    """
    return {outcome: int((runs["outcome"] == outcome).sum()) for outcome in OUTCOMES}


def summarize(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The groups of a sweep in strings.

    Args:
        runs: a row a run: `group`, `outcome`, and the last values of the metrics.
        metric: by which the best group is the first.

    Returns:
        A row a group: runs finished of planned, mean ± sd over those of each metric, and a column for each other
        outcome that there was.
    """
    shown = [name for name in dict.fromkeys((metric, *SHOWN)) if name in runs]
    others = [outcome for outcome, number in counts(runs).items() if number and outcome != "finished"]
    rows = []
    for label, group in sorted(runs.groupby("group", sort=False), key=lambda item: _rank(item[1], metric)):
        finished = group[group["outcome"] == "finished"]
        row = {"group": label, "finished": f"{len(finished)} of {len(group)}"}
        row |= {outcome: str(int((group["outcome"] == outcome).sum())) for outcome in others}
        rows.append(row | {name: _mean_sd(finished[name], 3 if Metric(name).is_maximized else 4) for name in shown})
    return pd.DataFrame(rows)


def _rank(group: pd.DataFrame, metric: str) -> tuple[int, float]:
    """Complete groups first: a mean over those that happened to finish must not win."""
    finished = group[group["outcome"] == "finished"]
    mean = finished[metric].mean() if metric in group and len(finished) else float("inf")
    return len(group) - len(finished), Metric(metric).as_loss(mean)


def _mean_sd(values: pd.Series, digits: int) -> str:
    values = values.dropna()
    if values.empty:
        return "–"
    largest = values.abs().max()
    form = f".{digits}f" if largest == 0 or 1e-3 <= largest < 1000 else ".4g"
    return f"{values.mean():{form}}" + (f" ± {values.std():{form}}" if len(values) > 1 else "")


def _outcomes(runs: pd.DataFrame) -> str:
    number_by_outcome = counts(runs)
    words = ", ".join(f"{number} {outcome}" for outcome, number in number_by_outcome.items() if number)
    return f"{len(runs)} run{'s' * (len(runs) > 1)}: {words}"


def print_comparison(comparison: "Comparison") -> None:
    """The verdicts, the table of the options at their best, or else of the groups, and the diagnostics."""
    console = Console(highlight=False, soft_wrap=True)
    metric = comparison.question.metric
    by = {pairwise.name: pairwise.metric for pairwise in comparison.best}
    how = {BEST: f", chosen by {metric} on other seeds, judged by {by.get(BEST)}", SAME: f", by {metric}"}
    for question in dict.fromkeys(verdict.question for verdict in comparison.verdicts):
        verdicts = [verdict for verdict in comparison.verdicts if verdict.question == question]
        console.print(f"[bold]{escape(question[0].upper() + question[1:])}[/]{escape(how.get(question, ''))}")
        for verdict in verdicts[:VERDICTS]:
            where = " ".join(filter(None, (verdict.problem, verdict.name if verdict.name != question else "")))
            console.print(escape(f"  {where}: {verdict.sentence}" if where else f"  {verdict.sentence}"))
        if len(verdicts) > VERDICTS:
            console.print(f"  and at {len(verdicts) - VERDICTS} more settings, see the report")
    for pairwise in comparison.best or comparison.same[: len(comparison.same) == 1]:
        _print_contest(console, pairwise, metric)
    for diagnostic in comparison.diagnostics:
        console.print(f"[yellow]![/] {escape(diagnostic.sentence)}: {escape(diagnostic.remedy)}")


def _print_contest(console: Console, pairwise: "PairwiseComparison", metric: str) -> None:
    printed = Table(box=box.SIMPLE_HEAD, title=escape(" ".join(filter(None, (pairwise.problem, pairwise.name)))))
    printed.title_justify = "left"
    chosen = "setting" in pairwise.table
    titles = ["rank", "option", *(["setting"] if chosen else []), f"{pairwise.metric} [low, high]", "finished"]
    for title in titles + ([f"{metric} when chosen", "optimism"] if chosen else []):
        printed.add_column(escape(title), justify="left" if title in ("option", "setting") else "right", no_wrap=True)
    for _, row in pairwise.table.iterrows():
        number = shown(row["mean"], ".4g")
        number += f" [{row['mean_low']:.4g}, {row['mean_high']:.4g}]" if pd.notna(row["mean_low"]) else ""
        cells = [
            "–" if pairwise.baseline else str(row["rank"]),
            str(row["option"]),
            *([row["setting"]] if chosen else []),
            number,
        ]
        cells += [f"{row['finished']} of {row['planned']}"]
        cells += [shown(row["selected"], ".4g"), shown(row["optimism"], "+.2g")] if chosen else []
        printed.add_row(*map(escape, cells))
    print_whole(console, printed)


def shown(value: float, form: str) -> str:
    """A number as tables show it.

    Args:
        value: the number.
        form: of Python's format language, such as `.4g`.

    Returns:
        The number in that form, a dash for nan.
    """
    return f"{value:{form}}" if math.isfinite(value) else "–"


def print_whole(console: Console, table: Table) -> None:
    """Print a table, with a line that is too long rather than a number that is cut.

    Args:
        console: to print on.
        table: with its rows.
    """
    needed = console.measure(table, options=console.options.update(max_width=1000)).maximum
    console.width = max(console.width, needed)
    console.print(table)
