"""Tables with a row a point: they are recognised, and become a row a run and its curves."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.metrics import names_metric
from seedsweep.sources.column_names import (
    named_epoch,
    named_step,
    names_fold,
    names_param,
    names_replicate,
    names_run,
    names_seed,
    names_time,
)
from seedsweep.sources.recorded_runs import CURVES, Named, one_of
from seedsweep.sources.settings import labelled
from seedsweep.sources.table_files import KEY


class Points(NamedTuple):
    """What a table with a row a point holds: a row a run, tidy curves, and a line that says how it was read."""

    runs: pd.DataFrame
    curves: pd.DataFrame
    metrics: list[str]
    line: str


def points_of(table: pd.DataFrame, named: Named) -> Points | None:
    """Read a table as one with a row a point.

    Args:
        table: with a column that counts steps or epochs.
        named: the columns that the question names.

    Returns:
        Its runs and curves; None for a table with a row a run.

    Raises:
        ConfigError: nothing tells its runs apart.
    """
    names = [name for name in map(str, table) if name not in named.params]
    step, epoch = named_step(names), named_epoch(names)
    counter = step or epoch
    if counter is None or table[counter].nunique() < 2 or table[counter].dtype.kind not in "iuf":
        return None
    identity = _identity(table, named, [name for name in (step, epoch) if name])
    if not identity or not labelled(table, identity).duplicated().any():
        return None
    run = labelled(table, identity).groupby(identity, sort=False).ngroup()
    same = table.groupby(run).nunique(dropna=False) == 1
    metrics = [name for name in names if _is_measured(name, table, same, (step, epoch), named)]
    twice = pd.DataFrame({"run": run, "step": table[counter]})[table[metrics].notna().any(axis=1)].duplicated()
    if twice.any() and len(metrics) and not _are_apart(table, run, counter, metrics):
        allowed = (
            f"{int(twice.sum())} rows have the {counter} of another row of the same run; what tells the runs apart?"
        )
        raise ConfigError(KEY, one_of(identity), f"{allowed} A column `run` or a seed would")
    ordered = table.assign(run=run).sort_values(["run", counter], kind="stable")
    runs = ordered.groupby("run").agg({name: "last" for name in table if name not in (step, epoch)})
    runs.index = pd.Index([f"run {number}" for number in runs.index], name=None)
    line = f"a row a point, by {counter}: {len(table)} points of {len(runs)} runs, told apart by {one_of(identity)}"
    return Points(runs, tidy(ordered, "run", metrics, step, epoch), metrics, line)


def tidy(table: pd.DataFrame, run: str, metrics: Sequence[str], step: str | None, epoch: str | None) -> pd.DataFrame:
    """The tidy curves of a table with a row a point, in the order of the steps.

    Args:
        table: with the columns `run` and those below.
        run: the column that tells the runs apart.
        metrics: the columns of the values; an empty cell is no point.
        step: the column that counts steps; None: the epochs do.
        epoch: the column that counts epochs; None: the steps do.

    Returns:
        A row a point.
    """
    steps = table[step or epoch]
    epochs = table[epoch] if epoch else steps
    frames = []
    for metric in metrics:
        held = table[metric].notna() & steps.notna()
        columns = {"run": table[run], "metric": metric, "step": steps, "epoch": epochs, "value": table[metric]}
        frames.append(pd.DataFrame(columns, columns=CURVES)[held])
    curves = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=CURVES)
    curves["run"] = "run " + curves["run"].astype(str) if curves["run"].dtype.kind in "iu" else curves["run"]
    curves["epoch"] = curves["epoch"].astype(float).fillna(curves["step"].astype(float))
    return curves.drop_duplicates(["run", "metric", "step"], keep="last")


def _identity(table: pd.DataFrame, named: Named, counters: Sequence[str]) -> list[str]:
    """The columns that tell runs apart: one that names them, or else all that look like params and seeds."""
    names = [name for name in map(str, table) if name not in counters and not table[name].isna().all()]
    naming = [
        name
        for name in names
        if names_run(name) and name not in named.params and table[name].nunique() > 1 and _recurs(table[name])
    ]
    replicate = [name for name in naming if names_replicate(name) and table[name].dtype.kind in "iuf"]
    seeds = [name for name in names if names_seed(name) or name in (named.seeds or ())]
    if naming and not (replicate and len(naming) == 1):
        return naming[:1]
    chosen = [name for name in names if name in named.params or name in seeds or name in naming]
    for name in names:
        is_number = table[name].dtype.kind in "iuf"
        is_measured = name == named.metric or names_time(name) or (is_number and "/" in name)
        is_measured |= is_number and names_metric(name) and "." not in name
        if name in chosen or is_measured or name.startswith("Unnamed:"):
            continue
        if names_param(name) or names_fold(name) or (_recurs(table[name]) and table[name].nunique() > 1):
            chosen.append(name)
    return _without_measured(table, chosen, [*seeds, *named.params], counters[0])


def _recurs(values: pd.Series) -> bool:
    return 2 * int(values.nunique()) <= len(values)


def _without_measured(table: pd.DataFrame, names: list[str], sure: Sequence[str], counter: str) -> list[str]:
    """The columns without those that change along a curve, though the rest tells its points apart."""
    labels = labelled(table, [*names, counter])
    for name in sorted(names, key=lambda name: -labels[name].nunique()):
        rest = [other for other in names if other != name]
        if name in sure or names_param(name) or not rest or labels.duplicated([*rest, counter]).any():
            continue
        if labels.groupby(rest)[name].nunique().max() > 1:
            names = rest
    return names


def _is_measured(
    name: str, table: pd.DataFrame, same: pd.DataFrame, counters: tuple[str | None, ...], named: Named
) -> bool:
    """Whether a column is a metric: numbers that change along some curve, or that are named like one."""
    if name in counters or table[name].dtype.kind not in "iuf" or name.startswith("Unnamed:") or names_time(name):
        return False
    return name == named.metric or (names_metric(name) and "." not in name) or not bool(same[name].all())


def _are_apart(table: pd.DataFrame, run: pd.Series, counter: str, metrics: Sequence[str]) -> bool:
    """Whether rows of the same run and step have values of different metrics, as Lightning writes them."""
    held = table[list(metrics)].notna().groupby([run, table[counter]]).sum()
    return bool((held.to_numpy() <= 1).all())


def last_values(curves: pd.DataFrame) -> pd.DataFrame:
    """The last value of each metric of each run.

    Args:
        curves: tidy, the points of each curve in the order of their steps.

    Returns:
        A row a run, a column a metric; nan where it has none.
    """
    last = curves.drop_duplicates(["run", "metric"], keep="last")
    return (
        last.pivot(index="run", columns="metric", values="value")
        .rename_axis(index=None, columns=None)
        .astype(np.float64)
    )
