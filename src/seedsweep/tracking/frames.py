"""What was read of a store, as pandas frames: the table of runs, and the tidy one of their curves."""

import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.extensions import take

from seedsweep.outcomes import RUN_COLUMNS
from seedsweep.tracking.chunk_frames import put_last_values, put_strings
from seedsweep.tracking.sql import Pair, StoredPoint, StoredRuns

if TYPE_CHECKING:
    import pyarrow as pa

NOT_CURVES = ("epoch", "optimizer.lr")
TAGS = {f"seedsweep.{key}": key for key in ("group", "sweep", "job", "outcome")} | {"seedsweep.data": "fingerprint"}
STRINGS = ("name", "group", "sweep", "outcome", "status", "fingerprint")
NEVER = float(np.iinfo(np.int64).min)  # as numpy has a moment that is none
NONE = -1  # the code of a run that has no string in a column

Chunked = Sequence[tuple[str, "pa.Table"]]  # the runs of chunks, each with the id of its sweep
Missing = Callable[[set[int]], Sequence[Mapping[Any, Any]]]  # the rows of a plan without those of these jobs


def runs_frame(
    stored: StoredRuns, sweep: str | None, missing: Missing, chunked: Chunked = (), as_strings: bool = False
) -> pd.DataFrame:
    """The table of `load_runs`: the stored runs, those in chunks, and those of the `sweep` that were only planned.

    Its params are what all strings of a column are, or stay strings.
    """
    ids = pd.Index([info[0] for info in stored.infos], dtype=object)
    strings = Strings(len(ids))
    for name, number in (("name", 1), ("status", 2)):
        strings.put(name, slice(None), np.array([info[number] for info in stored.infos], dtype=object))
    for key, runs, values in _by_key(stored.tags, ids):
        if key in TAGS:
            strings.put(TAGS[key], runs, values)
    in_chunks = sum(len(table) for _, table in chunked)
    strings.grow(in_chunks)
    put_strings(strings, chunked, len(ids))
    planned = missing(set(map(int, strings.codes_of["job"]))) if sweep else ()
    _put_planned(strings, [{**row, "sweep": sweep, "job": str(row["job"])} for row in planned], len(ids) + in_chunks)
    for key, runs, values in _by_key(stored.params, ids):
        strings.put(key, runs, values)
    shared = list(chain.from_iterable(stored.shared))
    runs_of = {item: strings.having("sweep", item) for item in dict.fromkeys(pair[0] for pair in shared)}
    for item, key, value in shared:
        strings.fill(key, runs_of[item], value)
    numbers = _metrics(stored, ids, in_chunks + len(planned))
    put_last_values(numbers, chunked, len(ids), len(planned))
    about = _about(stored, [table for _, table in chunked], len(planned))
    sorting = pd.DataFrame({key: strings.column(key) for key in ("sweep", "job")}).sort_values(["sweep", "job"])
    order = sorting.index.to_numpy()
    columns = {name: values[order] for name, values in (about | numbers).items()}
    columns |= {name: strings.column(name, order, as_strings) for name in strings.codes_of if name not in columns}
    return pd.DataFrame({name: columns[name] for name in ordered(columns)}, copy=False)


def ordered(columns: Collection[str]) -> list[str]:
    """The columns of the table of runs in their order: about the run, params, metrics."""
    params_and_metrics = set(columns) - {*RUN_COLUMNS, "key", "experiment"}
    return [*RUN_COLUMNS, *sorted(params_and_metrics, key=lambda name: ("/" in name, name))]


class Strings:
    """Columns of strings by runs: thousands of runs have few different ones, of which each is kept once."""

    def __init__(self, runs: int):
        self._runs = runs
        self._codes: dict[str, np.ndarray] = {}
        self.codes_of: dict[str, dict[str, int]] = {}  # the code of each string of a column
        for name in (*STRINGS, "job"):
            self._add(name)

    def put(self, name: str, runs: Any, strings: np.ndarray) -> None:
        """Put the strings (n,) of runs, which are given by their indices, into a column; None for none."""
        codes, distinct = pd.factorize(strings)
        self.put_codes(name, runs, codes, distinct)

    def put_codes(self, name: str, runs: Any, codes: np.ndarray, distinct: Iterable[str]) -> None:
        """The same for strings that are given by their indices among distinct ones, -1 for none."""
        if name not in self.codes_of:
            self._add(name)
        codes_of = self.codes_of[name]
        numbers = [*(codes_of.setdefault(string, len(codes_of)) for string in distinct), NONE]  # for -1, the last
        self._codes[name][runs] = np.array(numbers, dtype=np.int32)[codes]

    def having(self, name: str, string: str) -> np.ndarray:
        """The indices (n,) of the runs with that string in a column."""
        code = self.codes_of[name].get(string)
        return np.flatnonzero(self._codes[name] == code) if code is not None else np.empty(0, dtype=np.intp)

    def fill(self, name: str, runs: np.ndarray, string: str) -> None:
        """Put the string into a column for those of the runs (n,) that have none there."""
        if name not in self.codes_of:
            self._add(name)
        codes_of = self.codes_of[name]
        self._codes[name][runs[self._codes[name][runs] == NONE]] = codes_of.setdefault(string, len(codes_of))

    def grow(self, runs: int) -> None:
        """Add so many runs that have no strings."""
        self._runs += runs
        self._codes = {
            name: np.append(codes, np.full(runs, NONE, dtype=np.int32)) for name, codes in self._codes.items()
        }

    def column(self, name: str, order: Any = slice(None), as_strings: bool = False) -> Any:
        """The column of the runs in that order; params are numbers or booleans where all are, or stay strings."""
        codes = self._codes[name][order]
        if name == "outcome":
            codes[codes == NONE] = self.codes_of[name].setdefault("missing", len(self.codes_of[name]))
        strings = pd.array(list(self.codes_of[name]), dtype="str")
        values = (
            strings if name in STRINGS or (as_strings and name != "job") else typed(strings, complete=NONE not in codes)
        )
        return take(values, codes, allow_fill=True)

    def _add(self, name: str) -> None:
        self._codes[name], self.codes_of[name] = np.full(self._runs, NONE, dtype=np.int32), {}


