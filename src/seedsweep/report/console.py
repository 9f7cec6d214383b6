"""What the console shows at the end: one run's result, a table of the groups of a sweep, or the verdicts."""

import math
import shlex
from typing import TYPE_CHECKING

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seedsweep.comparison.phrases import amount
from seedsweep.comparison.question import BEST, SAME
from seedsweep.config.home import command
from seedsweep.config.planned_run import PlannedRun
from seedsweep.errors import masked
from seedsweep.outcomes import LOSS_STEP, RunResult
from seedsweep.report.summary import SHOWN, counted_runs
from seedsweep.report.tables import data_sets_table
from seedsweep.tracking import addresses

if TYPE_CHECKING:
    from seedsweep.comparison.compare import Comparison
    from seedsweep.comparison.pairwise import PairwiseComparison

VERDICTS = 6  # on each question


def print_run(planned: PlannedRun, result: RunResult, uri: str | None, page: str | None) -> None:
    """Print one line on a run's outcome and last values, and one on where its curves are.

    Args:
        planned: the run's name.
        result: what its training gave.
        uri: address of its store; None where it is not tracked.
        page: its page in MLflow's UI.
    """
    console = Console(highlight=False, soft_wrap=True)
    last = {point.metric: point for point in result.points}
    shown = [metric for metric in SHOWN if metric in last] or [metric for metric in last if metric != LOSS_STEP]
    values = [f"{metric} {last[metric].value:.4f}" for metric in shown]
    if result.outcome == "diverged":
        end = result.points[-1]
        values = [f"at step {end.step}, {end.metric} {end.value:.4g}; a smaller learning rate may help"]
    console.print(f"[bold]{escape(planned.name)}[/]: {result.outcome}  {'  '.join(values)}")
    if uri and page:
        console.print(escape(f"See it: {how_to_open(uri, page)}"))


def print_interrupted(remains: str) -> None:
    """Say what Ctrl-C leaves behind.

    Args:
        remains: what is recorded or can go on, in words.
    """
    Console(stderr=True).print(f"Interrupted: {remains}.")


def print_reused(stored: int, runs: int) -> None:
    """Say, before a sweep trains, how many of its runs are in the store.

    Args:
        stored: which need not be trained.
        runs: of the sweep.
    """
    words = f"{stored:,} of {runs:,} runs are in the store; training {runs - stored:,}"
    Console(highlight=False, soft_wrap=True).print(words if stored < runs else f"all {runs:,} runs are in the store")


