"""Runs that ended, and their points, as the tables of chunk files: strings that runs share are kept once."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedsweep.config.cutting import cut
from seedsweep.config.params import LONGEST
from seedsweep.config.planned_run import PlannedRun
from seedsweep.outcomes import Column
from seedsweep.tracking.tags import NAME, run_id

if TYPE_CHECKING:
    import pyarrow as pa

# what is known of runs that came to their end, besides their plan, as the columns of a frame; times are in milliseconds
# since 1970, `measured_by` is as the tag of that name, `weights` is the artifact of the weights, with the run that has
# it before it, and `member` the index in it
ENDED = (
    *("outcome", "started", "ended", "engine", "fingerprint", "measured_by"),
    *("weights", "member", "copied_from", "copied_sweep"),
)
IDENTITY = ("run", "name", "group", "job", "key")
ABOUT = (*IDENTITY, *ENDED)  # the first columns of the table of runs; its params and metrics follow
POINT = ("run", "metric", "step", "epoch", "time", "value")  # `run` is the index of its row in the table of runs
KIND = b"kind"  # of a column: a name may be one of a param and of a metric in different sweeps
PARAM, METRIC = b"param", b"metric"
HEADER = b"seedsweep"
FORMAT = 1


def runs_table(sweep: str, planned: Sequence[PlannedRun], ended: pd.DataFrame, points: "pa.Table") -> "pa.Table":
    """The table of the runs of a chunk.

    Args:
        sweep: its run id.
        planned: how the runs are known.
        ended: a row for each of them, with the columns `ENDED`.
        points: of the same runs, as `points_table` makes it.

    Returns:
        A row a run: `ABOUT`, the params as strings, and the last value of each metric.
    """
    import pyarrow as pa

    columns: dict[str, Any] = {
        "run": pa.array([run_id(run, sweep) for run in planned]),
        "name": pa.array([run.name[:NAME] for run in planned]),
        "group": pa.array([run.group[:5000] for run in planned]).dictionary_encode(),
        "job": np.array([run.job for run in planned]),
        "key": np.array([int(run.key, 16) for run in planned], dtype=np.uint64),
    }
    for name in ENDED:
        values = pa.array(ended[name].to_numpy())
        columns[name] = values.dictionary_encode() if pa.types.is_string(values.type) else values
    fields = [pa.field(name, pa.array(values).type) for name, values in columns.items()]
    for kind, added in ((PARAM, _params(planned)), (METRIC, last_values(points, len(planned)))):
        for name, values in added.items():
            if name not in columns:  # a metric that is a param, too, such as the learning rate
                columns[name] = values
                fields.append(pa.field(name, values.type, metadata={KIND: kind}))
    return pa.Table.from_arrays([pa.array(column) for column in columns.values()], schema=pa.schema(fields))


def points_table(columns: Sequence[Column], of_member: np.ndarray) -> "pa.Table":
    """The points of the columns of a fleet, by run, metric and step.

    Args:
        columns: as they were measured.
        of_member: the row (n,) of each member in the table of runs.

    Returns:
        A row a point, see `POINT`.
    """
    import pyarrow as pa

    counts = [len(column.members) for column in columns]
    names, metrics = np.unique(np.array([column.metric for column in columns], dtype=object), return_inverse=True)
    epochs: dict[int, int] = {}  # of each step, that of what was measured first there, as MLflow's tables have it
    numbers = [(column.step, epochs.setdefault(column.step, column.epoch), column.time) for column in columns]
    step, epoch, time = (np.repeat(np.array(values, dtype=np.int64), counts) for values in zip(*numbers, strict=True))
    metric = np.repeat(metrics.astype(np.int32), counts)
    run = of_member[np.concatenate([column.members for column in columns])].astype(np.int32)
    value = np.concatenate([column.values for column in columns])
    order = np.argsort(
        run * np.int64(len(names)) + metric, kind="stable"
    )  # each metric was measured by ascending steps
    coded = pa.DictionaryArray.from_arrays(pa.array(metric[order]), pa.array(names, pa.string()))
    arrays = [run[order], coded, step[order], epoch[order], time[order], value[order]]
    return pa.table(dict(zip(POINT, arrays, strict=True)))


def points_of_curves(curves: pd.DataFrame, runs: Sequence[str], times: np.ndarray) -> "pa.Table":
    """The points of tidy curves of runs, by their ids, each at the time (n,) that is given of its run."""
    import pyarrow as pa

    run = pd.Index(runs).get_indexer(curves["run"].array).astype(np.int32)
    metric, names = pd.factorize(curves["metric"], sort=True)
    coded = pa.DictionaryArray.from_arrays(pa.array(metric.astype(np.int32)), pa.array(list(names), pa.string()))
    numbers = (curves[name].to_numpy() for name in ("step", "epoch"))
    table = pa.table(dict(zip(POINT, (run, coded, *numbers, times[run], curves["value"].to_numpy()), strict=True)))
    return table.take(np.argsort(run, kind="stable"))


def last_values(points: "pa.Table", runs: int) -> "dict[str, pa.Array]":
    """The last value of each metric of so many runs, which have none where it was never measured."""
    import pyarrow as pa

    metric = points["metric"].combine_chunks()
    names, code = metric.dictionary.to_pylist(), metric.indices.to_numpy()
    run, value = points["run"].to_numpy(), points["value"].to_numpy()
    ends = np.ones(len(run), dtype=bool)
    ends[:-1] = (np.diff(run) != 0) | (np.diff(code) != 0)
    columns = {}
    for number, name in enumerate(names):
        chosen = ends & (code == number)
        values, mask = np.zeros(runs), np.ones(runs, dtype=bool)
        values[run[chosen]], mask[run[chosen]] = value[chosen], False
        columns[str(name)] = pa.array(values, mask=mask, from_pandas=False)
    return columns


def columns_of(points: "pa.Table") -> Iterator[Column]:
    """The points as columns again, in the order of their times; the members are the rows of the table of runs."""
    frame = points.to_pandas().sort_values(["time", "step", "metric", "epoch", "run"], kind="stable")
    for (time, step, metric, epoch), rows in frame.groupby(["time", "step", "metric", "epoch"], observed=True):
        yield Column(
            str(metric), int(step), int(epoch), int(time), rows["run"].to_numpy(np.int64), rows["value"].to_numpy()
        )


def chosen_points(points: "pa.Table", rows: np.ndarray) -> "pa.Table":
    """The points of some rows (m,), ascending, of the table of runs, which are the only ones then."""
    run = points["run"].to_numpy()
    index = np.full(max(run.max(initial=0), rows.max(initial=0)) + 1, -1, dtype=np.int32)
    index[rows] = np.arange(len(rows), dtype=np.int32)
    kept = index[run] >= 0
    return points.filter(kept).set_column(0, "run", [index[run[kept]]])


def header(curves: str, weights: str | None) -> dict[bytes, bytes]:
    """What the file of a chunk's runs says of its other files."""
    return {HEADER: json.dumps({"format": FORMAT, "curves": curves, "weights": weights}).encode()}


