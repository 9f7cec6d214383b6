"""A page: one HTML file that needs no network, made of a template, of figures, and of how it was made."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from seedsweep.errors import masked
from seedsweep.report.themes import DARK, LIGHT
from seedsweep.report.vega import vega

WRAPPED = ("data", "option", "setting", "at", "better", "worse")  # columns whose strings may be broken into lines


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


def render(template: str, about: Mapping[str, str], **content: Any) -> str:
    """The page that a template of this package makes of its content; `about` says how that was made."""
    loader = jinja2.FunctionLoader(lambda name: files("seedsweep.report").joinpath(name).read_text(encoding="utf-8"))
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    return environment.get_template(template).render(
        content,
        wrapped=WRAPPED,
        about={name: masked(value) for name, value in about.items()},
        themes=as_script({"light": LIGHT, "dark": DARK}),
        vega=Markup(vega()),  # noqa: S704 -- a library, not anyone's input
    )


def sections(specs: Mapping[str, dict[str, Any]], headings: Mapping[str, Sequence[str]]) -> Iterator[Section]:
    """The figures below each of the headings, which have the names of those that they are for; none is empty.

    A figure whose specification has a heading of its own in its metadata changes that of its section.
    """
    for heading, names in headings.items():
        chosen = [(name, spec) for kind in names for name, spec in specs.items() if spec["usermeta"]["figure"] == kind]
        if not chosen:
            continue
        figures = [_figure(name, spec) for name, spec in chosen]
        problems = [figure.problem for figure in figures]
        figures.sort(key=lambda figure: problems.index(figure.problem))
        title = next((spec["usermeta"]["heading"] for _, spec in chosen if "heading" in spec["usermeta"]), heading)
        yield Section(f"section-{re.sub('[^a-z]+', '-', title.lower())}", title, figures)


def _figure(name: str, spec: Mapping[str, Any]) -> Figure:
    return Figure(name, spec["usermeta"].get("problem", ""), spec["description"], as_script(spec))


def as_script(value: Any) -> Markup:
    """The value as compact JSON that may stand in a script element: nothing in it can end that."""
    script = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        script = script.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(script)  # noqa: S704 -- see above
