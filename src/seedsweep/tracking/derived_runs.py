"""One run a group in the MLflow store, with the mean curves of its seeds, so that MLflow's own charts compare those."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedsweep.config.params import canonical
from seedsweep.config.planned_run import PROBLEM, PlannedRun
from seedsweep.errors import ConfigError
from seedsweep.outcomes import OUTCOMES, Column
from seedsweep.tracking.addresses import default_uri
from seedsweep.tracking.client_writer import ClientRuns
from seedsweep.tracking.connection import connect, store_errors
from seedsweep.tracking.mlflow_client import mlflow_error
from seedsweep.tracking.pages import view_tag
from seedsweep.tracking.queries import clause, of_kind
from seedsweep.tracking.sql import delete_runs, open_database, transaction
from seedsweep.tracking.sql_writer import SqlRuns
from seedsweep.tracking.sweep_writer import SweepRecord
from seedsweep.tracking.tags import NewRun, named

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seedsweep.tracking.client import Client

GROUP = ["problem", "group"]  # the columns that tell the rows of `groups` apart
LINES = {"": "mean", "_low": "low", "_high": "high"}  # what is added to a metric's name, and the column of its band
MOST = 50_000  # runs that a server gives at once
FORMER = """SELECT kind.run_uuid FROM tags AS kind JOIN tags AS sweep ON kind.run_uuid = sweep.run_uuid
WHERE kind.key = 'seedsweep.kind' AND kind.value = :kind AND sweep.key = 'seedsweep.sweep' AND sweep.value = :sweep"""


@store_errors()
def record_groups(
    sweep: str,
    bands: pd.DataFrame,
    groups: pd.DataFrame,
    tracking_uri: str | None = None,
    by: str = "optimizer",
    at: Sequence[str] = (),
    metric: str = "val/loss",
) -> None:
    """Write a run for each of the groups of a sweep, in place of those written before, and a view that shows them.

    Under a metric's own name is its mean, beside it `…_low` and `…_high`, and `n`: the number of runs that the means of
    a step are over, the smallest where those of its metrics differ.

    Args:
        sweep: run id of the sweep.
        bands: curves of the groups, a row a group, metric and step, as `comparison.mean_curves` makes them.
        groups: a row a group: `problem`, `group`, `option`, `setting`, `planned` and the outcomes.
        tracking_uri: address of the store; the default store when None.
        by: the param whose values are the options.
        at: the params in the settings, in their order.
        metric: by which the view has the best group first.

    Raises:
        ConfigError: no such store or sweep.
    """
    client = connect(tracking_uri or default_uri())
    experiment, now = _experiment(client, sweep), int(time.time() * 1000)
    runs = [NewRun(run, experiment, _tags(sweep, row), now) for run, row in _planned(groups, by, at)]
    replace_runs(client, sweep, "group", runs, list(curve_columns(bands, groups, now)))
    client.set_experiment_tag(experiment, *view_tag(sweep, metric, [by, *at], "group"))


@store_errors()
def record_trials(sweep: SweepRecord, trials: Sequence[tuple[PlannedRun, dict[str, str]]], values: np.ndarray) -> None:
    """Write a run for each trial of a search below its sweep, in place of those written before.

    Args:
        sweep: the record of the sweep of the search.
        trials: how the run of each trial is known, and its tags besides those of every run.
        values: of the trials (n,), written as the metric `value` where they are finite.
    """
    now = int(time.time() * 1000)
    tags = {"kind": "trial", "sweep": sweep.run_id}
    runs = [NewRun(planned, sweep.experiment_ids[0], named(tags | about), now) for planned, about in trials]
    finite = np.flatnonzero(np.isfinite(values))
    columns = [Column("value", 0, 0, now, finite, values[finite])] if len(finite) else []
    replace_runs(sweep.client, sweep.run_id, "trial", runs, columns)


def replace_runs(client: "Client", sweep: str, kind: str, runs: Sequence[NewRun], columns: Sequence[Column]) -> None:
    """Write runs of one kind, all of one experiment, below a sweep, in place of those of that kind."""
    database = open_database(client.tracking_uri)
    if database and not runs:
        with transaction(database) as connection:
            delete_runs(connection, _former(connection, sweep, kind))
    elif database:
        SqlRuns(client, database, runs).replace(lambda connection: _former(connection, sweep, kind), columns)
    elif runs:
        former = client.search_runs([runs[0].experiment], clause(of_kind(kind, sweep)), max_results=MOST)
        ClientRuns(client, runs).replace([run.info.run_id for run in former], columns)


def _experiment(client: "Client", sweep: str) -> str:
    try:
        run = client.get_run(sweep)
    except mlflow_error():
        run = None
    if run is None or run.data.tags.get("seedsweep.kind") != "sweep":
        raise ConfigError("sweep", sweep, f"no such sweep in {client.tracking_uri}")
    return str(run.info.experiment_id)


def _planned(groups: pd.DataFrame, by: str, at: Sequence[str]) -> Iterator[tuple[PlannedRun, Mapping[Any, Any]]]:
    """The name and params of each of the runs, and the row of `groups` that it is made of."""
    several = groups["problem"].nunique() > 1
    for number, row in enumerate(groups.to_dict("records")):
        name = f"{row['problem']} {row['group']}" if several else row["group"]
        complete = row["finished"] == row["planned"]
        count = f"mean of {row['finished']}" if complete else f"{row['finished']} of {row['planned']} finished"
        params = {PROBLEM: row["problem"]} if row["problem"] else {}
        setting = {key: canonical(row[key]) for key in at if not pd.isna(row[key])}
        params |= (
            {by: row["option"].removeprefix(f"{by.rpartition('.')[2]}=")} | setting | {"seeds": str(row["planned"])}
        )
        yield PlannedRun(number, f"{name} ({count})", row["group"], "", "", (params,)), row


def _tags(sweep: str, row: Mapping[Any, Any]) -> dict[str, str]:
    counts = {name: str(row[name]) for name in ("planned", *OUTCOMES) if name in row}
    return named({"kind": "group", "sweep": sweep, "group": row["group"]} | counts)


def curve_columns(bands: pd.DataFrame, groups: pd.DataFrame, now: int) -> Iterator[Column]:
    """The points of the bands, in the order of their steps; the members are indices in `groups`."""
    indices = pd.MultiIndex.from_frame(groups[GROUP]).get_indexer(pd.MultiIndex.from_frame(bands[GROUP]))
    points = bands[["metric", "step", "epoch"]].assign(member=indices)
    curves = [points.assign(metric=bands["metric"] + end, value=bands[name]) for end, name in LINES.items()]
    fewest = points.assign(value=bands["n"]).groupby(["member", "step", "epoch"])["value"].min()
    curves.append(fewest.reset_index().assign(metric="n"))
    lines = pd.concat(curves, ignore_index=True)
    defined = lines["value"].notna().groupby([lines["member"], lines["metric"]]).transform("any")  # not all of one seed
    lines = lines[defined & (lines["member"] >= 0)]
    moment = ["step", "epoch", "metric"]
    lines = lines.sort_values([*moment, "member"])
    starts = np.flatnonzero(~lines.duplicated(moment))
    members, values = (np.split(lines[name].to_numpy(), starts[1:]) for name in ("member", "value"))
    heads = lines[moment].iloc[starts].itertuples(index=False, name=None)
    for (step, epoch, metric), member, value in zip(heads, members, values, strict=False):  # without lines one array
        yield Column(metric, step, epoch, now, member, value)


def _former(connection: "Connection", sweep: str, kind: str) -> Iterable[str]:
    """The ids of the sweep's runs of that kind; until the end of the transaction no other process replaces them."""
    import sqlalchemy as sa

    lock = "UPDATE runs SET status = status WHERE run_uuid = :sweep"
    connection.execute(sa.text(lock), {"sweep": sweep})
    return connection.scalars(sa.text(FORMER), {"sweep": sweep, "kind": kind}).all()