def _params(planned: Sequence[PlannedRun]) -> "dict[str, pa.Array]":
    """The params of runs, which share most of their mappings: those are looked into once."""
    import pyarrow as pa

    columns: dict[str, tuple[np.ndarray, dict[str, int]]] = {}
    for position in range(max(len(run.shared_params) for run in planned)):
        mappings = [run.shared_params[position] if position < len(run.shared_params) else {} for run in planned]
        distinct = {id(mapping): mapping for mapping in mappings}
        index = {key: number for number, key in enumerate(distinct)}
        which = np.fromiter((index[id(mapping)] for mapping in mappings), np.int64, len(mappings))
        for key in dict.fromkeys(_keys(distinct.values())):
            codes, strings = columns.setdefault(key, (np.full(len(planned), -1, dtype=np.int32), {}))
            added = np.array([_code(mapping, key, strings) for mapping in distinct.values()], dtype=np.int32)[which]
            codes[added >= 0] = added[added >= 0]
    return {
        key: pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(list(strings), pa.string()))
        for key, (codes, strings) in columns.items()
    }


def _keys(mappings: Iterable[Mapping[str, str]]) -> Iterator[str]:
    for mapping in mappings:
        yield from mapping


def _code(mapping: Mapping[str, str], key: str, strings: dict[str, int]) -> int:
    return strings.setdefault(cut(mapping[key], LONGEST), len(strings)) if key in mapping else -1
