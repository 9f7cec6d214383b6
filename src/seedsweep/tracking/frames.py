"""What was read of a store, as pandas frames: the table of runs, and the tidy one of their curves."""

import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import take

from seedsweep.outcomes import RUN_COLUMNS
from seedsweep.tracking.sql import Cell, Stored

NOT_CURVES = ("epoch", "optimizer.lr")
TAGS = {f"seedsweep.{key}": key for key in ("group", "sweep", "job", "outcome")} | {"seedsweep.data": "fingerprint"}
TEXTS = ("name", "group", "sweep", "outcome", "status", "fingerprint")
NONE = -1  # the code of a run that has no text in a column

Missing = Callable[[set[int]], Sequence[Mapping[Any, Any]]]  # the rows of a plan but for those of some jobs
Points = Sequence[tuple[str, str, int, float | None]]  # run id, metric, step, value


def runs_frame(stored: Stored, sweep: str | None, missing: Missing) -> pd.DataFrame:
    """The table of `load_runs`: the stored runs, and those of the `sweep` that were only planned."""
    places = pd.Index([info[0] for info in stored.infos], dtype=object)
    texts = _Texts(len(places))
    for name, number in (("name", 1), ("status", 2)):
        texts.put(name, slice(None), np.array([info[number] for info in stored.infos], dtype=object))
    for key, some, values in _by_key(stored.tags, places):
        if key in TAGS:
            texts.put(TAGS[key], some, values)
    planned = missing(set(map(int, texts.known["job"]))) if sweep else ()
    rows = [{**row, "sweep": sweep, "job": str(row["job"])} for row in planned]
    texts.grow(len(rows))
    for key in dict.fromkeys(chain.from_iterable(rows)):
        some = np.array([place for place, row in enumerate(rows) if isinstance(row.get(key), str)], dtype=np.intp)
        texts.put(key, len(places) + some, np.array([rows[place][key] for place in some], dtype=object))
    for key, some, values in _by_key(stored.params, places):
        texts.put(key, some, values)
    numbers = _metrics(stored, places, len(planned))
    about = _about(stored, len(planned))
    sorting = pd.DataFrame({key: texts.column(key) for key in ("sweep", "job")}).sort_values(["sweep", "job"])
    order = sorting.index.to_numpy()
    columns = {name: values[order] for name, values in (about | numbers).items()}
    columns |= {name: texts.column(name, order) for name in texts.known if name not in columns}
    return pd.DataFrame({name: columns[name] for name in ordered(columns)}, copy=False)


def ordered(columns: Collection[str]) -> list[str]:
    """The columns of the table of runs in their order: about the run, params, metrics."""
    others = set(columns) - {*RUN_COLUMNS, "key", "experiment"}
    return [*RUN_COLUMNS, *sorted(others, key=lambda name: ("/" in name, name))]


class _Texts:
    """Columns of texts by runs, of which thousands have few different ones: each is kept once."""

    def __init__(self, runs: int):
        self._runs = runs
        self._codes: dict[str, np.ndarray] = {}
        self.known: dict[str, dict[str, int]] = {}
        for name in (*TEXTS, "job"):
            self._add(name)

    def put(self, name: str, places: Any, texts: np.ndarray) -> None:
        """The texts (n,) of runs, by their places, in a column; None for none."""
        if name not in self.known:
            self._add(name)
        known = self.known[name]
        codes, distinct = pd.factorize(texts)
        numbers = [*(known.setdefault(text, len(known)) for text in distinct), NONE]  # a code of -1 is the last
        self._codes[name][places] = np.array(numbers, dtype=np.intp)[codes]

    def grow(self, runs: int) -> None:
        """Make place for so many runs more."""
        self._runs += runs
        self._codes = {name: np.append(codes, np.full(runs, NONE)) for name, codes in self._codes.items()}

    def column(self, name: str, order: Any = slice(None)) -> Any:
        """The column of the runs in that order; params are numbers or truth values where all are."""
        codes = self._codes[name][order]
        if name == "outcome":
            codes[codes == NONE] = self.known[name].setdefault("missing", len(self.known[name]))
        values = pd.array(list(self.known[name]), dtype="str")
        typed = values if name in TEXTS else as_numbers(values, whole=NONE not in codes)
        return take(typed, codes, allow_fill=True)

    def _add(self, name: str) -> None:
        self._codes[name], self.known[name] = np.full(self._runs, NONE), {}


