"""Which runs are of the same data: of one name, of one file where several have that name, and of one version of it."""

from collections.abc import Sequence

import pandas as pd

from seedsweep.comparison.named_values import labels
from seedsweep.config.planned_run import PROBLEM, PROBLEM_NAME

FILE, BATCH_SIZE = "data.path", "data.batch_size"


def problems(runs: pd.DataFrame) -> pd.Series | None:
    """The data set of each run.

    Args:
        runs: a row a run; the `fingerprint` of its data tells what params do not.

    Returns:
        The name that it has, else that of its option; behind it the file, or the fingerprint of the version, where data
        of that name differs. None where neither is a column.
    """
    name = next((name for name in (PROBLEM_NAME, PROBLEM) if name in runs), None)
    if name is None:
        return None
    named = labels(runs[name])
    content = _content(runs)
    if content is None or content.nunique() <= 1:
        return named
    chosen = _labels(runs, [key for key in data_params(runs) if key != FILE])
    differs = _several(content, [named, *chosen]).groupby(named).transform("any")
    if not differs.any():
        return named
    file = _labels(runs, [FILE] if FILE in runs else [])
    has_versions = _several(content, [named, *chosen, *file]).groupby(named).transform("any") if file else differs
    suffix = (" (version " + content + ")").where(has_versions, " (" + (file[0] if file else content) + ")")
    return named.where(~differs, named + suffix)


def data_params(runs: pd.DataFrame) -> list[str]:
    """The params that choose the rows of a run and what is made of them.

    Args:
        runs: a row a run.

    Returns:
        The names of their columns.
    """
    names = [name for name in map(str, runs) if name == PROBLEM or name.startswith(f"{PROBLEM}.")]
    return [name for name in names if name != BATCH_SIZE]


def _labels(runs: pd.DataFrame, names: Sequence[str]) -> list[pd.Series]:
    return [labels(runs[name]) for name in names]


def _several(content: pd.Series, keys: Sequence[pd.Series]) -> pd.Series:
    """Whether runs that are equal in these keys are of different content."""
    return content.groupby(list(keys)).transform("nunique") > 1


def _content(runs: pd.DataFrame) -> pd.Series | None:
    """What tells different data apart: its fingerprint, of planned runs that of others of their sweep, or the file."""
    if "fingerprint" not in runs or runs["fingerprint"].isna().all():
        return labels(runs[FILE]) if FILE in runs else None
    content = runs["fingerprint"]
    alike = _labels(runs, data_params(runs))
    for keys in ([*alike, runs["sweep"]] if "sweep" in runs else [], alike, [pd.Series(0, runs.index)]):
        if keys and content.isna().any():
            content = content.fillna(content.groupby(keys).transform("first"))
    return content.astype(str).str[:8]
