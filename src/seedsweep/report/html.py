"""The report of a comparison: one HTML file that needs no network, and if asked for every figure as a file."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from seedsweep.comparison.compare import Comparison
from seedsweep.comparison.params import are_rates
from seedsweep.comparison.phrases import per_cent
from seedsweep.comparison.question import BEST, SAME
from seedsweep.report.figure_files import write_figures
from seedsweep.report.figures.panel import panels
from seedsweep.report.page import render, sections
from seedsweep.report.summary import counted
from seedsweep.report.tables import best_table, data_sets_table, groups_table, pairs_table, spread_table

ANSWER = {"Answer": ("answer", "answer_map")}  # the figures of the first screen
SECTIONS = {  # headings, and the figures below them
    "Mean ranks": ("ranks",),
    "Curves": ("curves",),
    "Distance to the optimum": ("suboptimality",),
    "Learning rates": ("learning_rates",),
    "Distribution over seeds": ("distribution",),
    "Paired differences": ("differences", "differences_same"),
    "Time to target": ("time_to_target",),
    "Tunability": ("tunability", "best_at_budget"),
    "Initialization and data order": ("shares",),
    "Performance profile": ("profile",),
}


DATA_SETS = 3  # that are named


class AnsweredQuestion(NamedTuple):
    """One of the two questions in the page; a verdict is what it is about, and its sentence."""

    heading: str
    meaning: str
    verdicts: list[tuple[str, str]]
    unanswered: str


class SeveralDataSets(NamedTuple):
    """What several data sets say together in the page: sentences, and a table with what it counts."""

    sentences: list[str]
    table: pd.DataFrame
    meaning: str


def write_report(
    comparison: Comparison, folder: Path, about: Mapping[str, str], *, formats: Collection[str] = ()
) -> Path:
    """Write `report.html`, and in each of the formats every figure as `figures/<name>.<format>`; returns the page.

    `about` says how the comparison was made, in the order that it is shown in.
    """
    specs = figure_specs(comparison)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    page.write_text(render_report(comparison, specs, about), encoding="utf-8")
    write_figures(specs, folder / "figures", formats)
    return page


def figure_specs(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """The specifications of all figures, by name."""
    from seedsweep.report.figures.comparison_figures import comparison_figures

    return {name: chart.to_dict(validate=False) for name, chart in comparison_figures(comparison).items()}


def render_report(comparison: Comparison, specs: Mapping[str, dict[str, Any]], about: Mapping[str, str]) -> str:
    """The page with these figures."""
    problems = list(dict.fromkeys(comparison.runs["problem"]))
    return render(
        "report.html.jinja",
        about,
        title=f"Which {comparison.question.by} wins?",
        headline=comparison.headline,
        summary=_summary(comparison, problems, about.get("model", "")),
        answers=next(sections(specs, ANSWER), None),
        questions=list(_questions(comparison)),
        both=_both(comparison, len(problems) > 1),
        several=len(problems) > 1,
        across=_across(comparison),
        sections=list(sections(specs, SECTIONS)),
        tables=list(_tables(comparison, problems)),
        diagnostics=comparison.diagnostics,
    )


def _summary(comparison: Comparison, problems: list[str], model: str) -> str:
    """What was compared: data, model, metric, runs and seeds."""
    question, runs = comparison.question, comparison.runs
    more = f" and {len(problems) - DATA_SETS:,} more" if len(problems) > DATA_SETS else ""
    named = [name for name in problems[:DATA_SETS] if name]
    parts = [f"Data: {', '.join(named)}{more}."] if named else []
    parts += [f"Model: {model}."] if model else []
    selected = {"last": "the last value", "best": "the best value", "auc": "the mean over the training"}
    direction = "larger" if question.measure.is_maximized else "smaller"
    parts.append(f"By {selected[question.select]} of {question.metric} ({direction} is better).")
    seeds = runs["seed"].nunique()
    parts.append(
        f"{len(runs):,} runs over {seeds:,} seed{'s' * (seeds != 1)}: {counted(runs, ',', question.measure.lost)}."
    )
    return " ".join(parts)


def _both(comparison: Comparison, several: bool) -> list[str]:
    return [f"{remark.problem}: {remark.sentence}" if several else remark.sentence for remark in comparison.remarks]


def _across(comparison: Comparison) -> SeveralDataSets | None:
    """What several data sets say together; None where there is one."""
    across = comparison.across
    if across is None:
        return None
    how = "each option at its best" if comparison.best else "at the same setting"
    meaning = (
        f"On how many data sets an option wins against another, ties with it (they surely differ by less than"
        f" {per_cent(comparison.question.margin)}), is not told apart from it, or loses: {how}, at"
        f" {per_cent(across.confidence)} confidence on each."
    )
    return SeveralDataSets(across.sentences, data_sets_table(across), meaning)


def _questions(comparison: Comparison) -> Iterator[AnsweredQuestion]:
    settings = [pairwise.name for pairwise in comparison.same]
    same = "At the same learning rate" if settings and are_rates(settings) else "At the same setting"
    metric = comparison.question.metric
    judge = comparison.best[0].metric if comparison.best else comparison.question.claim
    chosen = f"Chosen by {metric}, compared by {judge}: the winner has to beat every setting of the others."
    meaning = {SAME: f"By {metric}, over all seeds, of runs that differ in nothing else.", BEST: chosen}
    lacking = {SAME: "no two options share one", BEST: "all options have one and the same setting"}
    headings = {SAME: same, BEST: "Each at its best"}
    for question in (BEST, SAME) if comparison.best else (SAME, BEST):
        unanswered = f"These runs cannot answer it: {lacking[question]}."
        yield AnsweredQuestion(headings[question], meaning[question], _lines(comparison, question), unanswered)


def _lines(comparison: Comparison, question: str) -> list[tuple[str, str]]:
    """The verdicts on a question: what each is about, as far as they differ in it, and its sentence."""
    verdicts = [verdict for verdict in comparison.verdicts if verdict.question == question]
    several = len({verdict.problem for verdict in verdicts}) > 1
    lines = []
    for verdict in verdicts:
        about = (verdict.problem if several else "", verdict.setting if question == SAME else "")
        lines.append((" ".join(filter(None, about)), verdict.sentence))
    return lines


def _tables(comparison: Comparison, problems: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables of the report in strings, each with its heading."""
    metric = comparison.question.metric
    for pairwise in comparison.best:
        where = f", {pairwise.problem}" if len(problems) > 1 else ""
        yield f"Each at its best{where}: {pairwise.metric}, chosen by {metric}", best_table(pairwise)
    if comparison.best:
        yield f"Pairs, each at its best: {comparison.best[0].metric}", pairs_table(comparison.best, len(problems) > 1)
    yield f"All settings: {metric}", groups_table(pd.concat([panel.groups for panel in panels(comparison)]))
    yield f"All settings: median, interquartile mean and spread of {metric}", spread_table(comparison.groups)
    if comparison.same:
        yield f"Pairs, at the same setting: {metric}", pairs_table(comparison.same, len(problems) > 1)
