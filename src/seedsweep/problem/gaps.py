"""Missing values of a table: refused, their rows left out, or filled in as the training rows say."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.problem.columns import Columns
from seedsweep.problem.delimited import shown
from seedsweep.problem.targets import KEY

MISSING = ("refuse", "drop", "impute", "word")
WORDS = "; data.missing=word if NA, None or null is a word there, such as a code"


class Rows(NamedTuple):
    """Features (n, d), the target (n,), and what is said of them; gaps that will be filled are NaN."""

    values: np.ndarray
    target: pd.Series
    notes: tuple[str, ...]


def complete_rows(columns: Columns, target: pd.Series, missing: str) -> Rows:
    """The rows as `missing` wants them.

    Args:
        columns: the features.
        target: of the same rows.
        missing: `refuse`, `drop` the rows that lack a value, or `impute`: leave the gaps to be filled from the training
            rows; `word` refuses, too: what was read then says NA and the like.

    Returns:
        The rows.

    Raises:
        ConfigError: a value is missing where that is refused, or where a target would have to be made up.
    """
    is_gap, no_target = np.isnan(columns.values), target.isna().to_numpy()
    counts = {name: int(is_gap[:, index].sum()) for index, name in enumerate(columns.origins)}
    gaps = shown([f"{count} in {name}" for name, count in counts.items() if count])
    if no_target.any() and missing != "drop":
        allowed = f"has {int(no_target.sum())} missing values, which nothing can fill in"
        allowed += "; data.missing=drop leaves these rows out"
        allowed += WORDS * (missing != "word" and not pd.api.types.is_numeric_dtype(target))
        raise ConfigError(KEY, target.name or "target", allowed)
    if not gaps and not no_target.any():
        return Rows(columns.values, target, ())
    if missing in ("refuse", "word"):
        allowed = f"values are missing, {gaps}; data.missing=drop leaves out their rows"
        allowed += ", and data.missing=impute takes the medians of the training rows"
        allowed += WORDS * (missing != "word" and columns.names != columns.origins)
        raise ConfigError("data.missing", missing, allowed)
    if missing == "impute":
        return Rows(columns.values, target, (f"missing values ({gaps}) are the medians of the training rows",))
    kept = ~(is_gap.any(axis=1) | no_target)
    if not kept.any():
        raise ConfigError("data.missing", missing, f"leaves no row: values are missing, {gaps}; leave out such columns")
    gaps = ", ".join([gaps] * bool(gaps) + [f"{int(no_target.sum())} in the target"] * bool(no_target.any()))
    note = f"{int((~kept).sum())} of {len(kept)} rows left out, in which a value is missing ({gaps})"
    return Rows(columns.values[kept], target[kept], (note,))
