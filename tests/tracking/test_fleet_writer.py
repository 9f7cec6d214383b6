"""The runs of a fleet in the store are those that would be there had each been recorded by itself."""

import logging
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from shared.commands import ROOT
from shared.forks import run_forked
from shared.recorded_fleets import START, Clock, content, in_bulk, measured, network, opened, plans
from shared.stores import look_again, mlflows_client_alone

import seedsweep
from seedsweep.errors import ConfigError
from seedsweep.outcomes import FleetResult, Point, RunResult
from seedsweep.tracking import addresses, connection, schema
from seedsweep.tracking import fleet_writer as bulk
from seedsweep.tracking import reader as reading
from seedsweep.tracking import sql as database
from seedsweep.tracking.fleet_writer import record_fleet
from seedsweep.tracking.run_writer import record_run


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of the test's own, in either database; the artifacts are beside the test too."""
    monkeypatch.setenv("SEEDSWEEP_HOME", str(tmp_path))
    if request.param == "sqlite":
        return str(request.getfixturevalue("uri"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", request.getfixturevalue("postgres").copy())
    return addresses.default_uri()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


def leave(uri: str, sweep: str, error: type[BaseException], published: int) -> None:
    with record_fleet({"uri": uri, "sweep": sweep}, plans(), "fleet", "0" * 16) as record:
        if published:
            record.publish(measured().columns[:published])
        raise error


def one_by_one(uri: str, sweep: str | None, result: FleetResult, clock: Clock) -> None:
    end = clock.now
    for position, run in enumerate(plans()):
        clock.now = START
        with record_run({"uri": uri, "sweep": sweep}, run, "fleet", "0" * 16) as record:
            for metric, step, epoch, clock.now, members, values in result.columns:
                record.publish(Point(metric, step, epoch, value) for value in values[members == position].tolist())
            clock.now = end
            weights = {name: value[position] for name, value in result.weights.items()}
            record.finish(RunResult(result.outcomes[position], [], weights), network())


def test_fleet_is_recorded_as_its_runs_one_by_one(where: str, clock: Clock) -> None:
    result = measured()
    (client, one), (_, other) = opened(where), opened(where)
    clock.now = START
    with record_fleet({"uri": where, "sweep": one}, plans(), "fleet", "0" * 16) as record:
        clock.now = START + 5000
        record.finish(result, network())
    with mlflows_client_alone():
        one_by_one(where, other, result, clock)
    expected, actual = content(client, other), content(client, one)
    assert len(expected) == 5
    assert expected == actual
    example = actual["adam lr=0.01 seed=0"]
    assert example["info"]["end_time"] == str(START + 5000)
    assert example["histories"]["epoch"][0] == ("0.0", 25, START + 250)


SEARCHES = [
    ("metrics.`val/loss` < 0", ["metrics.`val/loss` DESC"]),
    ("params.optimizer = 'adam'", ["params.seed DESC"]),
    ("tags.`seedsweep.outcome` = 'diverged'", ["attributes.run_name"]),
    ("attributes.status = 'FINISHED'", ["metrics.`test/loss`", "attributes.run_name"]),
    ("metrics.`optimizer.lr` = 0.01 and params.seed = '1'", []),
]


def test_fleet_is_found_as_its_runs_one_by_one(where: str, clock: Clock) -> None:
    result = measured()
    (client, one), (_, other) = opened(where), opened(where)
    in_bulk(where, one, result)
    one_by_one(where, other, result, clock)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    for clause, order in SEARCHES:
        first, second = (
            client.search_runs(experiments, f"{clause} and tags.`mlflow.parentRunId` = '{sweep}'", order_by=order)
            for sweep in (one, other)
        )
        assert [run.info.run_name for run in first] == [run.info.run_name for run in second] != []


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fleets are written whenever they publish."""
    monkeypatch.setattr(bulk, "FLUSH_SECONDS", -1)
    monkeypatch.setattr(bulk, "SHARE", 1)


@pytest.mark.parametrize("published", [1, 5, 13])
def test_published_fleet_is_that_written_at_once(where: str, clock: Clock, eager: None, published: int) -> None:
    result = measured()
    (client, one), (_, other) = opened(where), opened(where)
    in_bulk(where, one, result)
    in_bulk(where, other, result, published)
    assert content(client, one) == content(client, other)


def test_curves_of_a_long_fleet_appear_while_it_trains(where: str, eager: None) -> None:
    columns = measured().columns
    _, sweep = opened(where)
    with record_fleet({"uri": where, "sweep": sweep}, plans(), "fleet", "0" * 16) as record:
        for count in (3, 6):
            record.publish(columns[count - 3 : count])
            runs = seedsweep.load_runs(sweep)
            assert set(runs["status"]) == {"RUNNING"}
            assert set(runs["outcome"]) == {"missing"}
            assert runs["optimizer"].tolist() == ["adam", "adam", "sgd", "rmsprop", "nadam"]
            assert len(seedsweep.load_curves(sweep)) == 5 * count
        record.finish(measured(), network())
    assert set(seedsweep.load_runs(sweep)["status"]) == {"FINISHED"}


def test_fleet_that_publishes_for_a_moment_is_written_at_its_end(where: str) -> None:
    client, sweep = opened(where)
    with record_fleet({"uri": where, "sweep": sweep}, plans(), "fleet", "0" * 16) as record:
        record.publish(measured().columns)
        assert not content(client, sweep)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupted_fleet_ends_as_killed_once_it_is_in_the_store(
    where: str, eager: None, error: type[BaseException]
) -> None:
    client, sweep = opened(where)
    with pytest.raises(error):
        leave(where, sweep, error, 0)
    assert not content(client, sweep)
    with pytest.raises(error):
        leave(where, sweep, error, 3)
    runs = seedsweep.load_runs(sweep)
    assert set(runs["status"]) == {"KILLED"}
    assert set(runs["outcome"]) == {"missing"}
    assert runs["seconds"].notna().all()


def test_fleet_with_an_error_leaves_nothing(where: str, eager: None) -> None:
    client, sweep = opened(where)
    with pytest.raises(RuntimeError):
        leave(where, sweep, RuntimeError, 3)
    assert not content(client, sweep)
    assert seedsweep.load_runs(sweep)["run"].isna().all()
    in_bulk(where, sweep, measured())
    assert len(content(client, sweep)) == 5


DYING = """
import os, sys
from seedsweep.tracking import fleet_writer as bulk
from seedsweep.tracking import sql_writer as rows
from shared import recorded_fleets
uri, sweep = sys.argv[1:3]
recorded_fleets.plans(), recorded_fleets.network()
insert = rows.insert

def dying(lines, dies):
    lines = list(lines)
    yield from lines[:len(lines) // 2]
    if dies:
        os.kill(os.getpid(), 9)
    yield from lines[len(lines) // 2:]

for table in ("runs", "params", "tags", "metrics", "latest_metrics", "the end"):
    if not (child := os.fork()):
        rows.insert = lambda connection, name, lines: insert(connection, name, dying(lines, name == table))
        rows.SqlRuns._end = rows.SqlRuns._end if table != "the end" else lambda *_: os.kill(os.getpid(), 9)
        recorded_fleets.in_bulk(uri, sweep, recorded_fleets.measured())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 9
"""


def test_fleet_killed_while_it_is_written_leaves_nothing(where: str) -> None:
    client, sweep = opened(where)
    run_forked("-c", DYING, where, sweep, check=True, cwd=ROOT / "tests")
    assert not content(client, sweep)
    in_bulk(where, sweep, measured())
    assert len(content(client, sweep)) == 5


def test_runs_are_read_as_by_mlflows_client(where: str, eager: None) -> None:
    _, sweep = opened(where)
    in_bulk(where, sweep, measured())
    tracking = {"uri": where, "sweep": sweep}
    more = [replace(run, job=run.job + 5) for run in plans()]
    for job, (run, error) in enumerate(zip(more, (RuntimeError, KeyboardInterrupt), strict=False)):
        with pytest.raises(error), record_run(tracking, run, "lightning", "0" * 16) as record:  # noqa: PT012
            record.publish([Point("val/loss", 25, 0, 0.5 + job)])
            raise error
    with record_run({"uri": where, "sweep": None}, more[3], "lightning", "0" * 16) as record:
        record.finish(RunResult("finished", [Point("val/loss", 25, 0, math.nan)]), {})
    _, planned = opened(where)  # and never run
    sweeps = [None, sweep, planned]
    direct = [(seedsweep.load_runs(item), seedsweep.load_curves(item)) for item in sweeps]
    with mlflows_client_alone():
        for item, (runs, curves) in zip(sweeps, direct, strict=True):
            pd.testing.assert_frame_equal(runs, seedsweep.load_runs(item))
            pd.testing.assert_frame_equal(curves, seedsweep.load_curves(item))
    runs, curves = direct[1]
    assert runs["outcome"].tolist() == [*["finished"] * 3, "diverged", "diverged", "failed", "missing"]
    assert [str(kind) for kind in curves.dtypes] == ["str", "str", "int64", "int64", "float64"]
    assert {math.inf, -math.inf} < set(curves["value"])
    assert curves["value"].isna().sum() == 1
    assert list(zip(curves["run"], curves["metric"], curves["step"], strict=True)) == sorted(
        zip(curves["run"], curves["metric"], curves["step"], strict=True)
    )


def test_curves_come_in_parts_of_whole_runs(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, sweep = opened(where)
    in_bulk(where, sweep, measured())
    whole = seedsweep.load_curves(sweep)
    monkeypatch.setattr(database, "ROWS", 7)
    parts = [part for part in reading.stream_curves(sweep) if len(part)]
    assert len(parts) > 2
    assert sum(part["run"].nunique() for part in parts) == 5
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


@pytest.mark.parametrize("sweeping", [False, True])
def test_model_of_a_member_comes_back(where: str, sweeping: bool) -> None:
    client, sweep = opened(where)
    result = measured()
    in_bulk(where, sweep if sweeping else None, result)
    runs = seedsweep.load_runs(sweep if sweeping else None)
    runs = runs.set_index("name")["run"]
    for position, planned in enumerate(plans()):
        model = seedsweep.load_model(runs[planned.name[:250]])
        assert torch.equal(model.net.linear.weight, result.weights["linear.weight"][position])
        assert torch.equal(model.net.linear.bias, result.weights["linear.bias"][position])
    tag = client.get_run(runs.iloc[0]).data.tags["seedsweep.weights"]
    holder, folder, _ = tag.split("/")
    assert (holder == sweep) == sweeping
    assert [len(client.list_artifacts(holder, "weights")), folder] == [1, "weights"]


FILE = "{run}/weights/{run}.safetensors"
TAGS = ("{run}/../weights/{run}.safetensors#0", "{run}/weights/x.safetensors#0", "#0", FILE, f"{FILE}#-1")


@pytest.mark.parametrize("tag", TAGS)
def test_store_cannot_make_load_model_read_another_file(uri: str, client: MlflowClient, tag: str) -> None:
    in_bulk(uri, None, measured())
    run = seedsweep.load_runs()["run"][0]
    client.set_tag(run, "seedsweep.weights", tag.format(run=run))
    with pytest.raises(ValueError, match="is not one that seedsweep writes"):
        seedsweep.load_model(run)


def test_server_is_told_the_same_of_a_fleet(uri: str, server: str, clock: Clock, eager: None) -> None:
    result = measured()
    (here, one), (there, other) = opened(uri), opened(server)
    in_bulk(uri, one, result)
    in_bulk(server, other, result, published=4)
    first, second = content(here, one), content(there, other)
    for actual in (*first.values(), *second.values()):
        for key in ("artifact_uri", "experiment_id"):
            del actual["info"][key]
    assert first == second
    runs = seedsweep.load_runs(other, server).set_index("name")["run"]
    assert torch.equal(
        seedsweep.load_model(runs["sgd lr=0.01 seed=0"], server).net.linear.weight, result.weights["linear.weight"][2]
    )


def test_server_keeps_nothing_of_a_fleet_with_an_error(server: str, eager: None) -> None:
    client, sweep = opened(server)
    for error, left in ((RuntimeError, 0), (KeyboardInterrupt, 5)):
        with pytest.raises(error):
            leave(server, sweep, error, 1)
        actual = content(client, sweep)
        assert len(actual) == left
        assert {run["info"]["status"] for run in actual.values()} <= {"KILLED"}


def test_unknown_schema_is_written_by_mlflows_client(
    uri: str, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (client, one), (_, other) = opened(uri), opened(uri)
    in_bulk(uri, one, measured())
    monkeypatch.setitem(schema.COLUMNS, "params", ("run_uuid", "key", "value", "unknown"))
    look_again()
    monkeypatch.setattr(connection.log, "disabled", False)  # as the commands of other tests leave it
    caplog.set_level(logging.WARNING)
    try:
        in_bulk(uri, other, measured())
        in_bulk(uri, None, measured())
    finally:
        monkeypatch.undo()
        look_again()
    assert [record.getMessage() for record in caplog.records if "schema" in record.getMessage()] == [
        "MLflow's schema is not the one known; writing by its client"
    ]
    assert content(client, one) == content(client, other)


def test_untracked_fleet_leaves_nothing(client: MlflowClient) -> None:
    with record_fleet({"uri": None, "sweep": None}, plans(), "fleet", "0" * 16) as record:
        record.publish(measured().columns)
        record.finish(measured(), {})
    assert len(client.search_experiments()) == 1


def test_database_that_is_gone_is_named(uri: str, tmp_path: Path) -> None:
    _, sweep = opened(uri)
    (tmp_path / "mlflow.db").unlink()
    engine = database.open_database(uri)
    assert engine
    with pytest.raises(ConfigError, match="tracking.uri=sqlite.*the database refused: no such table"):
        database.end_running(engine, sweep, "KILLED")
