"""The end of a sweep: its runs are read, its tables written, its status set, and what came of it is printed."""

import logging
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import zip_longest

import pandas as pd
from hydra.core.utils import JobStatus

from seedsweep.config.detail import GROUPS
from seedsweep.errors import ConfigError, FailedRunsError, StoreError, masked
from seedsweep.gc_pause import leave_alone
from seedsweep.lifecycle.closing_groups import record_groups_and_best
from seedsweep.lifecycle.progress import working
from seedsweep.lifecycle.sweep import Sweep
from seedsweep.outcomes import outcome_of
from seedsweep.report.summary import SHOWN, count_outcomes, summarize
from seedsweep.tracking.reader import load_curves, load_runs, stream_curves, stream_runs
from seedsweep.tracking.sweep_writer import SweepRecord

log = logging.getLogger(__name__)


def close(sweep: Sweep, status: str | None = None) -> None:
    """Record how a sweep ended, and print it.

    Args:
        sweep: whose jobs have ended, or never will.
        status: MLflow's, of a sweep that was ended early; by default the sweep's own, and only then it is compared.

    Raises:
        FailedRunsError: the store cannot be written.
    """
    if sweep.record is None:
        runs = _returned(sweep)
        sweep.show(runs, summarize(runs, sweep.first["objective"]["metric"]), None)
        return
    start, compared = time.perf_counter(), status is None and sweep.is_compared()
    try:
        with working("recording the end"):
            runs, curves, summary = _record_end(sweep, sweep.record, status or sweep.status(), compared)
    except (StoreError, ConfigError, OSError) as error:
        message = f"the store cannot be written, and the sweep is unfinished in it: {error}"
        raise FailedRunsError(masked(message)) from None
    except BaseException:  # Ctrl-C while closing
        sweep.record.end("KILLED")
        raise
    log.debug("closing: %.2f s", time.perf_counter() - start)
    sweep.show(runs, summary, curves)


def _record_end(
    sweep: Sweep, record: SweepRecord, status: str, compared: bool
) -> tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame]:
    """Write the tables and the status; the runs, their curves if they are compared, and the summary of the groups."""
    metric, store = sweep.first["objective"]["metric"], (record.run_id, record.uri)
    if sweep.is_complete:
        return _as_recorded(store, metric, compared)
    record.reap()
    leave_alone()
    in_files = record.detail == GROUPS
    tables: Iterable[pd.DataFrame] = (
        [load_runs(*store)] if compared else stream_runs(*store)
    )  # at once, where that is needed anyhow
    curves = list(stream_curves(*store)) if compared else stream_curves(*store)
    kept: list[pd.DataFrame] = []
    tables = _keeping(tables, kept, () if compared else ("job", "group", "outcome", metric, *SHOWN))
    if in_files:
        deque(tables, maxlen=0)
    else:
        record.write(tables, curves)
    runs = pd.concat(kept, ignore_index=True)
    summary = summarize(runs, metric)
    if in_files:
        record_groups_and_best(sweep, record, runs, with_curves=not compared)
    record.close(status, count_outcomes(runs), summary)
    return runs, pd.concat(curves, ignore_index=True) if isinstance(curves, list) else None, summary


def _as_recorded(
    store: tuple[str, str], metric: str, compared: bool
) -> tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame]:
    """The runs, their curves if they are compared, and the summary of a sweep that stays as it is in the store."""
    runs = load_runs(*store)
    if not compared:
        runs = runs.loc[:, runs.columns.isin(("group", "outcome", metric, *SHOWN))]  # as at its end
    return runs, load_curves(*store) if compared else None, summarize(runs, metric)


def _keeping(
    tables: Iterable[pd.DataFrame], kept: list[pd.DataFrame], columns: Collection[str]
) -> Iterator[pd.DataFrame]:
    """The tables, of which these columns are kept, or all if none is named."""
    for table in tables:
        kept.append(table.loc[:, table.columns.isin(columns or table.columns)].copy())
        yield table


def _returned(sweep: Sweep) -> pd.DataFrame:
    """The runs of an untracked sweep, with the one number that each returned."""
    metric = sweep.first["objective"]["metric"]
    rows = []
    for job, result in zip_longest(range(len(sweep.plan)), sweep.ended()):
        value = result._return_value if result and result.status == JobStatus.COMPLETED else None
        outcome = outcome_of(value) if value is not None else "failed" if result else "missing"
        rows.append({"group": sweep.plan.group(job), "outcome": outcome, metric: value})
    return pd.DataFrame(rows)
