"""Which params make a setting: those that were swept, and none that only tells one run from another."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import pandas as pd

from seedsweep.comparison.named_values import label
from seedsweep.comparison.params import RATES
from seedsweep.sources.column_names import names_method, names_optimizer, names_param
from seedsweep.sources.recorded_runs import one_of


class Settings(NamedTuple):
    """The params of a setting, and those that were swept by nobody: measured, or a name of the run."""

    at: list[str]
    noise: list[str]


def swept_params(
    table: pd.DataFrame, fixed: Sequence[str], params: Sequence[str], seeds: Sequence[str], are_params: bool
) -> Settings:
    """Find the params that differ between runs of one option for another reason than the seed.

    A column with whose values hardly a setting has two runs was measured, or names the run; it is taken for that only
    if the seeds tell the runs of a setting apart without it, and if its name is not that of a param. A string that
    follows from the other params, such as the name of the setting, is left out, too.

    Args:
        table: a row a run.
        fixed: the column of the option, and that of the data set, if any.
        params: those that may make a setting.
        seeds: the columns of the seeds.
        are_params: whether all params are known to be such, so that of numbers none was measured.

    Returns:
        The params, the learning rate first.
    """
    labels = labelled(table, [*fixed, *params, *seeds])
    options = [labels[name] for name in fixed]
    at = [name for name in params if labels[name].groupby(options).nunique().max() > 1]
    doubtful = [name for name in at if not names_param(name) and not (are_params and table[name].dtype.kind in "iufb")]
    noise = []
    for name in sorted(doubtful, key=lambda name: -table[name].nunique()):
        others = [other for other in at if other != name]
        if _lonely(labels, [*fixed, *at]) and not labels.duplicated([*fixed, *others, *seeds]).any():
            at = others
            noise.append(name)
    for name in sorted(at, key=lambda name: -table[name].nunique()):
        others = [other for other in at if other != name]
        is_name = table[name].dtype.kind not in "iufb" and not names_param(name)
        if is_name and others and labels.groupby([*fixed, *others])[name].nunique().max() == 1:
            at = others
    return Settings(sorted(at, key=lambda name: (not is_rate(name), table[name].isna().any())), noise)


def compared_param(table: pd.DataFrame, params: Sequence[str]) -> tuple[str, str] | None:
    """The param whose options are compared where nobody says which.

    Args:
        table: a row a run.
        params: those that may be it, with several values each.

    Returns:
        Its name and why it is that one; None where there is none.
    """
    few = [name for name in params if 2 * table[name].nunique() <= len(table)] or list(params)
    strings = [name for name in few if table[name].dtype.kind not in "iufb"]
    for names, reason in (
        ([name for name in params if names_optimizer(name)], "its name"),
        ([name for name in few if names_method(name)], "its name"),
        (strings if len(strings) == 1 else [], "the only one that is no number"),
        (few if len(few) == 1 else [], "the only one that was swept"),
        (sorted(few, key=lambda name: not is_rate(name)), f"the first of those that were swept: {one_of(few)}"),
    ):
        if names:
            return names[0], reason
    return None


def is_rate(name: str) -> bool:
    """Whether a param is a learning rate, by its name."""
    return name.rsplit(".", 1)[-1].lower() in RATES


def _lonely(labels: pd.DataFrame, names: Sequence[str]) -> bool:
    """Whether most runs are the only ones with their values of these columns."""
    return bool((labels.groupby(list(names))[names[0]].transform("size") == 1).mean() > 0.5)


def labelled(table: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """The values of these columns as options and settings are named; a gap is a value, too."""
    return pd.DataFrame({name: table[name].map(label) for name in dict.fromkeys(names)}, index=table.index)
