"""Figures as PNGs, for a paper or a slide."""

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedsweep.report.themes import PAPER

WIDTH = 720  # before it is scaled
SCALE = 2
TITLE, SUBTITLE = 95, 115  # letters on a line there


def write_pngs(specs: Mapping[str, dict[str, Any]], folder: Path) -> None:
    """Write each figure as `<name>.png` into the folder, with a title that stands alone."""
    import vl_convert

    folder.mkdir(exist_ok=True)
    for name, spec in specs.items():
        paper = {"width": WIDTH, "background": "white", "title": _title(spec)}
        image = vl_convert.vegalite_to_png(
            json.dumps(spec | paper, allow_nan=False), scale=SCALE, config=PAPER, allowed_base_urls=[]
        )
        (folder / f"{name}.png").write_bytes(image)


def _title(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A title that says enough where the figure stands alone: wrapped, with the first sentence of the caption."""
    first = re.split(r"(?<=\w|\))\. ", spec["description"], maxsplit=1)[0].rstrip(".")
    return {"text": textwrap.wrap(spec["usermeta"]["title"], TITLE), "subtitle": textwrap.wrap(first, SUBTITLE)}
