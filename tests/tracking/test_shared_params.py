"""What all runs of a sweep have in common stands once, with the sweep, and is read as each run's."""

from dataclasses import replace

import pandas as pd
import pytest
from mlflow import MlflowClient
from shared.recorded_fleets import measured, network, plans

import seedsweep
from seedsweep.config.plan import Plan
from seedsweep.config.planned_run import PlannedRun
from seedsweep.tracking.fleet_writer import record_fleet
from seedsweep.tracking.run_writer import record_run
from seedsweep.tracking.shared_params import KEPT, shared_params
from seedsweep.tracking.sweep_writer import SweepRecord
from seedsweep.tracking.tags import own_params

ELSE = ["run", "sweep", "started", "seconds"]  # the columns in which two recordings of one fleet differ


def planned(runs: list[PlannedRun]) -> Plan:
    plan = Plan()
    for run in runs:
        plan.add(run)
    return plan


def recorded(uri: str, shares: bool) -> SweepRecord:
    plan = planned(plans())
    sweep = SweepRecord(uri, plan, "sweep", "", common=plan.common_params if shares else {})
    with record_fleet({"uri": uri, "sweep": sweep.run_id}, plans(), "fleet", "0" * 16) as record:
        record.finish(measured(), network())
    return sweep


def params_in_store(sweep: SweepRecord) -> list[dict[str, str]]:
    """The params that the runs of a sweep have themselves."""
    client = sweep.client
    runs = client.search_runs(sweep.experiment_ids, f"tags.`seedsweep.sweep` = '{sweep.run_id}'")
    return [run.data.params for run in sorted(runs, key=lambda run: int(run.data.tags["seedsweep.job"]))]


@pytest.mark.parametrize("store", ["uri", "server"])
def test_runs_read_alike_whoever_has_their_params(store: str, request: pytest.FixtureRequest) -> None:
    uri = request.getfixturevalue(store)
    tables = [seedsweep.load_runs(recorded(uri, shares).run_id, uri) for shares in (True, False)]
    pd.testing.assert_frame_equal(*(table.drop(columns=ELSE) for table in tables))


def test_each_param_stands_with_the_runs_or_with_their_sweep(uri: str) -> None:
    sweep = recorded(uri, shares=True)
    shared = sweep.client.get_run(sweep.run_id).data.params
    for run, own in zip(plans(), params_in_store(sweep), strict=True):
        assert own.keys() & KEPT == run.params.keys() & KEPT
        assert shared | own == run.recorded_params
    assert "data.split_seed" in shared
    assert not shared.keys() & {*KEPT, "optimizer._target_", "optimizer.betas"}


def test_all_runs_of_a_store_have_the_params_of_their_sweeps(uri: str) -> None:
    recorded(uri, shares=True)
    recorded(uri, shares=False)
    assert seedsweep.load_runs(tracking_uri=uri)["data.split_seed"].tolist() == [42] * 10


def test_a_run_that_differs_from_its_sweep_has_the_value_itself(uri: str, client: MlflowClient) -> None:
    plan = planned(plans())
    sweep = SweepRecord(uri, plan, "sweep", "", common=plan.common_params)
    moved = replace(plans()[0], shared_params=(*plans()[0].shared_params, {"data.split_seed": "7"}))
    with record_run({"uri": uri, "sweep": sweep.run_id}, moved, "fleet", "0" * 16) as record:
        run = record.open()
        record.flush()
    assert client.get_run(run).data.params["data.split_seed"] == "7"
    assert seedsweep.load_runs(sweep.run_id)["data.split_seed"].tolist() == [7, 42, 42, 42, 42]


@pytest.mark.parametrize("store", ["uri", "server"])
def test_a_sweep_that_was_purged_has_no_params_for_its_runs(store: str, request: pytest.FixtureRequest) -> None:
    uri = request.getfixturevalue(store)
    assert shared_params(MlflowClient(uri), "0" * 32) == {}


def test_a_param_that_is_overridden_with_the_value_of_the_sweep_is_not_the_runs_own() -> None:
    run = replace(plans()[0], shared_params=({"a": "1", "b": "2"}, {"a": "3"}))
    assert own_params(run, {"a": "3"}) == {"b": "2"}
    assert own_params(run, {"a": "1"}) == {"a": "3", "b": "2"}


def test_common_params_are_those_of_all_runs_with_one_value() -> None:
    plan = planned(plans())
    expected = set.intersection(*(set(run.params.items()) for run in plans()))
    assert set(plan.common_params.items()) == expected
    assert "optimizer.lr" in plan.common_params
    assert "seed" not in plan.common_params
