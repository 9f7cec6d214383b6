"""Runs of other sweeps, copied into one: by its plan, with the curves, outcome and times that they have."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from seedsweep.config.plan import Plan
from seedsweep.config.planned_run import PlannedRun
from seedsweep.gc_pause import collector_paused
from seedsweep.tracking.batches import write_batch
from seedsweep.tracking.connection import store_errors
from seedsweep.tracking.mlflow_client import mlflow_error
from seedsweep.tracking.queries import of_kind, search_runs
from seedsweep.tracking.recorded_sweeps import chunked_sweeps
from seedsweep.tracking.schema import COLUMNS
from seedsweep.tracking.shared_params import shared_params
from seedsweep.tracking.sql import insert, open_database, transaction
from seedsweep.tracking.sql_run import drop_former
from seedsweep.tracking.tags import NAME, artifact_folder, experiment_id, own_params, run_id
from seedsweep.tracking.weights import COPIED_FROM

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from seedsweep.tracking.client import Client

RUNS = 2_000  # that are copied in one transaction
BEGINNING = 12  # characters that the id of a run begins with as that of its sweep does, see `tags.run_id`
THREADS = 8  # that write to an MLflow server
# tags of a run that say where it belongs, and not how it was trained
OWN = (
    *("mlflow.runName", "mlflow.parentRunId", "mlflow.note.content", COPIED_FROM),
    *(f"seedsweep.{name}" for name in ("kind", "sweep", "group", "job", "key")),
)
ABOUT = """SELECT copies.target, runs.user_id, runs.start_time, runs.end_time, copied.value
FROM copies CROSS JOIN runs LEFT JOIN tags AS copied ON copied.run_uuid = runs.run_uuid AND copied.key = :source
WHERE runs.run_uuid = copies.source ORDER BY copies.target"""
COPIES = """SELECT COALESCE(source.value, SUBSTR(copied.value, 1, 12)) AS origin, COUNT(*)
FROM tags AS copied CROSS JOIN tags AS own
LEFT JOIN tags AS source ON source.run_uuid = copied.value AND source.key = 'seedsweep.sweep'
WHERE copied.run_uuid BETWEEN :first AND :last AND copied.key = :copied
AND own.run_uuid = copied.run_uuid AND own.key = 'seedsweep.sweep' AND own.value = :sweep GROUP BY origin"""


@store_errors()
def copy_runs(client: "Client", sweep: str, plan: Plan, jobs: np.ndarray, sources: np.ndarray) -> None:
    """Copy runs into a sweep, each complete or not at all.

    Args:
        client: of the store.
        sweep: the run id of the sweep.
        plan: of the sweep.
        jobs: the indices (n,) in the plan of those that are copied, ascending.
        sources: the ids (n,) of the runs that are copied for them.
    """
    experiments = {name: experiment_id(client, name) for name in plan.experiments}
    database = open_database(client.tracking_uri)
    planned = zip(plan.runs(jobs.tolist()), sources.tolist(), strict=True)
    while batch := list(islice(planned, RUNS)):
        if database:
            _copy_rows(client, database, sweep, experiments, batch)
        else:
            with ThreadPoolExecutor(THREADS) as threads:
                list(threads.map(lambda pair: _copy_one(client, sweep, experiments, *pair), batch))


@store_errors()
def copies_of(client: "Client", sweep: str) -> dict[str, int]:
    """How many runs of a sweep are copies.

    Args:
        client: of the store.
        sweep: its run id.

    Returns:
        Numbers of runs by the run ids of the sweeps that they were trained in; of single runs, or of what the store has
        no more, by an empty one.
    """
    if database := open_database(client.tracking_uri):
        import sqlalchemy as sa

        values = {"copied": COPIED_FROM, "first": sweep[:12], "last": f"{sweep[:12]}g", "sweep": sweep}
        with transaction(database) as connection:
            return _by_sweep(client, {row[0]: row[1] for row in connection.execute(sa.text(COPIES), values)})
    sources = [run.data.tags.get(COPIED_FROM) for run in search_runs(client, of_kind("run", sweep))]
    sweeps = {run: _sweep_of(client, run) for run in set(filter(None, sources))}
    return _by_sweep(client, Counter(sweeps[run] for run in sources if run))


def _sweep_of(client: "Client", run: str) -> str:
    """The sweep of a run; of one that MLflow does not have, since it is in a chunk, the beginning of its id."""
    try:
        return str(client.get_run(run).data.tags.get("seedsweep.sweep", ""))
    except mlflow_error():
        return run[:BEGINNING]


def _by_sweep(client: "Client", counts: Mapping[str, int]) -> dict[str, int]:
    """The counts by the ids of sweeps; of one that has its runs in chunks, only the beginning may be given."""
    chunked = {sweep.run_id[:BEGINNING]: sweep.run_id for sweep in chunked_sweeps(client)}
    counted: Counter[str] = Counter()
    for sweep, count in counts.items():
        counted[chunked.get(sweep, "") if len(sweep) == BEGINNING else sweep] += count
    return dict(counted)


def _copy_rows(
    client: "Client",
    engine: "Engine",
    sweep: str,
    experiments: Mapping[str, str],
    pairs: Sequence[tuple[PlannedRun, str]],
) -> None:
    """Copy runs in one transaction."""
    runs = {run_id(planned, sweep): (planned, source) for planned, source in pairs}
    first = next(iter(runs))
    folders = {name: artifact_folder(client, number, first) for name, number in experiments.items()}
    shared = shared_params(client, sweep)  # asked for now: in a transaction SQLite may let nobody else read

    def row(target: str, user: str, start: int, end: int) -> tuple[Any, ...]:
        planned = runs[target][0]
        folder = folders[planned.experiment].replace(first, target)
        about = (target, planned.name[:NAME], "UNKNOWN", "", "", user, "FINISHED", start, end, "", "active")
        return (*about, folder, int(experiments[planned.experiment]))

    with collector_paused(), transaction(engine) as connection:
        drop_former(connection, sorted(runs))
        about = _begin_copies(connection, [(source, target) for target, (_, source) in runs.items()])
        insert(connection, "runs", (row(*info) for *info, _ in about))
        params = ((target, own_params(runs[target][0], shared)) for target in runs)
        insert(connection, "params", ((target, *pair) for target, values in params for pair in values.items()))
        own = ((target, _own_tags(runs[target][0], sweep, root or runs[target][1])) for target, *_, root in about)
        insert(connection, "tags", ((target, *pair) for target, tags in own for pair in tags.items()))
        _copy_tables(connection)


def _begin_copies(connection: "Connection", pairs: Sequence[tuple[str, str]]) -> list[Any]:
    """Put the pairs of a run and its copy into a table of this transaction; what is needed of each run, by its copy."""
    import sqlalchemy as sa

    end = "" if connection.dialect.name == "sqlite" else " ON COMMIT DROP"
    connection.execute(sa.text(f"CREATE TEMPORARY TABLE copies (source VARCHAR(32), target VARCHAR(32)){end}"))
    rows = [{"source": source, "target": target} for source, target in pairs]
    connection.execute(sa.text("INSERT INTO copies VALUES (:source, :target)"), rows)
    return [tuple(row) for row in connection.execute(sa.text(ABOUT), {"source": COPIED_FROM})]


def _copy_tables(connection: "Connection") -> None:
    """Copy the curves, the last values and the tags of the runs in `copies`."""
    import sqlalchemy as sa

    kept = ", ".join(f"'{name}'" for name in OWN)
    for table, clause in (("tags", f" AND copied.key NOT IN ({kept})"), ("metrics", ""), ("latest_metrics", "")):
        names = [name for name in COLUMNS[table] if name != "run_uuid"]
        listed, copied = (", ".join(f'{before}"{name}"' for name in names) for before in ("", "copied."))
        query = f"SELECT copies.target, {copied} FROM copies CROSS JOIN {table} AS copied"  # noqa: S608
        query += f" WHERE copied.run_uuid = copies.source{clause}"
        connection.execute(sa.text(f"INSERT INTO {table} (run_uuid, {listed}) {query}"))


def _own_tags(planned: PlannedRun, sweep: str, source: str) -> dict[str, str]:
    tags = {"kind": "run", "sweep": sweep, "group": planned.group[:5000], "job": str(planned.job), "key": planned.key}
    named = {f"seedsweep.{name}": value for name, value in tags.items()}
    return named | {"mlflow.runName": planned.name[:NAME], "mlflow.parentRunId": sweep, COPIED_FROM: source}


def _copy_one(client: "Client", sweep: str, experiments: Mapping[str, str], planned: PlannedRun, source: str) -> None:
    """Copy one run by MLflow's client."""
    copied = client.get_run(source)
    tags = {key: value for key, value in copied.data.tags.items() if key not in OWN}
    tags |= _own_tags(planned, sweep, copied.data.tags.get(COPIED_FROM, source))
    experiment, start = experiments[planned.experiment], copied.info.start_time
    run = client.create_run(experiment, start_time=start, tags=tags, run_name=planned.name[:NAME]).info.run_id
    histories = (client.get_metric_history(source, metric) for metric in copied.data.metrics)
    points = [(point.key, point.value, point.timestamp, point.step) for point in chain.from_iterable(histories)]
    write_batch(client, run, points, list(own_params(planned, shared_params(client, sweep)).items()))
    client.set_terminated(run, "FINISHED", copied.info.end_time)
