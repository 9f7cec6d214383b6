"""Runs in chunk files are read as those in MLflow are, and files that are not as they were written are named."""

import hashlib
import os
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from shared.recorded_fleets import measured, network, plans
from shared.stores import runs_in

import seedsweep
from seedsweep.config.demand import Demand
from seedsweep.config.plan import Plan
from seedsweep.errors import ConfigError, StoreError
from seedsweep.outcomes import FleetResult
from seedsweep.tracking.artifact_files import ArtifactFiles
from seedsweep.tracking.fleet_writer import record_fleet
from seedsweep.tracking.groups_record import record_best_runs
from seedsweep.tracking.reader import stream_curves, stream_groups, stream_runs
from seedsweep.tracking.sweep_writer import SweepRecord
from seedsweep.tracking.trained_runs import trained_runs

ELSE = ["run", "sweep", "started", "seconds"]  # in which two recordings of the same runs differ
POINT = ["name", "metric", "step"]


RESULT = measured()


def opened(uri: str, detail: str = "groups") -> SweepRecord:
    """A sweep of five runs that have not begun."""
    plan = Plan()
    for run in plans():
        plan.add(run)
    return SweepRecord(uri, plan, "sweep", "", tags={"detail": detail} if detail == "groups" else {})


def record(sweep: SweepRecord, *members: int) -> None:
    """Record a fleet of some of the five runs, of which the last two diverge."""
    planned = [plans()[member] for member in members]
    with record_fleet(
        {"uri": sweep.uri, "sweep": sweep.run_id, "detail": sweep.detail}, planned, "fleet", "0" * 16
    ) as fleet:
        fleet.finish(result_of(*members), network())


def recorded(uri: str, detail: str) -> SweepRecord:
    """A sweep of five runs."""
    sweep = opened(uri, detail)
    record(sweep, 0, 1, 2, 3, 4)
    return sweep


@pytest.fixture
def sweep(uri: str) -> SweepRecord:
    return recorded(uri, "groups")


def result_of(*members: int) -> FleetResult:
    """What the fleet of some members gives."""
    columns = []
    for column in RESULT.columns:
        kept = np.isin(column.members, members)
        numbers = np.searchsorted(members, column.members[kept])
        columns.append(column._replace(members=numbers, values=column.values[kept]))
    weights = {name: tensor[list(members)].clone() for name, tensor in RESULT.weights.items()}
    return FleetResult([RESULT.outcomes[member] for member in members], columns, weights)


def file_in(sweep: SweepRecord, folder: str) -> Path:
    (file,) = Path(sweep.recorded().artifacts.removeprefix("file://")).glob(f"{folder}/*")
    return file