def _put_planned(strings: Strings, rows: Sequence[Mapping[Any, Any]], stored: int) -> None:
    """Put the rows of a plan, whose runs are not in the store, after those that are."""
    strings.grow(len(rows))
    for key in dict.fromkeys(chain.from_iterable(rows)):
        having = np.array([index for index, row in enumerate(rows) if isinstance(row.get(key), str)], dtype=np.intp)
        strings.put(key, stored + having, np.array([rows[index][key] for index in having], dtype=object))


def _about(stored: StoredRuns, chunked: "Sequence[pa.Table]", planned: int) -> dict[str, Any]:
    """The columns that every run has, with so many empty rows for those that were only planned."""
    run, _, _, start, end = _columns(stored.infos, 5)
    started, ended = (
        np.concatenate(
            [np.array(times, dtype=float), *(table[name] for table in chunked), np.full(planned, np.nan)], dtype=float
        )
        for name, times in (("started", start), ("ended", [time or None for time in end]))
    )
    moments = np.where(np.isnan(started), NEVER, started).astype(np.int64).view("datetime64[ms]")
    ids = [pd.array(part, dtype="str") for part in (run, *(table["run"] for table in chunked), [None] * planned)]
    return {
        "run": type(ids[0])._concat_same_type(ids),
        "started": pd.to_datetime(moments, utc=True).as_unit("us").array,
        "seconds": (ended - started) / 1000,
    }


def _metrics(stored: StoredRuns, ids: pd.Index, planned: int) -> dict[str, Any]:
    """The columns of the metrics' last values."""
    columns: dict[str, np.ndarray] = {}
    for key, runs, values in _by_key(stored.metrics, ids):
        columns.setdefault(key, np.full(len(ids) + planned, math.nan))[runs] = values.astype(float)
    return {key: unclipped(column) for key, column in columns.items() if key not in NOT_CURVES}


def _by_key(batches: Iterable[Sequence[Pair]], ids: pd.Index) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The pairs of one key after another, batch by batch: the indices of their runs among the ids, and the values."""
    for batch in filter(None, batches):
        run_ids, keys, values = (np.array(column, dtype=object) for column in _columns(batch, 3))
        runs = ids.get_indexer(pd.Index(run_ids, dtype=object))
        key, names = pd.factorize(keys)
        for number, name in enumerate(names):
            chosen = np.flatnonzero((key == number) & (runs >= 0))  # not of a run added while this was read
            yield name, runs[chosen], values[chosen]


def curves_frame(points: Sequence[StoredPoint]) -> pd.DataFrame:
    """The tidy frame of whole runs' points, their metric `epoch` among them; a value of None is not a number."""
    columns = _columns(points, 4)
    run, runs = pd.factorize(np.array(columns[0], dtype=object), sort=True)
    metric, metrics = pd.factorize(np.array(columns[1], dtype=object), sort=True)
    step, value = np.array(columns[2], dtype=np.int64), unclipped(np.array(columns[3], dtype=np.float64))
    apart = step.max(initial=0) + 1
    moment = run * apart + step  # tells the steps of all the runs apart
    epochs = np.isin(metric, np.flatnonzero(metrics == "epoch"))
    measured, first = np.unique(moment[epochs], return_index=True)
    order = np.lexsort((step, metric, run))
    order = order[~np.isin(metric[order], np.flatnonzero(np.isin(metrics, NOT_CURVES)))]
    # a point that was written without its epoch, when a disk was full, has that of the one before
    index = np.searchsorted(measured, moment[order], side="right") - 1
    measured, epoch = np.append(measured, -1), np.append(value[epochs][first], 0)  # the last for an index of -1
    epoch = np.where(measured[index] // apart == run[order], epoch[index], 0)
    return pd.DataFrame(
        {
            "run": pd.Index(runs, dtype="str").take(run[order]),
            "metric": pd.Index(metrics, dtype="str").take(metric[order]),
            "step": step[order],
            "epoch": epoch.astype(np.int64),
            "value": value[order],
        }
    )


def _columns(rows: Sequence[Sequence[Any]], number: int) -> list[list[Any]]:
    """So many columns of rows; of thousands of rows zip(*rows) takes ten times as long."""
    return [[row[index] for row in rows] for index in range(number)]


def unclipped(values: np.ndarray) -> np.ndarray:
    """The values, whose infinities MLflow keeps as the largest number there is, with infinities."""
    values[np.abs(values) >= sys.float_info.max] *= math.inf
    return values


def typed(strings: Any, complete: bool) -> Any:
    """The values of a param, which the store has as strings: numbers or booleans where all are, else the strings.

    `null` is none; booleans need a `complete` column, in which every run has a value.
    """
    series = pd.Series(strings).replace("null", None)
    if complete and len(series) and series.isin(["true", "false"]).all():
        return (series == "true").to_numpy()
    try:
        return pd.to_numeric(series).to_numpy()
    except (TypeError, ValueError):
        return series.array
