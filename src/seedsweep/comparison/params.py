"""The params of a table of runs: which of them were swept, and how their values are named."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seedsweep.comparison.named_values import label, labels
from seedsweep.comparison.problems import problems
from seedsweep.config.params import canonical
from seedsweep.config.planned_run import DEFAULTS_SINCE, PROBLEM, PROBLEM_NAME, SEEDS
from seedsweep.metrics import names_metric
from seedsweep.outcomes import RUN_COLUMNS

OPTIMIZER = "optimizer"
COMMON = ("trainer.", "data.class_weights", "data.positive_class", "data.features", "data.task")  # keys of every option
RATES = ("lr", "learning_rate")  # what a learning rate is called


def params(runs: pd.DataFrame) -> list[str]:
    """The columns of options and values of a configuration, but for those where most runs have their own number."""
    names = [name for name in map(str, runs) if "/" not in name and name not in (*RUN_COLUMNS, *SEEDS)]
    names = [name for name in names if not names_metric(name) or "." in name]
    numbers = [name for name in names if runs[name].dtype.kind == "f" and "." not in name]
    return [name for name in names if name not in numbers or 2 * runs[name].nunique() <= len(runs)]


def swept(runs: pd.DataFrame, by: str | None = None) -> list[str]:
    """The params, besides seeds, that differ between the runs of one option, the learning rate first.

    Args:
        runs: a row a run.
        by: the param of the options; None: those that differ between any runs.

    Returns:
        The names of their columns.
    """
    problem = problems(runs)
    fixed = [labels(runs[by])] if by in runs else []
    fixed += [] if problem is None else [problem]
    varying: dict[str, pd.Series] = {}
    for name in sorted(params(runs), key=lambda name: ("." in name, name)):  # options before what follows from them
        values = labels(runs[name])
        if DEFAULTS_SINCE.get(name) is not None:  # runs from before there was the key have none
            values = values.mask(runs[name].isna(), _default(name, values))
        if name in (by, PROBLEM, PROBLEM_NAME) or values.nunique() < 2:
            continue
        option = varying.get(name.rsplit(".", 1)[0])
        follows = option is not None and values.groupby(option).nunique().max() == 1
        if not follows and name.endswith(".max_lr"):  # of a schedule, wherever it has one
            has_value = runs[name].notna()
            rates = (values[has_value].equals(rate[has_value]) for key, rate in varying.items() if key.endswith(".lr"))
            follows = any(rates)
        if not follows and (not fixed or values.groupby(fixed).nunique().max() > 1):
            varying[name] = values
    return sorted(varying, key=lambda name: (not name.endswith(".lr"), runs[name].isna().any()))


def _default(name: str, values: pd.Series) -> str:
    """The label of what a key was before it came; booleans that some runs do not have are strings, as in the store."""
    default = DEFAULTS_SINCE[name]
    return canonical(default) if values.isin(["true", "false"]).any() else label(default)


def compared(runs: pd.DataFrame) -> str:
    """The param whose options are compared unless another is named.

    Args:
        runs: a row a run.

    Returns:
        The optimizer, or the first one that was swept where that is the same everywhere.
    """
    varying = swept(runs)
    return OPTIMIZER if OPTIMIZER in varying or not varying else varying[0]


def setting_labels(runs: pd.DataFrame, at: Sequence[str]) -> pd.Series:
    """Such as `lr=0.01 momentum=0.9` of each run; a param that an option does not have is left out."""
    setting = pd.Series("", index=runs.index)
    for name in at:
        has_value = runs[name].notna()
        assignment = f" {name.rsplit('.', 1)[-1]}=" + labels(runs[name])
        setting = setting.where(~has_value, setting + assignment)
    return setting.str.strip()


def with_nulls(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with `null` where a key that every configuration has is null, so that it is a value as any other.

    Args:
        runs: a row a run.

    Returns:
        The same, but for the columns of such keys of which others have a value.
    """
    mixed = [name for name in runs if str(name).startswith(COMMON) and 0 < runs[name].isna().sum() < len(runs)]
    names = [
        name for name in mixed if DEFAULTS_SINCE.get(str(name)) is None
    ]  # else they are of before there was the key
    return runs.assign(**{str(name): runs[name].astype(object).where(runs[name].notna(), "null") for name in names})


def are_rates(settings: Sequence[str]) -> bool:
    """Whether settings are learning rates and nothing else.

    Args:
        settings: as `setting_labels` names them.

    Returns:
        True also of none.
    """
    return all(setting.partition("=")[0] in RATES and " " not in setting for setting in settings)


def ordered(runs: pd.DataFrame, by: str, at: Sequence[str]) -> pd.DataFrame:
    """The runs by data set, option, setting and seed, so that nothing depends on the order that they are given in."""
    names = [name for name in (PROBLEM_NAME, PROBLEM, by, *at, *SEEDS) if (runs.columns == name).sum() == 1]
    keys = []
    for name in names:
        values = labels(runs[name])
        keys += [pd.to_numeric(values, errors="coerce").to_numpy(dtype=float), pd.factorize(values, sort=True)[0]]
    return runs.iloc[np.lexsort(keys[::-1])] if keys else runs