def print_in_groups(runs: int) -> None:
    """Say, before a sweep trains, that its runs will be in files, where nobody asked for that.

    Args:
        runs: of the sweep.
    """
    words = (
        f"{runs:,} runs: chunk files hold them, MLflow the groups and the best; tracking.detail=runs has all in MLflow"
    )
    Console(highlight=False, soft_wrap=True).print(words)


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
        uri: address of the store; None where the runs are not tracked.
        page: of the sweep in MLflow's UI.
    """
    console = Console(highlight=False, soft_wrap=True)
    note = "; means are over finished runs only" if (runs["outcome"] != "finished").any() else ""
    numbers = f"mean ± sd over seeds of the {of}"
    if not runs["group"].duplicated().any():
        numbers = f"{of} of one seed, which cannot tell luck from merit: seed=range(0,10) has ten"
    caption = f"{numbers}; {counted_runs(runs)}{note}"
    printed = Table(box=box.SIMPLE_HEAD, title=escape(title), caption=caption, padding=(0, 1))
    printed.title_justify = printed.caption_justify = "left"
    for name in summary:
        printed.add_column(str(name), justify="left" if name == "group" else "right", no_wrap=True)
    for row in summary.itertuples(index=False):
        printed.add_row(*(escape(str(cell)) for cell in row))
    print_whole(console, printed)
    if uri and page:
        console.print(escape(f"See it: {how_to_open(uri, page)}"))


def print_searched(runs: pd.DataFrame, uri: str | None = None, page: str | None = None) -> None:
    """Print how many runs a search took, and the way to MLflow's UI: the means of its groups would mislead.

    Args:
        runs: a row a run, with its `outcome`.
        uri: address of the store; None where they are not tracked.
        page: of the sweep in MLflow's UI.
    """
    console = Console(highlight=False, soft_wrap=True)
    console.print(counted_runs(runs))
    if uri and page:
        console.print(escape(f"See it: {how_to_open(uri, page)}"))


def how_to_open(uri: str, page: str) -> str:
    """How to look at a page of MLflow's UI.

    Args:
        uri: address of the store.
        page: the part of the address behind the host.

    Returns:
        A command, if one is needed, and an address.
    """
    if uri.startswith("http"):
        return f"{masked(uri.rstrip('/'))}/{page}"
    uri = addresses.absolute(uri)
    at_home = uri == addresses.home_uri()
    how = command("ui") if at_home else f"seedsweep-ui tracking.uri={shlex.quote(masked(uri))}"
    return f"{how}, then open\nhttp://127.0.0.1:5000/{page}"


def print_headline(comparison: "Comparison") -> None:
    """Print the answer in one sentence.

    Args:
        comparison: that it is of.
    """
    Console(highlight=False, soft_wrap=True).print(f"[bold]{escape(comparison.headline)}[/]")


def print_comparison(comparison: "Comparison") -> None:
    """The verdicts, what several data sets say together, the options at their best or the groups, the diagnostics."""
    console = Console(highlight=False, soft_wrap=True)
    metric = comparison.question.metric
    for question in dict.fromkeys(verdict.question for verdict in comparison.verdicts):
        _print_verdicts(console, comparison, question)
    for remark in comparison.remarks:
        console.print(escape(": ".join(filter(None, remark))))
    _print_across(console, comparison)
    for pairwise in comparison.best or comparison.same[: len(comparison.same) == 1]:
        _print_pairwise(console, pairwise, metric)
    for diagnostic in comparison.diagnostics:
        console.print(f"[yellow]![/] {escape(diagnostic.sentence)}: {escape(diagnostic.remedy)}")


def _print_across(console: Console, comparison: "Comparison") -> None:
    """What several data sets say together."""
    across = comparison.across
    if across is None:
        return
    console.print("[bold]Several data sets[/]")
    for sentence in across.sentences:
        console.print(escape(f"  {sentence}"))
    table = data_sets_table(across)
    printed = Table(box=box.SIMPLE_HEAD, title="on so many data sets", title_justify="left")
    for name in table:
        printed.add_column(str(name), justify="left" if name in ("option", "against") else "right", no_wrap=True)
    for row in table.itertuples(index=False):
        printed.add_row(*(escape(str(cell)) for cell in row))
    print_whole(console, printed)


def _print_verdicts(console: Console, comparison: "Comparison", question: str) -> None:
    metric = comparison.question.metric
    judges = {pairwise.name: pairwise.metric for pairwise in comparison.best}
    how = {BEST: f", chosen by {metric}, compared by {judges.get(BEST)}", SAME: f", by {metric}"}
    console.print(f"[bold]{escape(question[0].upper() + question[1:])}[/]{escape(how.get(question, ''))}")
    verdicts = [verdict for verdict in comparison.verdicts if verdict.question == question]
    for verdict in verdicts[:VERDICTS]:
        about = " ".join(filter(None, (verdict.problem, verdict.setting if question == SAME else "")))
        console.print(escape(f"  {about}: {verdict.sentence}" if about else f"  {verdict.sentence}"))
    if len(verdicts) > VERDICTS:
        console.print(f"  … and {len(verdicts) - VERDICTS:,} more in the report")


def _print_pairwise(console: Console, pairwise: "PairwiseComparison", metric: str) -> None:
    printed = Table(box=box.SIMPLE_HEAD, title=escape(" ".join(filter(None, (pairwise.problem, pairwise.name)))))
    printed.title_justify = "left"
    chosen = "setting" in pairwise.table
    titles = ["rank", "option", *(["setting"] if chosen else []), f"{pairwise.metric} [low, high]", "finished"]
    for title in titles + ([f"{metric} when chosen"] if chosen else []):
        printed.add_column(escape(title), justify="left" if title in ("option", "setting") else "right", no_wrap=True)
    for _, row in pairwise.table.iterrows():
        mean = amount(row["mean"], row["mean_low"], row["mean_high"]) if pd.notna(row["mean"]) else "–"
        cells = ["–" if pairwise.baseline else str(row["rank"]), str(row["option"])]
        cells += [row["setting"]] if chosen else []
        cells += [mean, f"{row['finished']} of {row['planned']}"]
        cells += [number_or_dash(row["selected"], ".4g")] if chosen else []
        printed.add_row(*map(escape, cells))
    if pairwise.baseline is None and pairwise.table["rank"].duplicated().any():
        printed.caption = "rank: 1 + how many options are surely better; those that cannot be told apart share one"
        printed.caption_justify = "left"
    print_whole(console, printed)


def number_or_dash(value: float, form: str) -> str:
    """A number as tables show it.

    Args:
        value: the number.
        form: of Python's format language, such as `.4g`.

    Returns:
        The number in that form, a dash for nan.
    """
    return f"{value:{form}}" if math.isfinite(value) else "–"


def print_whole(console: Console, table: Table) -> None:
    """Print a table without cutting a number: a line becomes too long instead.

    Args:
        console: to print on.
        table: with its rows.
    """
    needed = console.measure(table, options=console.options.update(max_width=1000)).maximum
    console.width = max(console.width, needed)
    console.print(table)
