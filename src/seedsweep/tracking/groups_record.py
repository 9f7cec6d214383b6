"""What MLflow has of a sweep in groups beside its parent run: the groups with mean curves, the best run of each."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.config.plan import Plan
from seedsweep.config.planned_run import SEEDS, PlannedRun
from seedsweep.outcomes import OUTCOMES, Column
from seedsweep.tracking.chunk_copies import new_run
from seedsweep.tracking.chunk_files import Chunk
from seedsweep.tracking.chunk_frames import params_of
from seedsweep.tracking.chunk_tables import columns_of
from seedsweep.tracking.connection import store_errors
from seedsweep.tracking.derived_runs import curve_columns, replace_runs
from seedsweep.tracking.sweep_writer import SweepRecord
from seedsweep.tracking.tags import NewRun, named

BEST = "best"  # the kind of runs that are in a chunk, too
COUNTED = ("seedsweep.job", "seedsweep.key")  # by which runs are counted and found: these are in the chunk


@store_errors()
def record_mean_curves(record: SweepRecord, plan: Plan, groups: pd.DataFrame, bands: pd.DataFrame) -> None:
    """Write a run for each of some groups, in place of those written before.

    Args:
        record: of the sweep.
        plan: of the sweep.
        groups: a row a group: `group`, `planned` and the outcomes.
        bands: their mean curves, as `derived_runs.record_groups` takes them.
    """
    now, experiment = int(time.time() * 1000), record.experiment_ids[0]
    runs = []
    for number, row in enumerate(groups.to_dict("records")):
        planned = _of_group(number, plan.first_of(row["group"]), row)
        counts = {name: str(row[name]) for name in ("planned", *OUTCOMES)}
        tags = named({"kind": "group", "sweep": record.run_id, "group": row["group"]} | counts)
        runs.append(NewRun(planned, experiment, tags, now))
    columns = curve_columns(bands.assign(problem=""), groups.assign(problem=""), now)
    replace_runs(record.client, record.run_id, "group", runs, list(columns))


@store_errors()
def record_best_runs(record: SweepRecord, jobs: np.ndarray) -> None:
    """Write the runs of jobs (n,), which are in chunks, as MLflow's own too, in place of those written before.

    Args:
        record: of the sweep.
        jobs: whose runs are the best.
    """
    runs, columns = list[NewRun](), list[Column]()
    for chunk in record.chunks.chunks() if record.chunks else ():
        rows = np.flatnonzero(np.isin(chunk.runs["job"].to_numpy(), jobs))
        if len(rows):
            chosen = chunk.only(rows)
            columns += [_moved(column, len(runs)) for column in columns_of(chosen.points())]
            runs += list(_as_new(record, chosen))
    replace_runs(record.client, record.run_id, BEST, runs, columns)


def _of_group(number: int, first: PlannedRun, row: Mapping[Any, Any]) -> PlannedRun:
    params = {key: value for key, value in first.recorded_params.items() if key not in SEEDS}
    complete = row["finished"] == row["planned"]
    count = f"mean of {row['finished']}" if complete else f"{row['finished']} of {row['planned']} finished"
    shared = (params, {"seeds": str(row["planned"])})
    return PlannedRun(number, f"{row['group']} ({count})", row["group"], "", "", shared)


def _as_new(record: SweepRecord, chunk: Chunk) -> Iterator[NewRun]:
    for row, params in zip(chunk.runs.to_pylist(), params_of(chunk.runs), strict=True):
        planned = PlannedRun(row["job"], row["name"], row["group"], f"{row['key']:016x}", "", (params,))
        run = new_run(planned, row, record.experiment_ids[0], record.run_id)
        tags = {key: value for key, value in run.tags.items() if key not in COUNTED}
        yield run._replace(tags=tags | {"seedsweep.kind": BEST})


def _moved(column: Column, members: int) -> Column:
    """The column of members that stand after so many others."""
    return column._replace(members=column.members + members)
