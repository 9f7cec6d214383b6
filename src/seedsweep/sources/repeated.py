"""Several runs of the same setting and seed: which of them counts, or that nobody can tell."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.sources.recorded_runs import RecordedRuns, count_of, one_of
from seedsweep.sources.settings import labelled

ENDED = ("finished", "diverged")


def without_copies(recorded: RecordedRuns) -> tuple[RecordedRuns, list[str]]:
    """The runs without those that are the same as another one in each column, and the line that counts them.

    Args:
        recorded: the runs of a source; where that says when runs were made, they are not rows that were copied.

    Returns:
        The runs that count, and what to say of the others.
    """
    columns = [*recorded.params, *recorded.metrics, *recorded.about]
    copies = labelled(recorded.table, columns).duplicated()
    if recorded.by_time or not copies.any():
        return recorded, []
    return _without(recorded, copies), [f"left out: {count_of(copies)} the same as another one in each column"]


def without_repeated(
    recorded: RecordedRuns, fixed: Sequence[str], at: Sequence[str], seeds: Sequence[str]
) -> tuple[RecordedRuns, list[str]]:
    """The runs without those for which a later one of the same setting and seed stands, and the line that counts them.

    Args:
        recorded: the runs of a source. Where that says when they were made, the last one that has an end counts.
        fixed: the columns of data set and option.
        at: those of the setting.
        seeds: those of the seeds.

    Returns:
        The runs that count, and what to say of the others.

    Raises:
        ConfigError: runs have the same setting and seed, and nothing tells which of them counts.
    """
    keys = labelled(recorded.table, [*fixed, *at, *seeds])
    if not keys.duplicated().any():
        return recorded, []
    if not recorded.by_time:
        raise _refusal(recorded, keys, at)
    ended_last = recorded.outcomes.isin(ENDED).sort_values(kind="stable").index
    repeated = keys.loc[ended_last].duplicated(keep="last").reindex(keys.index)
    return _without(recorded, repeated), [f"left out: {count_of(repeated)} of the setting and seed of a later one"]


def _without(recorded: RecordedRuns, chosen: pd.Series) -> RecordedRuns:
    return replace(recorded, table=recorded.table[~chosen], outcomes=recorded.outcomes[~chosen])


def _refusal(recorded: RecordedRuns, keys: pd.DataFrame, at: Sequence[str]) -> ConfigError:
    twice = keys.duplicated(keep=False)
    example = " ".join(f"{name}={value}" for name, value in keys[twice].iloc[0].items())
    same = recorded.table.loc[keys.index[(keys == keys[twice].iloc[0]).all(axis=1)]]
    accounted = {*keys, *recorded.metrics, *recorded.about}
    differing = [str(name) for name in same if name not in accounted and same[name].map(str).nunique() > 1]
    differing = [name for name in differing if name in recorded.params] or differing
    remedy = " Leave out all but one of each"
    if differing:
        remedy = f" They differ in {one_of(differing)}: name one by at=[NAME] or seeds=[NAME], or choose runs by filter"
    runs = one_of(list(map(str, same.index)), 3)
    allowed = f"{int(twice.sum())} of the {len(keys)} runs have the setting and seed of another one, such as {runs}"
    return ConfigError("at", list(at), f"{allowed} ({example}).{remedy}")
