"""What asking a store for runs that it has costs, and copying them into another sweep, with many others in the store.

    python benchmarks/reuse.py [others]

The others are made up, with the rows that are looked at and no more. Results are in docs/performance.md.
"""

import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from tables import Table, times
from tracking import in_bulk, planned  # type: ignore[import-not-found]

from seedsweep.config.plan import Plan
from seedsweep.tracking import connection
from seedsweep.tracking.sweep_writer import SweepRecord
from seedsweep.tracking.trained_runs import trained_runs

RUNS = 6_000
TAGS = {"kind": "run", "sweep": "0" * 32, "outcome": "finished", "engine": "fleet", "data": "0" * 16}
TAGS |= {f"tag{number}": "value" for number in range(5)}


def made_up(file: str, runs: int) -> None:
    """Runs of another experiment, with keys that nobody asks for."""
    with sqlite3.connect(file) as store:
        ids = [f"{number:032x}" for number in range(runs)]
        about = ((run, "UNKNOWN", "FINISHED", 0, 1, "active", 0) for run in ids)
        store.executemany(
            "INSERT INTO runs (run_uuid, source_type, status, start_time, end_time, lifecycle_stage, experiment_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            about,
        )
        random = np.random.default_rng(0).integers(2**63, size=runs)
        tags = (
            (run, f"seedsweep.{key}", value)
            for run, number in zip(ids, random.tolist(), strict=True)
            for key, value in {**TAGS, "key": f"{number | 2**63:016x}"}.items()
        )
        store.executemany("INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)", tags)
        metrics = ((run, "val/loss", 0.5, 0, 0, 0) for run in ids)
        store.executemany(
            "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)",
            metrics,
        )


SPENT: dict[str, float] = {}  # seconds


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    SPENT[what] = time.perf_counter() - start


def sweep(uri: str, name: str) -> tuple[Plan, SweepRecord]:
    plan = Plan()
    for job in range(RUNS):
        plan.add(planned(job))
    return plan, SweepRecord(uri, plan, name, "", common=plan.common_params)


def main(others: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        uri, jobs = f"sqlite:///{folder}/mlflow.db", np.arange(RUNS)
        connection.connect(uri, create=True)
        made_up(f"{folder}/mlflow.db", others)
        (plan, first), (_, second) = sweep(uri, "first"), sweep(uri, "second")
        with timed("asking for the first time, which makes an index"):
            trained_runs(first.client, plan, jobs)
        with timed("asking for what is not there"):
            trained_runs(first.client, plan, jobs)
        with timed("recording"):
            in_bulk(uri, [planned(job) for job in range(RUNS)], first.run_id)
        with timed("asking for what is there"):
            trained_runs(first.client, plan, jobs)
        with timed("asking and copying"):
            copied = second.take_trained(plan, jobs)
        assert len(copied) == RUNS
        with timed("looking at one's own sweep"):
            assert len(second.runs()) == RUNS
    table = Table(f"{RUNS:,} runs, {others:,} others in the store", "ms a run", "s", "to recording")
    for what, seconds in SPENT.items():
        table.row(what, f"{seconds / RUNS * 1e3:.3f}", f"{seconds:.2f}", times(seconds, SPENT["recording"]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
