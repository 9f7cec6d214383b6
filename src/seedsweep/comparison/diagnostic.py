"""A diagnostic: what a reader should know before believing a comparison, and what to do about it."""

from collections.abc import Sequence
from typing import NamedTuple

NAMES_SHOWN = 5  # names in a sentence


class Diagnostic(NamedTuple):
    """What a reader should know before believing a comparison, and what to do about it."""

    sentence: str
    remedy: str


def shortened(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    rest = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + rest
