"""What a person sees of a search: which study it works on, and at the end what it has brought."""

import math
import shlex
import shutil
from collections.abc import Sequence
from typing import Any

import pandas as pd
from optuna.samplers import GridSampler
from optuna.trial import TrialState
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seedsweep.comparison.study_effects import StudyComparison
from seedsweep.report.console import number_or_dash, print_whole
from seedsweep.search.rounds import Search
from seedsweep.search.tables import best_table, sentence

FEW = 5  # trials of a search that has confirmed none
DASHBOARD = "optuna-dashboard"
UNNAMED = "no-name-"  # how Optuna begins the name of a study that was given none
LEFT_ALIGNED = ("option", "setting")  # columns; numbers are aligned right


def print_begun(search: Search) -> None:
    """Whether the search begins its studies, goes on with them, or has nothing left to do."""
    studies = [study.shared for study in search.studies]
    planned, missing = sum(study.n_trials for study in studies), sum(study.missing() for study in studies)
    counted, running = sum(study.counted() for study in studies), _running(search)
    name, seeds = studies[0].study.study_name, search.studies[0].seeds
    several = len(studies) > 1
    which = f"{len(studies)} studies" if several else "the study" if name.startswith(UNNAMED) else f"the study {name}"
    if not counted:
        sizes = sorted({study.n_trials for study in studies})
        trials = f"{' or '.join(map(str, sizes))} trial{'s' * (sizes != [1])}"
        trials += f" × {_count(len(seeds), 'seed')}" if seeds else ""
        words = f"{which} of {trials}{' each' * several}"
    elif missing:
        words = f"{which}, going on: {counted} of {planned} trials are there"
    else:
        words = f"{which}: {_count(counted, 'trial')} are there, and no more are asked for"
    if running:
        words += f"; {running} of them run{'s' * (running == 1)} in other processes"
    elif not missing:
        grid = isinstance(studies[0].study.sampler, GridSampler)
        hint = "" if grid else f"; hydra.sweeper.n_trials={2 * max(study.n_trials for study in studies)} would go on"
        words += f"{hint}; hydra.sweeper.study_name=second would begin another study"
    _console().print(escape(f"Search: {words}"))


def print_results(
    search: Search,
    confirmed: pd.DataFrame,
    winners: StudyComparison | None,
    diagnostics: Sequence[str],
    storage: str | None,
) -> None:
    """The best trials of a search of one objective, what speaks against them, and where they are kept."""
    console = _console()
    if len(confirmed):
        print_confirmed(confirmed, search.metric, winners, search.answer)
    else:
        rows = _numbered(best_table(search).head(FEW), search.metric, len(search.studies) > 1)
        print_whole(console, _table("the best trials", rows))
    for diagnostic in diagnostics:
        console.print(f"[yellow]![/] {escape(diagnostic)}")
    if running := _running(search):
        console.print(f"{_count(running, 'trial')} still in other processes: the last of these will have seen all")
    if storage:
        install = "" if shutil.which(DASHBOARD) else "  (pip install optuna-dashboard)"
        console.print(escape(f"The trials: {DASHBOARD} {shlex.quote(storage)}{install}"))


def print_confirmed(
    confirmed: pd.DataFrame, metric: str, winners: StudyComparison | None = None, answer: str = ""
) -> None:
    """A row a trial of `confirmed_table`, of several studies only the best of each, and what they allow to say.

    With an `answer`, all trials, and with how many seeds each was trained.
    """
    console, seeds = _console(), confirmed["seed"].nunique()
    trials = confirmed.drop_duplicates(["study", "number"])
    trials = trials[trials["rank"] == 1] if winners else trials
    several = winners is not None or trials["option"].nunique() > 1
    rows = _numbered(trials.assign(value=trials["fresh"]), metric, several)
    rows[metric] = [_interval(row.fresh, row.low, row.high) for row in trials.itertuples()]
    rows = rows.rename(columns={metric: f"{metric} [low, high]"})
    rows["in the search"] = [f"{value:.4g}" for value in trials["searched"]]
    rows["optimism"] = [number_or_dash(value, "+.2g") for value in trials["optimism"]]
    if answer:
        rows["seeds"] = _seeds_of(confirmed, trials)
    title = "the winner of each study" if winners else "the best trials"
    print_whole(console, _table(f"{title}, again with {'up to ' * bool(answer)}{_count(seeds, 'fresh seed')}", rows))
    if winners:  # of several options these say which is the best, if any
        _print_winners(console, winners, metric)
    else:
        console.print(escape(answer or sentence(confirmed, metric)))


def _seeds_of(confirmed: pd.DataFrame, trials: pd.DataFrame) -> list[str]:
    """With how many seeds each trial was trained."""
    counts = confirmed.groupby(["study", "number"]).size()
    return [str(counts[pair]) for pair in zip(trials["study"], trials["number"], strict=True)]


def _print_winners(console: Console, winners: StudyComparison, metric: str) -> None:
    """A row an option, and what its studies and seeds allow to say."""
    luck = ", the luck of the search included" if winners.table["studies"].max() > 1 else ""
    rows = winners.table[["option", "studies", "seeds"]].astype(str)
    rows[f"{metric} [low, high]"] = [_interval(row.mean, row.low, row.high) for row in winners.table.itertuples()]
    for column in ("study_sd", "seed_sd"):
        rows[f"sd of {'studies' if column == 'study_sd' else 'seeds'}"] = [
            number_or_dash(value, ".2g") for value in winners.table[column]
        ]
    print_whole(console, _table(f"each option's winners{luck}", rows))
    for verdict in winners.sentences:
        console.print(escape(verdict))


def _running(search: Search) -> int:
    return sum(len(study.trials(TrialState.RUNNING)) for study in search.studies)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _numbered(trials: pd.DataFrame, metric: str, several: bool) -> pd.DataFrame:
    """Rank, option if there are several, number, setting and value of each trial, as strings."""
    rows = pd.DataFrame({"rank": [str(position) for position in range(1, len(trials) + 1)]})
    if several:
        rows["option"] = trials["option"].tolist()
    rows["trial"], rows["setting"] = trials["number"].astype(str).tolist(), trials["setting"].tolist()
    rows[metric] = [f"{value:.4g}" for value in trials["value"]]
    return rows


def _interval(value: Any, low: Any, high: Any) -> str:
    return f"{value:.4g}" + (f" [{low:.4g}, {high:.4g}]" if math.isfinite(low) else "")


def _table(title: str, rows: pd.DataFrame) -> Table:
    printed = Table(box=box.SIMPLE_HEAD, title=escape(title))
    printed.title_justify = "left"
    for column in rows:
        printed.add_column(escape(str(column)), justify="left" if column in LEFT_ALIGNED else "right", no_wrap=True)
    for row in rows.itertuples(index=False):
        printed.add_row(*map(escape, row))
    return printed


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
