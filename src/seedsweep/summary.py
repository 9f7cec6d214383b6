"""What a person sees at the end: one run's result, or a table of the groups of a sweep."""

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seedsweep import store
from seedsweep.errors import masked
from seedsweep.planning import PlannedRun
from seedsweep.results import MAXIMIZED, RunResult
from seedsweep.scores import OUTCOMES
from seedsweep.verdicts import BEST, SAME

if TYPE_CHECKING:
    from seedsweep.comparing import Comparison
    from seedsweep.confirming import Confirmed
    from seedsweep.contests import Contest
    from seedsweep.winners import Winners

SHOWN = ("val/loss", "val/accuracy", "test/accuracy")
FEW = 5  # groups that a brief table has
VERDICTS = 6  # at single settings


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
        console.print(escape(f"See it: {where(uri, page)}"))


def print_interrupted(left: str) -> None:
    """What Ctrl-C leaves behind."""
    Console(stderr=True).print(f"Interrupted: {left}.")


def print_sweep(
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    title: str,
    of: str,
    uri: str | None = None,
    page: str | None = None,
    brief: bool = False,
) -> None:
    """The table of the groups, or only of the best, whose numbers are `of` each curve, and the way to MLflow's UI."""
    console = Console(highlight=False, soft_wrap=True)
    left = f"; the best {FEW} of {len(summary)} groups" if brief and len(summary) > FEW else ""
    drawn = Table(box=box.SIMPLE_HEAD, title=escape(title), caption=_caption(runs, of) + left, padding=(0, 1))
    drawn.title_justify = drawn.caption_justify = "left"
    for name in summary:
        drawn.add_column(str(name), justify="left" if name == "group" else "right", no_wrap=True)
    for row in summary.head(FEW if brief else len(summary)).itertuples(index=False):
        drawn.add_row(*(escape(str(cell)) for cell in row))
    _print_whole(console, drawn)
    if uri and page:
        console.print(escape(f"See it: {where(uri, page)}"))


def where(uri: str, page: str) -> str:
    """How to look at a page of MLflow's UI on that store."""
    if uri.startswith("http"):
        return f"{masked(uri.rstrip('/'))}/{page}"
    uri = store.absolute(uri)
    command = f"mlflow ui --backend-store-uri {shlex.quote(masked(uri))}"
    if uri == store.project_uri():  # the one that the Makefile opens
        command = "make ui" if Path.cwd() == store.root() else f"make -C {shlex.quote(str(store.root()))} ui"
    return f"{command}, then open http://127.0.0.1:5000/{page}"


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
    largest = values.abs().max()
    form = f".{places}f" if largest == 0 or 1e-3 <= largest < 1000 else ".4g"
    return f"{values.mean():{form}}" + (f" ± {values.std():{form}}" if len(values) > 1 else "")


def _caption(runs: pd.DataFrame, of: str) -> str:
    found = counts(runs)
    words = ", ".join(f"{number} {outcome}" for outcome, number in found.items() if number)
    note = "; means are over finished runs only" if found["finished"] < len(runs) else ""
    return f"mean ± sd over seeds of the {of}; {len(runs)} run{'s' * (len(runs) > 1)}: {words}{note}"


def print_comparison(comparison: "Comparison") -> None:
    """The verdicts, the table of the options at their best, or else of the groups, and the doubts."""
    console = Console(highlight=False, soft_wrap=True)
    metric = comparison.question.metric
    by = {contest.name: contest.metric for contest in comparison.best}
    how = {BEST: f", chosen by {metric} on other seeds, judged by {by.get(BEST)}", SAME: f", by {metric}"}
    for question in dict.fromkeys(verdict.question for verdict in comparison.verdicts):
        said = [verdict for verdict in comparison.verdicts if verdict.question == question]
        console.print(f"[bold]{escape(question[0].upper() + question[1:])}[/]{escape(how.get(question, ''))}")
        for verdict in said[:VERDICTS]:
            where = " ".join(filter(None, (verdict.problem, verdict.name if verdict.name != question else "")))
            console.print(escape(f"  {where}: {verdict.sentence}" if where else f"  {verdict.sentence}"))
        if len(said) > VERDICTS:
            console.print(f"  and at {len(said) - VERDICTS} more settings, see the report")
    for contest in comparison.best or comparison.same[: len(comparison.same) == 1]:
        _print_contest(console, contest, metric)
    for audit in comparison.audits:
        console.print(f"[yellow]![/] {escape(audit.sentence)}: {escape(audit.remedy)}")


