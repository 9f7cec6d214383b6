"""A suggested value as an override says it: Hydra reads the very same, of the same type."""

import math
import re
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

BARE = re.compile(r"(?!(null|true|false|inf|nan)$)[a-z_][a-z0-9_/.-]*", re.IGNORECASE | re.ASCII)  # needs no quotes


def written(value: Any) -> str:
    """A value as Hydra reads it: with its type, and without what its grammar would see in a string."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value))  # of numpy's, the number alone
    text = str(value)
    return text if BARE.fullmatch(text) else str(QuotedString(text, Quote.single).with_quotes())


def as_swept(value: Any, swept: Sequence[float]) -> Any:
    """The value that Hydra sweeps, where this is it but for rounding; others, as one that was enqueued, as they are."""
    if not swept:
        return value
    nearest = min(swept, key=lambda candidate: abs(candidate - value))
    return nearest if math.isclose(nearest, value, rel_tol=1e-12, abs_tol=1e-12 * (swept[-1] - swept[0])) else value
