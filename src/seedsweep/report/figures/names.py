"""Names of options and settings in figures: cut in the middle where there is no room, and still different."""

import json
from collections.abc import Iterable
from typing import Any

from seedsweep.config.cutting import cut

CHARACTER = 9  # pixels of one at most, in bold


def shortened(names: Iterable[str], longest: int) -> dict[str, str]:
    """Names of so many characters at most.

    Args:
        names: of any length, all different.
        longest: how many there is room for, at least ten.

    Returns:
        What stands for each of the names that are too long: its beginning and its end, with a digest where two would
        be alike.
    """
    begin = (longest - 1) // 2
    short = {name: f"{name[:begin]}…{name[begin + 1 - longest :]}" for name in names if len(name) > longest}
    shown = list(short.values())
    return {name: text if shown.count(text) == 1 else cut(name, longest) for name, text in short.items()}


def with_short_names(names: Iterable[str], pixels: int) -> dict[str, Any]:
    """How an axis or a legend shows names in so many pixels: the arguments of `alt.Axis` and `alt.Legend`."""
    short = shortened(names, pixels // CHARACTER)
    return {"labelLimit": pixels} | (
        {"labelExpr": f"({json.dumps(short)})[datum.value] || datum.value"} if short else {}
    )