def _print_contest(console: Console, contest: "Contest", metric: str) -> None:
    drawn = Table(box=box.SIMPLE_HEAD, title=escape(" ".join(filter(None, (contest.problem, contest.name)))))
    drawn.title_justify = "left"
    chosen = "setting" in contest.table
    titles = ["rank", "option", *(["setting"] if chosen else []), f"{contest.metric} [low, high]", "finished"]
    for title in titles + ([f"{metric} when chosen", "optimism"] if chosen else []):
        drawn.add_column(escape(title), justify="left" if title in ("option", "setting") else "right", no_wrap=True)
    for _, row in contest.table.iterrows():
        number = _number(row["mean"], ".4g")
        number += f" [{row['mean_low']:.4g}, {row['mean_high']:.4g}]" if pd.notna(row["mean_low"]) else ""
        cells = [
            "–" if contest.baseline else str(row["rank"]),
            str(row["competitor"]),
            *([row["setting"]] if chosen else []),
            number,
        ]
        cells += [f"{row['finished']} of {row['planned']}"]
        cells += [_number(row["selected"], ".4g"), _number(row["optimism"], "+.2g")] if chosen else []
        drawn.add_row(*map(escape, cells))
    _print_whole(console, drawn)


def print_search(
    best_params: Mapping[str, object],
    best_value: float,
    confirmed: Sequence["Confirmed"],
    winners: "Winners | None" = None,
    storage: str | None = None,
) -> None:
    """The best trial of a search; or the best of each study again with fresh seeds, and what they allow to say."""
    console = Console(highlight=False, soft_wrap=True)
    if confirmed:
        _print_confirmed(console, confirmed, several=winners is not None)
        if winners is None:  # of several options the sentences say which is the best, if any
            console.print(escape(f"Confirmed: {_setting(confirmed[0].params)}"))
    else:
        console.print(escape(f"Best: {_setting(best_params)}: {best_value:.4g}"))
    if winners:
        print_winners(winners)
    if storage:
        console.print(escape(f"The trials: optuna-dashboard {shlex.quote(storage)}"))


def print_winners(winners: "Winners") -> None:
    """A row an option, and what its studies and seeds allow to say."""
    console = Console(highlight=False, soft_wrap=True)
    luck = ", the luck of the search included" if winners.table["studies"].max() > 1 else ""
    drawn = Table(box=box.SIMPLE_HEAD, title=f"each option's winners{luck}")
    drawn.title_justify = "left"
    for title in ("option", "studies", "seeds", "mean [low, high]", "sd of studies", "sd of seeds"):
        drawn.add_column(escape(title), justify="left" if title == "option" else "right", no_wrap=True)
    for _, row in winners.table.iterrows():
        mean = f"{row['mean']:.4g}" + (f" [{row['low']:.4g}, {row['high']:.4g}]" if math.isfinite(row["low"]) else "")
        cells = [str(row["option"]), str(row["studies"]), str(row["seeds"]), mean]
        drawn.add_row(*map(escape, cells), _number(row["study_sd"], ".2g"), _number(row["seed_sd"], ".2g"))
    _print_whole(console, drawn)
    for sentence in winners.sentences:
        console.print(escape(sentence))


def _print_confirmed(console: Console, confirmed: Sequence["Confirmed"], several: bool) -> None:
    """A row a trial, of several studies only the best of each."""
    seeds, what = len(confirmed[0].values), "the winner of each study" if several else "the best trials"
    drawn = Table(box=box.SIMPLE_HEAD, title=f"{what}, again with {seeds} fresh seeds")
    drawn.title_justify = "left"
    titles = [
        "rank",
        *(["option"] if several else []),
        "trial",
        "setting",
        "value [low, high]",
        "in the search",
        "optimism",
    ]
    for title in titles:
        drawn.add_column(escape(title), justify="left" if title in ("option", "setting") else "right", no_wrap=True)
    first = {each.study: each for each in reversed(confirmed)}
    shown = [each for each in confirmed if not several or first[each.study] is each]
    for rank, each in enumerate(shown, 1):
        value = f"{each.value:.4g}" + (f" [{each.low:.4g}, {each.high:.4g}]" if math.isfinite(each.low) else "")
        cells = [str(rank), *([each.option] if several else []), str(each.number), _setting(each.params), value]
        drawn.add_row(*map(escape, [*cells, f"{each.searched:.4g}"]), _number(each.optimism, "+.2g"))
    _print_whole(console, drawn)


def _setting(params: Mapping[str, object]) -> str:
    """The params as they can be typed."""
    return " ".join(f"{key}={value}" for key, value in params.items())


def _number(value: float, form: str) -> str:
    return f"{value:{form}}" if math.isfinite(value) else "–"


def _print_whole(console: Console, table: Table) -> None:
    """Rather a long line than a cut number."""
    needed = console.measure(table, options=console.options.update(max_width=1000)).maximum
    console.width = max(console.width, needed)
    console.print(table)
