"""The report: one HTML file that needs no network, and every figure as a PNG."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pandas as pd
from markupsafe import Markup

from seedsweep.comparison.compare import Comparison
from seedsweep.comparison.settings import LEAST_SEEDS
from seedsweep.comparison.verdicts import BEST, BOTH, SAME
from seedsweep.errors import masked
from seedsweep.report.console import counts
from seedsweep.report.tables import best_table, groups_table, pairs_table, spread_table
from seedsweep.report.themes import DARK, LIGHT, PAPER
from seedsweep.report.vega import vega

WIDTH = 720  # of a PNG, before it is scaled
SCALE = 2
TITLE, SUBTITLE = 95, 115  # letters on a line there
WORDED = ("data", "option", "setting", "at", "better", "worse")  # columns whose texts may be broken into lines
SECTIONS = {  # headings, and the figures below them
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


class AnsweredQuestion(NamedTuple):
    """One of the two questions in the page; a verdict is what it is about, and its sentence."""

    heading: str
    meaning: str
    verdicts: list[tuple[str, str]]
    unanswered: str


class Section(NamedTuple):
    """A section of figures in the page."""

    anchor: str
    heading: str
    figures: "list[Figure]"


class Figure(NamedTuple):
    """A figure in the page: its specification as JSON that may stand in a script, its caption, its data set."""

    name: str
    problem: str
    caption: str
    spec: Markup


def write_report(comparison: Comparison, folder: Path, about: Mapping[str, str], *, pngs: bool = True) -> Path:
    """Write `report.html`, and each figure as `figures/<name>.png`, into the folder; returns the page.

    `about` says how the comparison was made, in the order that it is shown in.
    """
    from seedsweep.report.figures.figures import figures

    charts = figures(comparison)
    specs = {name: chart.to_dict(validate=False) for name, chart in charts.items()}
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    page.write_text(_render(comparison, specs, about), encoding="utf-8")
    if pngs:
        write_pngs(specs, folder / "figures")
    return page


def _render(comparison: Comparison, specs: Mapping[str, dict[str, Any]], about: Mapping[str, str]) -> str:
    problems = list(dict.fromkeys(comparison.runs["problem"]))
    return render(
        "report.html.jinja",
        about,
        title=f"Which {comparison.question.by} wins?",
        summary=_summary(comparison),
        questions=list(_questions(comparison)),
        both=_both(comparison, len(problems) > 1),
        several=len(problems) > 1,
        sections=list(sections(specs, SECTIONS)),
        tables=list(_tables(comparison, problems)),
        diagnostics=comparison.diagnostics,
    )


def render(template: str, about: Mapping[str, str], **shown: Any) -> str:
    """The page that a template of this package makes of what is shown in it; `about` says how that was made."""
    loader = jinja2.FunctionLoader(lambda name: files("seedsweep.report").joinpath(name).read_text(encoding="utf-8"))
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    return environment.get_template(template).render(
        shown,
        worded=WORDED,
        about={name: masked(value) for name, value in about.items()},
        themes=as_script({"light": LIGHT, "dark": DARK}),
        vega=Markup(vega()),  # noqa: S704 -- a library, not anyone's input
    )


def _summary(comparison: Comparison) -> str:
    asked, number_by_outcome = comparison.question, counts(comparison.runs)
    selected = {"last": "the last value", "best": "the best value", "auc": "the mean over the training"}[asked.select]
    words = ", ".join(f"{number:,} {outcome}" for outcome, number in number_by_outcome.items() if number)
    seeds = comparison.runs["seed"].nunique()
    return f"By {selected} of {asked.metric}; {len(comparison.runs):,} runs over {seeds:,} seeds: {words}."


def _both(comparison: Comparison, several: bool) -> list[str]:
    verdicts = [verdict for verdict in comparison.verdicts if verdict.question == BOTH]
    return [f"{verdict.problem}: {verdict.sentence}" if several else verdict.sentence for verdict in verdicts]


def _questions(comparison: Comparison) -> Iterator[AnsweredQuestion]:
    settings = [pairwise.name for pairwise in comparison.same]
    rates = all(name.startswith("lr=") and " " not in name for name in settings)
    same = "At the same learning rate" if settings and rates else "At the same setting"
    metric = comparison.question.metric
    judge = comparison.best[0].metric if comparison.best else comparison.question.claim
    half = f"Chosen by {metric} on one half of the seeds, judged by {judge} on the other, and the other way round."
    meaning = {SAME: f"By {metric}, over all seeds, of runs that differ in nothing else.", BEST: half}
    lacking = {
        SAME: "no two options share one",
        BEST: f"that takes {LEAST_SEEDS} seeds, and an option with several settings",
    }
    for question, heading in ((SAME, same), (BEST, "Each at its best")):
        verdicts = [verdict for verdict in comparison.verdicts if verdict.question == question]
        several = len({verdict.problem for verdict in verdicts}) > 1
        names = [[verdict.problem * several, verdict.name * (question == SAME)] for verdict in verdicts]
        named = [" ".join(filter(None, words)) for words in names]
        lines = [(name, verdict.sentence) for name, verdict in zip(named, verdicts, strict=True)]
        yield AnsweredQuestion(heading, meaning[question], lines, f"These runs cannot answer it: {lacking[question]}.")


def sections(specs: Mapping[str, dict[str, Any]], headings: Mapping[str, Sequence[str]]) -> Iterator[Section]:
    """The figures below each of the headings, which have the names of those that they are for; none is empty."""
    for heading, names in headings.items():
        filled = [
            Figure(name, spec["usermeta"].get("problem", ""), spec["description"], as_script(spec))
            for start in names
            for name, spec in specs.items()
            if spec["usermeta"]["figure"] == start
        ]
        if filled:
            problems = [figure.problem for figure in filled]
            filled.sort(key=lambda figure: problems.index(figure.problem))
            others = [spec["usermeta"]["heading"] for spec in specs.values() if "heading" in spec["usermeta"]]
            heading = others[0] if others and names == ("learning_rates",) else heading
            yield Section(f"section-{re.sub('[^a-z]+', '-', heading.lower())}", heading, filled)


def _tables(comparison: Comparison, problems: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables of the report, as text, each with its heading."""
    metric = comparison.question.metric
    for pairwise in comparison.best:
        where = f", {pairwise.problem}" if len(problems) > 1 else ""
        yield f"Each at its best{where}: {pairwise.metric}, chosen by {metric}", best_table(pairwise)
    if comparison.best:
        yield f"Pairs, each at its best: {comparison.best[0].metric}", pairs_table(comparison.best, len(problems) > 1)
    yield f"All settings: {metric}", groups_table(comparison.groups)
    yield f"All settings: median, interquartile mean and spread of {metric}", spread_table(comparison.groups)
    if comparison.same:
        yield f"Pairs, at the same setting: {metric}", pairs_table(comparison.same, len(problems) > 1)


def as_script(value: Any) -> Markup:
    """The value as compact JSON that may stand in a script element: nothing in it can end that."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 -- see above


def write_pngs(specs: Mapping[str, dict[str, Any]], folder: Path) -> None:
    """Write each figure as `<name>.png` into the folder, with a title that stands alone."""
    import vl_convert

    folder.mkdir(exist_ok=True)
    for name, spec in specs.items():
        about = {"width": WIDTH, "background": "white", "title": _paper_title(spec)}
        text = json.dumps(spec | about, allow_nan=False)
        image = vl_convert.vegalite_to_png(text, scale=SCALE, config=PAPER, allowed_base_urls=[])
        (folder / f"{name}.png").write_bytes(image)


def _paper_title(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A title that says enough where the figure stands alone: wrapped, with the first sentence of the caption."""
    first = re.split(r"(?<=\w|\))\. ", spec["description"], maxsplit=1)[0].rstrip(".")
    return {"text": textwrap.wrap(spec["usermeta"]["title"], TITLE), "subtitle": textwrap.wrap(first, SUBTITLE)}
