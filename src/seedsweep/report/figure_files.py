"""Figures as files, for a paper or a slide: PNG, SVG and PDF."""

import json
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.report.themes import PAPER

FORMATS = ("png", "svg", "pdf")
WIDTH = 720  # in CSS pixels
SCALE = 2  # pixels of a PNG for each of them
TITLE, SUBTITLE = 95, 115  # letters on a line there


def checked_formats(key: str, value: Any) -> list[str]:
    """The formats that figures are asked for in.

    Args:
        key: the key that asks for them.
        value: one of `FORMATS`, a list of them, or None.

    Returns:
        Each of them once; none for None.

    Raises:
        ConfigError: it is none of these.
    """
    formats = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(formats, list) or not all(name in FORMATS for name in formats):
        raise ConfigError(key, value, f"must be {', '.join(FORMATS)}, a list of them such as [png,pdf], or null")
    return list(dict.fromkeys(formats))


def write_figures(specs: Mapping[str, dict[str, Any]], folder: Path, formats: Collection[str]) -> None:
    """Write each figure as `<name>.<format>` into the folder, with a title that stands alone."""
    if not formats:
        return
    folder.mkdir(exist_ok=True)
    for name, spec in specs.items():
        for form, content in draw(spec | on_paper(spec["description"], spec["usermeta"]["title"]), formats):
            (folder / f"{name}.{form}").write_bytes(content)


def draw(spec: Mapping[str, Any], formats: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """The figure of a specification in each of these formats; it is laid out once, which takes the longest."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg(json.dumps(spec, allow_nan=False), allowed_base_urls=[])
    if "png" in formats:
        yield "png", vl_convert.svg_to_png(svg, scale=SCALE)
    if "svg" in formats:
        yield "svg", svg.encode()
    if "pdf" in formats:
        yield "pdf", vl_convert.svg_to_pdf(svg)


def on_paper(caption: str, title: str) -> dict[str, Any]:
    """The properties of a chart that stands alone: its title is wrapped, with the first sentence of its caption."""
    first = re.split(r"(?<=\w|\))\. ", caption, maxsplit=1)[0].rstrip(".")
    lines = {"text": textwrap.wrap(title, TITLE), "subtitle": textwrap.wrap(first, SUBTITLE)}
    return {"width": WIDTH, "title": lines, "config": PAPER}
