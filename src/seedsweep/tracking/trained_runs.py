"""Which runs of a plan were trained before: those in a store that finished or diverged with the same keys."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seedsweep.config.demand import Demand
from seedsweep.config.plan import Plan
from seedsweep.errors import ConfigError
from seedsweep.tracking.chunked_runs import runs_with_keys
from seedsweep.tracking.connection import store_errors
from seedsweep.tracking.queries import of_kind, search_runs
from seedsweep.tracking.sql import open_database, transaction
from seedsweep.tracking.tags import MEASURED_BY, OFTEN

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from seedsweep.tracking.client import Client, Run

KEYS = 2_000  # that are asked for at once
ENDED = ("finished", "diverged")  # outcomes of what need not be trained again
INDEX = "CREATE INDEX IF NOT EXISTS seedsweep_keys ON tags (value) WHERE key = 'seedsweep.key'"
# the order of the tables is that in which they are looked into: each run by its id, once its key is there
ASKED = """SELECT wanted.value, MIN(wanted.run_uuid) FROM tags AS wanted{index} CROSS JOIN runs CROSS JOIN tags AS ended
WHERE wanted.key = 'seedsweep.key' AND wanted.value IN ({keys}) AND runs.run_uuid = wanted.run_uuid
AND runs.status = 'FINISHED' AND runs.lifecycle_stage = 'active'
AND runs.experiment_id IN (SELECT experiment_id FROM experiments WHERE lifecycle_stage = 'active')
AND ended.run_uuid = wanted.run_uuid AND ended.key = 'seedsweep.outcome'
AND (ended.value = 'diverged' OR (ended.value = 'finished'{metrics})){others} GROUP BY wanted.value"""
HAS = " AND EXISTS (SELECT 1 FROM {table} AS has WHERE has.run_uuid = wanted.run_uuid AND has.key = :{key}{value})"


@store_errors()
def trained_runs(client: "Client", plan: Plan, jobs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The runs in a store that planned ones need not be trained for again.

    Args:
        client: of the store.
        plan: whose runs are looked for.
        jobs: the indices (n,) of those that are.

    Returns:
        The ids (n,) of runs that have the same keys and what else is asked, empty where there is none; and whether each
        is in a chunk (n,).
    """
    keys, runs, is_chunked = plan.keys, np.full(len(plan), "", dtype="U32"), np.zeros(len(plan), dtype=bool)
    database = open_database(client.tracking_uri)
    for demand, of_demand in plan.demands():
        asked = np.intersect1d(of_demand, jobs)
        names = np.array([f"{key:016x}" for key in keys[asked].tolist()])
        pairs = _in_database(database, names, demand) if database else _by_client(client, plan, set(names), demand)
        run_of = dict(pairs)
        left = keys[asked][[name not in run_of for name in names.tolist()]]
        in_chunks = {f"{key:016x}": run for key, run in runs_with_keys(client, left, demand)} if len(left) else {}
        is_chunked[asked] = [name in in_chunks for name in names.tolist()]
        run_of |= in_chunks
        runs[asked] = [run_of.get(name, "") for name in names.tolist()]
    return runs[jobs], is_chunked[jobs]


def _in_database(engine: "Engine", keys: np.ndarray, demand: Demand) -> Iterator[tuple[str, str]]:
    """Pairs of a key and a run that has it."""
    import sqlalchemy as sa

    index = " INDEXED BY seedsweep_keys" if _index(engine) and engine.dialect.name == "sqlite" else ""
    has, values = _conditions(demand)
    with transaction(engine) as connection:
        for start in range(0, len(keys), KEYS):
            listed = ", ".join(f"'{key}'" for key in keys[start : start + KEYS])  # hexadecimal digits
            yield from map(tuple, connection.execute(sa.text(ASKED.format(keys=listed, index=index, **has)), values))


def _conditions(demand: Demand) -> tuple[dict[str, str], dict[str, str]]:
    """The clauses of what is asked besides the key, and the values in them."""
    metrics = {f"metric{number}": metric for number, metric in enumerate(demand.metrics)}
    has = "".join(HAS.format(table="latest_metrics", key=key, value="") for key in metrics)
    pairs = {
        "often": ("params", OFTEN, demand.log_every_n_steps),
        "engine": ("tags", "seedsweep.engine", demand.engine),
        "measured": ("tags", MEASURED_BY, demand.measured_by),
    }
    others, values = "", dict(metrics)
    for name, (table, key, value) in pairs.items():
        if value is not None:
            others += HAS.format(table=table, key=name, value=f" AND has.value = :{name}_value")
            values |= {name: key, f"{name}_value": value}
    return {"metrics": has, "others": others}, values


def _index(engine: "Engine") -> bool:
    """Have the keys in an index, in which each is looked up in a store of any size; False where that cannot be."""
    import sqlalchemy as sa

    if any(index["name"] == "seedsweep_keys" for index in sa.inspect(engine).get_indexes("tags")):
        return True
    try:
        with transaction(engine) as connection:
            connection.execute(sa.text(INDEX))
    except ConfigError:  # somebody else's database, or one that is busy: it takes longer without
        return False
    return True


def _by_client(client: "Client", plan: Plan, keys: set[str], demand: Demand) -> Iterator[tuple[str, str]]:
    """The same by MLflow's client, which can only be asked for all runs of the experiments."""
    for run in search_runs(client, of_kind("run"), tuple(plan.experiments)):
        key = run.data.tags.get("seedsweep.key", "")
        if key in keys and run.info.status == "FINISHED" and _satisfies(run, demand):
            yield key, str(run.info.run_id)


def _satisfies(run: "Run", demand: Demand) -> bool:
    tags, outcome = run.data.tags, run.data.tags.get("seedsweep.outcome")
    pairs: Sequence[tuple[Any, Any]] = (
        (demand.engine, tags.get("seedsweep.engine")),
        (demand.measured_by, tags.get(MEASURED_BY)),
        (demand.log_every_n_steps, run.data.params.get(OFTEN)),
    )
    measured = outcome == "diverged" or all(metric in run.data.metrics for metric in demand.metrics)
    return outcome in ENDED and measured and all(asked in (None, actual) for asked, actual in pairs)
