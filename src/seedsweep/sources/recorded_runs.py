"""What every kind of source gives: runs with their params, their metrics and the way to their curves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean

CURVES = ["run", "metric", "step", "epoch", "value"]  # the columns of tidy curves
Curves = Callable[[str], pd.DataFrame]  # those of a metric


class Named(NamedTuple):
    """The columns that the question names, by the keys of `conf/compare.yaml`; None where it is to be guessed."""

    metric: str | None = None
    by: str | None = None
    at: tuple[str, ...] | None = None
    seeds: tuple[str, ...] | None = None

    @property
    def params(self) -> frozenset[str]:
        """Those that are params, since the question says so."""
        return frozenset([*(self.at or ()), *(self.seeds or ()), *([self.by] if self.by else [])])


@dataclass(frozen=True)
class RecordedRuns:
    """The runs of a source.

    Args:
        source: what they were read from, in words.
        table: a row a run, by its name: the params, the last values of the metrics, and all other columns. An infinity
            is a value that was not finite, nan none.
        params: the columns of the table that may make a setting, or be seeds.
        metrics: those that were measured and may be compared.
        about: those that were measured and are rarely compared, such as times.
        left_out: why each of the other columns of the source is neither.
        outcomes: of the runs; None where the value of the metric tells: one that is not finite is of a diverged run.
        absent: the outcome of a run that has no value of the metric; None: it is no run to compare.
        curves: the tidy curves of one metric (`run`, `metric`, `step`, `epoch`, `value`).
        notes: what a reader should know of how they were read.
        parents: the runs that others are nested in.
        are_params: whether the source itself tells params from metrics.
        by_time: whether the table has the older runs first, so that of two of the same params the later one counts.
        is_sweep: whether it is the table of runs of a sweep of ours.
    """

    source: str
    table: pd.DataFrame
    params: tuple[str, ...]
    metrics: tuple[str, ...]
    outcomes: pd.Series
    absent: str | None
    about: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    curves: Curves = lambda _: pd.DataFrame(columns=CURVES)
    notes: tuple[str, ...] = ()
    parents: frozenset[str] = frozenset()
    are_params: bool = False
    by_time: bool = False
    is_sweep: bool = False


def count_of(chosen: Any) -> str:
    """The number of runs for which something is true, as `1 run` or `12 runs`."""
    number = int(np.sum(chosen))
    return f"{number} run{'s' * (number != 1)}"


def one_of(names: Sequence[str], shown: int = 12) -> str:
    """The names as a message lists them, the first of many."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{', '.join(names[:shown]) or 'none'}{more}"


def no_such(key: str, name: str, what: str, names: Sequence[str]) -> ConfigError:
    """The error that a name is none of these.

    Args:
        key: of the question.
        name: that was given.
        what: it should be, such as `a metric of these runs`.
        names: those that exist.

    Returns:
        The error, which names the nearest.
    """
    return ConfigError(key, name, f"is not {what}; there are {one_of(names)}{did_you_mean(name, names)}")