def named(curves: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Curves by the names of the runs."""
    merged = curves.merge(runs[["run", "name"]], on="run").drop(columns="run")
    return merged.sort_values(POINT, ignore_index=True)


def test_runs_in_chunks_read_as_those_in_mlflow(uri: str, sweep: SweepRecord) -> None:
    in_runs = recorded(uri, "runs").run_id
    runs, grouped = seedsweep.load_runs(in_runs), seedsweep.load_runs(sweep.run_id)
    pd.testing.assert_frame_equal(runs.drop(columns=ELSE), grouped.drop(columns=ELSE))
    assert grouped["started"].dtype == runs["started"].dtype
    curves, of_groups = seedsweep.load_curves(in_runs), seedsweep.load_curves(sweep.run_id)
    pd.testing.assert_frame_equal(named(curves, runs), named(of_groups, grouped))
    for one, other in zip(runs["run"], grouped["run"], strict=True):
        states = [seedsweep.load_model(run).state_dict() for run in (one, other)]
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not runs_in(MlflowClient(uri))[5:]


def test_whole_stores_and_streams_have_the_runs_of_both_kinds(uri: str, sweep: SweepRecord) -> None:
    in_runs = recorded(uri, "runs").run_id
    everything = seedsweep.load_runs(None)
    assert everything["sweep"].value_counts().to_dict() == {in_runs: 5, sweep.run_id: 5}
    assert len(seedsweep.load_curves(None)) == 2 * len(seedsweep.load_curves(sweep.run_id))
    for run_id in (in_runs, sweep.run_id):
        tables = pd.concat(stream_runs(run_id)).sort_values("job")
        assert tables["name"].tolist() == seedsweep.load_runs(run_id)["name"].tolist()
        assert set(map(type, tables["optimizer.lr"])) == {str}
        points = [(len(curves), list(groups)) for curves, groups in stream_groups(run_id)]
        assert sum(count for count, _ in points) == sum(map(len, stream_curves(run_id)))
        assert {group for _, groups in points for group in groups} == set(tables["group"])


def test_runs_that_are_planned_and_not_in_a_chunk_are_missing(uri: str) -> None:
    sweep = opened(uri)
    record(sweep, 1, 2)
    for runs in (seedsweep.load_runs(sweep.run_id), pd.concat(stream_runs(sweep.run_id)).sort_values("job")):
        assert runs["outcome"].tolist() == ["missing", "finished", "finished", "missing", "missing"]
        assert runs["job"].tolist() == [0, 1, 2, 3, 4]


def test_a_fleet_that_ends_early_or_fails_leaves_no_file(uri: str) -> None:
    sweep = opened(uri)
    tracking = {"uri": uri, "sweep": sweep.run_id, "detail": "groups"}
    for error in (KeyboardInterrupt, RuntimeError):
        with suppress(error), record_fleet(tracking, plans(), "fleet", "0" * 16) as fleet:
            fleet.publish(RESULT.columns[:2])
            raise error
    assert set(seedsweep.load_runs(sweep.run_id)["outcome"]) == {"missing"}
    folder = Path(sweep.recorded().artifacts.removeprefix("file://"))
    assert sorted(os.listdir(folder)) == ["config.yaml", "plan.csv"]


def test_a_chunk_that_is_there_twice_counts_once(uri: str, sweep: SweepRecord) -> None:
    record(sweep, 0, 1, 2)
    assert seedsweep.load_runs(sweep.run_id)["job"].tolist() == [0, 1, 2, 3, 4]
    points = seedsweep.load_curves(sweep.run_id)
    assert not points.duplicated(["run", "metric", "step"]).any()
    assert set(points["run"]) == set(seedsweep.load_runs(sweep.run_id)["run"])


def test_runs_count_and_are_copied_with_the_metrics_that_they_were_measured_by(uri: str) -> None:
    client, plan, others = MlflowClient(uri), Plan(), Plan()
    planned = [replace(run, demand=Demand(measured_by="mine")) for run in plans()]
    for run in planned:
        plan.add(run)
        others.add(replace(run, demand=Demand(measured_by="others")))
    jobs = np.arange(5)
    first = SweepRecord(uri, plan, "first", "", tags={"detail": "groups"})
    tracking = {"uri": uri, "sweep": first.run_id, "detail": "groups"}
    with record_fleet(tracking, planned, "fleet", "0" * 16) as fleet:
        fleet.finish(RESULT, network())
    for detail in ("runs", "groups", "runs"):
        assert set(trained_runs(client, others, jobs)[0]) == {""}
        sweep = SweepRecord(uri, plan, detail, "", tags={"detail": "groups"} if detail == "groups" else {})
        assert list(sweep.take_trained(plan, jobs)) == [0, 1, 2, 3, 4]
        client.delete_run(first.run_id)
        for run in () if first.detail == "groups" else runs_in(client):
            client.delete_run(run.info.run_id)
        first = sweep
    assert {run.data.tags["seedsweep.measured_by"] for run in runs_in(client)} == {"mine"}


@pytest.mark.parametrize(
    ("folder", "how"), [*product(("runs", "curves"), ("cut off", "empty", "foreign")), ("curves", "gone")]
)
def test_a_file_that_is_not_as_it_was_written_is_named(sweep: SweepRecord, folder: str, how: str) -> None:
    file, read = file_in(sweep, folder), {"runs": seedsweep.load_runs, "curves": seedsweep.load_curves}[folder]
    content = {"cut off": file.read_bytes()[:-100], "empty": b"", "foreign": b"somebody's notes"}
    file.unlink()
    if how in content:
        file.write_bytes(content[how])
    with pytest.raises(StoreError, match=rf"{file.name} of sweep {sweep.run_id[:8]} is .*; delete the chunk's file"):
        read(sweep.run_id)


def test_a_file_of_somebody_elses_that_is_named_by_its_digest_is_refused(sweep: SweepRecord, tmp_path: Path) -> None:
    pd.DataFrame({"job": [0]}).to_parquet(tmp_path / "own.parquet")
    content = (tmp_path / "own.parquet").read_bytes()
    name = f"{hashlib.sha256(content).hexdigest()[:32]}.parquet"
    (file_in(sweep, "runs").parent / name).write_bytes(content)
    with pytest.raises(StoreError, match=f"{name} of sweep {sweep.run_id[:8]} is no chunk that seedsweep wrote"):
        seedsweep.load_runs(sweep.run_id)


def test_other_files_in_the_folders_are_let_be(sweep: SweepRecord) -> None:
    folder = file_in(sweep, "runs").parent
    for name in ("notes.txt", f"{'0' * 32}.part"):
        (folder / name).write_text("half of it")
    assert len(seedsweep.load_runs(sweep.run_id)) == 5


def test_weights_that_are_cut_off_are_named(sweep: SweepRecord) -> None:
    file = file_in(sweep, "weights")
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(StoreError, match=rf"weights/{file.name} among the artifacts of {sweep.run_id} is damaged"):
        seedsweep.load_model(seedsweep.load_runs(sweep.run_id)["run"][0])


def test_a_run_of_a_chunk_that_has_no_weights_has_no_model(uri: str) -> None:
    sweep = opened(uri)
    with record_fleet({"uri": uri, "sweep": sweep.run_id, "detail": "groups"}, plans(), "fleet", "0" * 16) as fleet:
        fleet.finish(replace(RESULT, weights={}), network())
    with pytest.raises(ConfigError, match="no trained run of that id"):
        seedsweep.load_model(seedsweep.load_runs(sweep.run_id)["run"][0])


def test_a_run_that_no_chunk_has_is_no_run(sweep: SweepRecord) -> None:
    unknown = sweep.run_id[:12] + "0" * 20
    with pytest.raises(ConfigError, match=f"run_id={unknown}: no trained run of that id"):
        seedsweep.load_model(unknown)


def test_runs_of_a_chunk_become_runs_of_mlflows_with_all_that_they_are_known_by(sweep: SweepRecord, uri: str) -> None:
    for _ in range(2):  # the second time in place of the first
        record_best_runs(sweep, np.array([1, 4]))
    best = {run.info.run_name: run for run in runs_in(MlflowClient(uri), "best")}
    of_chunks = seedsweep.load_runs(sweep.run_id).set_index("name")
    assert len(of_chunks) == 5
    assert set(best) == {plans()[1].name, plans()[4].name}
    in_runs = recorded(uri, "runs").run_id
    plain = {
        run.info.run_name: run for run in runs_in(MlflowClient(uri)) if run.data.tags["seedsweep.sweep"] == in_runs
    }
    for name, run in best.items():
        assert run.info.run_id == of_chunks["run"][name]
        assert run.data.params == plain[name].data.params
        assert {key: repr(value) for key, value in run.data.metrics.items()} == {
            key: repr(value) for key, value in plain[name].data.metrics.items()
        }
        assert run.info.end_time - run.info.start_time == round(of_chunks["seconds"][name] * 1000)
        differing = {key for key in plain[name].data.tags if plain[name].data.tags[key] != run.data.tags.get(key)}
        own = {"kind", "job", "key", "sweep", "weights"}
        assert differing == {"mlflow.parentRunId", *(f"seedsweep.{key}" for key in own)}


def test_the_file_of_its_runs_is_written_last_of_a_chunk(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written, write = list[str](), ArtifactFiles.write

    def noted(files: ArtifactFiles, below: str, *rest: Any) -> str:
        written.append(below)
        return write(files, below, *rest)

    monkeypatch.setattr(ArtifactFiles, "write", noted)
    recorded(uri, "groups")
    assert written == ["weights", "curves", "runs"]