def _about(stored: Stored, planned: int) -> dict[str, Any]:
    """The columns that are of every run, with so many empty rows for those that were only planned."""
    columns = list(zip(*stored.infos, strict=True)) or [()] * 5
    run, start, end = ([*columns[number], *[None] * planned] for number in (0, 3, 4))
    started = np.array(start, dtype=float)
    ended = np.array([time or None for time in end], dtype=float)
    moments = pd.to_datetime(start, unit="ms", utc=True).as_unit("us").array
    return {"run": pd.array(run, dtype="str"), "started": moments, "seconds": (ended - started) / 1000}


def _metrics(stored: Stored, places: pd.Index, planned: int) -> dict[str, Any]:
    """The columns of the metrics' last values."""
    columns: dict[str, np.ndarray] = {}
    for key, some, values in _by_key(stored.metrics, places):
        columns.setdefault(key, np.full(len(places) + planned, math.nan))[some] = values.astype(float)
    return {key: _unclipped(column) for key, column in columns.items() if key not in NOT_CURVES}


def _by_key(parts: Iterable[Sequence[Cell]], places: pd.Index) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The cells of one key after another, part by part: the places of their runs, and the values."""
    for part in filter(None, parts):
        runs, keys, values = (np.array(column, dtype=object) for column in zip(*part, strict=True))
        place = places.get_indexer(pd.Index(runs, dtype=object))
        key, names = pd.factorize(keys)
        for number, name in enumerate(names):
            chosen = np.flatnonzero((key == number) & (place >= 0))  # none of a run that was added while this was read
            yield name, place[chosen], values[chosen]


def curves_frame(points: Points) -> pd.DataFrame:
    """The tidy frame of whole runs' points, their metric `epoch` among them; a value of None is not a number."""
    columns = list(zip(*points, strict=True)) or [()] * 4
    run, runs = pd.factorize(np.array(columns[0], dtype=object), sort=True)
    metric, metrics = pd.factorize(np.array(columns[1], dtype=object), sort=True)
    step, value = np.array(columns[2], dtype=np.int64), _unclipped(np.array(columns[3], dtype=np.float64))
    moment = run * (step.max(initial=0) + 1) + step  # tells the steps of all the runs apart
    epochs = np.isin(metric, np.flatnonzero(metrics == "epoch"))
    known, first = np.unique(moment[epochs], return_index=True)
    order = np.lexsort((step, metric, run))
    order = order[~np.isin(metric[order], np.flatnonzero(np.isin(metrics, NOT_CURVES)))]
    place = np.searchsorted(known, moment[order])
    if not np.array_equal(known[np.minimum(place, len(known) - 1)], moment[order]):
        raise ValueError("some points in the store have no epoch")
    return pd.DataFrame(
        {
            "run": pd.Index(runs, dtype="str").take(run[order]),
            "metric": pd.Index(metrics, dtype="str").take(metric[order]),
            "step": step[order],
            "epoch": value[epochs][first][place].astype(np.int64),
            "value": value[order],
        }
    )


def _unclipped(values: np.ndarray) -> np.ndarray:
    """MLflow keeps an infinity as the largest number there is."""
    values[np.abs(values) >= sys.float_info.max] *= math.inf
    return values


def as_numbers(texts: Any, whole: bool) -> Any:
    """Params come as text: numbers or truth values where all are, nothing for `null`; `whole` if every run has one."""
    known = pd.Series(texts).replace("null", None)
    if whole and len(known) and known.isin(["true", "false"]).all():
        return (known == "true").to_numpy()
    try:
        return pd.to_numeric(known).to_numpy()
    except (TypeError, ValueError):
        return known.array
