"""The report of a search: one HTML file that needs no network."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from seedsweep.report.figures.search_figures import search_figures
from seedsweep.report.figures.search_panel import SearchPanel, search_panel
from seedsweep.report.page import render, sections
from seedsweep.report.tables import NONE, interval, number

ROWS = 200  # of the table of trials
STATES = ("finished", "pruned", "failed", "running")
SECTIONS = {  # headings, and the figures below them
    "History": ("history",),
    "What the values depend on": ("values",),
    "Importance": ("importances",),
    "On fresh seeds": ("confirmed",),
}


def write_search_report(
    trials: pd.DataFrame,
    confirmed: pd.DataFrame,
    importances: pd.DataFrame,
    folder: Path,
    about: Mapping[str, str],
    *,
    metric: str,
    maximize: bool,
    sentences: Sequence[str] = (),
    winners: pd.DataFrame | None = None,
) -> Path:
    """Write the page of a search.

    Args:
        trials: a row a trial: study, option ("" where there are none), number, state, value, group, and a column for
            each searched param by its key, nan where a study does not search it.
        confirmed: a row a run with fresh seeds: study, option, number, rank (1 is the study's winner), setting,
            searched (the value in the search), seed, value; may be empty.
        importances: study, option, param, importance (0 to 1); may be empty.
        folder: where `search.html` is written.
        about: how the search was made, in the order that it is shown in.
        metric: that was searched by.
        maximize: whether larger is better.
        sentences: that stand at the top.
        winners: a row an option: option, studies, seeds, mean, low, high, study_sd, seed_sd, diverged; may be empty.

    Returns:
        The page.

    Raises:
        ValueError: there is no trial.
    """
    panel = search_panel(trials, confirmed, importances, metric, maximize)
    specs = {name: chart.to_dict(validate=False) for name, chart in search_figures(panel).items()}
    page = render(
        "search.html.jinja",
        about,
        title="What the search found",
        summary=_summary(panel),
        sentences=list(sentences),
        several=len(panel.params) > 1,
        sections=list(sections(specs, SECTIONS)),
        tables=list(_tables(panel, winners)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "search.html"
    file.write_text(page, encoding="utf-8")
    return file


def _summary(panel: SearchPanel) -> str:
    states = panel.trials["state"].value_counts()
    words = ", ".join(f"{states[state]:,} {state}" for state in STATES if state in states)
    studies, options = len(panel.trials[["option", "study"]].drop_duplicates()), len(panel.options)
    where = f"{studies:,} {'studies' if studies > 1 else 'study'}" + (f" of {options:,} options" if options > 1 else "")
    goal = "maximized" if panel.maximize else "minimized"
    return f"{panel.metric} is {goal}; {len(panel.trials):,} trials in {where}: {words}."


def _tables(panel: SearchPanel, winners: pd.DataFrame | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables of the report in strings, each with its heading."""
    if winners is not None and len(winners):
        yield f"Options, by the winners of their studies on fresh seeds: {panel.metric}", _winners_table(winners)
    if len(panel.confirmed):
        yield f"The best trials on fresh seeds: {panel.metric}", _confirmed_table(panel)
    omitted = len(panel.trials) - ROWS
    note = f" (the first {ROWS} of {len(panel.trials):,}; {omitted:,} are left out)" if omitted > 0 else ""
    yield f"Trials, the best first: {panel.metric}{note}", _trials_table(panel)


def _trials_table(panel: SearchPanel) -> pd.DataFrame:
    finished = panel.trials["state"] == "finished"
    trials = panel.trials.assign(lost=~finished).sort_values("value", ascending=not panel.maximize, kind="stable")
    trials = trials.sort_values("lost", kind="stable").head(ROWS)
    rows = [
        _where(row, panel) | {"setting": str(row.setting) or NONE, "state": str(row.state), "value": number(row.value)}
        for row in trials.itertuples()
    ]
    return pd.DataFrame(rows)


def _confirmed_table(panel: SearchPanel) -> pd.DataFrame:
    rows = []
    for row in panel.confirmed.itertuples():
        about = _where(row, panel) | {"setting": str(row.setting) or NONE, "rank": str(row.rank)}
        fresh = {"searched": number(row.searched), "fresh seeds": str(row.n), "lost": str(row.label) or NONE}
        middle = number(row.mean) if row.label else interval(row, "mean", "low", "high")
        fresh |= {"mean": middle, "optimism": number(row.optimism, ".2g")}
        rows.append(about | fresh)
    table = pd.DataFrame(rows)
    return table if panel.confirmed["label"].any() else table.drop(columns="lost")


def _winners_table(winners: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in winners.itertuples():
        counts = {"option": str(row.option) or NONE, "studies": str(row.studies), "seeds": str(row.seeds)}
        spread = {"sd of studies": number(row.study_sd, ".2g"), "sd of seeds": number(row.seed_sd, ".2g")}
        middle = {"mean": interval(row, "mean", "low", "high")}
        rows.append(counts | middle | spread | {"diverged": str(row.diverged)})
    return pd.DataFrame(rows)


def _where(row: Any, panel: SearchPanel) -> dict[str, str]:
    return {name: str(getattr(row, name)) for name in (*panel.where, "trial")}
