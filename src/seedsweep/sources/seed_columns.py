"""Which columns are the seeds, and how several of them make independent replicates."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.sources.column_names import names_fold, names_replicate, names_seed
from seedsweep.sources.recorded_runs import no_such, one_of
from seedsweep.sources.settings import labelled

CROSSED = {"init_seed", "order_seed"}  # whose shares of the variance `compare` knows to tell


@dataclass(frozen=True)
class Seeds:
    """The columns of the seeds.

    Args:
        names: all of them; `names[0]` tells independent runs apart.
        averaged: those, swept against the first one, over whose values runs are averaged.
        equal: other columns that are named like seeds and stand one to one with one of them.
        line: that says which they are, and why.
    """

    names: tuple[str, ...]
    averaged: tuple[str, ...]
    equal: tuple[str, ...]
    line: str

    @property
    def columns(self) -> list[str]:
        """The columns that together tell the runs of a setting apart."""
        return [*self.names, *self.averaged]


def chosen_seeds(table: pd.DataFrame, named: Sequence[str] | None, params: Sequence[str]) -> Seeds:
    """The columns of the seeds: those that are named, or else those whose names say it.

    Of several seeds that were swept against each other the one with the fewest values tells independent runs apart:
    runs that share it are not independent. A fold of cross-validation is no seed; runs are averaged over it.

    Args:
        table: a row a run.
        named: the columns by the key `seeds`; None to guess.
        params: the columns that may be it, where that is to be guessed.

    Returns:
        The columns.

    Raises:
        ConfigError: there is no such column, or none can be guessed.
    """
    for name in named or ():
        if name not in table:
            raise no_such("seeds", name, "a column", list(map(str, table)))
    names = list(named) if named else _guessed(table, params)
    folds = [name for name in params if names_fold(name) and name not in names and table[name].nunique() > 1]
    names = _distinct(table, names)
    named_like_seeds = [name for name in params if names_seed(name) and name not in names]
    equal = [name for name in named_like_seeds if name not in _distinct(table, [*names, name])]
    labels = labelled(table, names)
    combinations = len(labels.drop_duplicates())
    fewest_first = sorted(names, key=lambda name: labels[name].nunique())
    is_crossed = len(names) > 1 and combinations > labels[fewest_first[-1]].nunique()
    names = fewest_first if is_crossed else fewest_first[::-1]
    averaged = (names[1:] if is_crossed else []) + folds
    how = f" (guessed: {'its name' if len(names) == 1 else 'their names'})" * (named is None)
    line = f"seeds: {one_of(sorted(names))}{how}, {combinations} of them"
    if averaged:
        line += f"; runs are averaged over {one_of(averaged)}, so that {labels[names[0]].nunique()} of {names[0]} count"
    return Seeds(tuple(names), tuple(averaged), tuple(equal), line)


def _guessed(table: pd.DataFrame, params: Sequence[str]) -> list[str]:
    """The columns whose names are those of seeds; of these the ones that vary, if any does."""
    names = [name for name in params if names_seed(name) and table[name].dtype.kind != "b"]
    varying = [name for name in names if table[name].nunique() > 1]
    if varying or names:
        return varying or names[:1]
    counting = [name for name in params if names_replicate(name) and table[name].nunique() > 1]
    if counting:
        return counting[:1]
    folds = [name for name in params if names_fold(name)]
    no_seed = f"; {folds[0]} is a fold, which is no seed: runs of several folds share training rows" if folds else ""
    columns = one_of(list(map(str, table)), 30)
    raise ConfigError(
        "seeds", None, f"which column is the seed? seeds=NAME, or seeds=[NAME,NAME], of {columns}{no_seed}"
    )


def _distinct(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The columns without those that stand one to one with an earlier one, as `seed` and `init_seed` often do."""
    labels, distinct = labelled(table, names), list[str]()
    for name in dict.fromkeys(names):
        sizes = [(labels[[name, other]].drop_duplicates().shape[0], labels[other].nunique()) for other in distinct]
        if not any(pairs == count == labels[name].nunique() for pairs, count in sizes):
            distinct.append(name)
    return distinct
