"""The curves of groups: their means and intervals by hand, and as MLflow's client and its own charts show them."""

import math
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from scipy.stats import t
from shared.recorded_fleets import START, Clock, content, in_bulk, measured, opened
from shared.stores import mlflows_client_alone
from shared.waiting import wait_for

import seedsweep
from seedsweep.comparison.mean_curves import mean_curves
from seedsweep.errors import ConfigError
from seedsweep.tracking import sql_writer as rows
from seedsweep.tracking.derived_runs import record_groups
from seedsweep.tracking.pages import view_page
from seedsweep.tracking.run_writer import RunRecord

CHROMIUM = shutil.which("chromium")
ABOUT = {"adam": "lr=0.1", "sgd": "lr=0.5 betas=[0.9, 0.99]", "nadam": ""}
VALUES = {  # by run: the values of val/loss at the steps 25 and 50
    "adam": [(1.0, 0.5), (2.0, 1.0), (3.0, 1.5)],
    "sgd": [(4.0, 5.0), (6.0, math.nan), (math.inf,)],
    "nadam": [(math.inf,), (-math.inf,)],
}
T2, T1 = 4.302652729749464, 12.706204736174707  # t quantiles of 0.975 with 2 degrees of freedom, and with 1
LIMITS = {"adam": [T2 / math.sqrt(3), T2 / math.sqrt(12)], "sgd": [T1, math.nan]}  # ± these
MEANS, NUMBERS = {"adam": [2.0, 1.0], "sgd": [5.0, 5.0]}, {"adam": [3, 3], "sgd": [2, 1]}


def scored() -> pd.DataFrame:
    actual = [
        (f"{name}{position}", "", name, ABOUT[name]) for name, runs in VALUES.items() for position in range(len(runs))
    ]
    table = pd.DataFrame(actual, columns=["run", "problem", "option", "setting"])
    return table.assign(group=(table["option"] + " " + table["setting"]).str.strip(), score=0.0)


def curves() -> pd.DataFrame:
    actual = [
        (f"{name}{position}", "val/loss", 25 * (epoch + 1), epoch, value)
        for name, runs in VALUES.items()
        for position, points in enumerate(runs)
        for epoch, value in enumerate(points)
    ]
    actual += [(f"adam{position}", "test/loss", 50, 1, position) for position in (0, 1)]  # measured in two of three
    return pd.DataFrame(actual, columns=["run", "metric", "step", "epoch", "value"])


def groups() -> pd.DataFrame:
    table = scored().drop_duplicates("group")[["problem", "group", "option", "setting"]]
    table["optimizer.lr"] = table["setting"].str.extract(r"lr=(\S+)", expand=False)
    table["optimizer.betas"] = table["setting"].str.extract(r"betas=(\[.*\])", expand=False)
    outcomes = {"planned": [3, 3, 3], "finished": [3, 1, 0], "diverged": [0, 2, 2], "failed": 0, "missing": [0, 0, 1]}
    return table.reset_index(drop=True).assign(**outcomes)


def record(uri: str, sweep: str, **options: Any) -> None:
    options = {
        "bands": mean_curves(curves(), scored()),
        "groups": groups(),
        "at": ["optimizer.lr", "optimizer.betas"],
    } | options
    record_groups(sweep, tracking_uri=uri, **options)


def test_band_is_the_mean_and_its_interval_at_every_step() -> None:
    actual = mean_curves(curves(), scored())
    about = ["problem", "option", "setting", "group"]
    assert list(actual) == [*about, "metric", "step", "epoch", "mean", "low", "high", "n"]
    assert actual["option"].tolist() == ["adam"] * 3 + ["sgd"] * 2  # the order of the runs; nothing of a group of inf
    loss = actual[actual["metric"] == "val/loss"]
    for name, part in loss.groupby("option"):
        assert part[["step", "epoch"]].to_numpy().tolist() == [[25, 0], [50, 1]]
        assert part["mean"].tolist() == MEANS[name]
        assert part["n"].tolist() == NUMBERS[name]
        np.testing.assert_allclose(part["mean"] - part["low"], LIMITS[name], rtol=1e-14)
        np.testing.assert_allclose(part["high"] - part["mean"], LIMITS[name], rtol=1e-14)
    assert actual["n"].dtype.kind == "i"


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_band_is_scipys_interval(confidence: float) -> None:
    random = np.random.default_rng(0)
    names = [f"run{position}" for position in range(30)]
    runs = pd.DataFrame({"run": names, "problem": "", "option": "adam", "setting": "", "group": "adam"})
    measured = pd.DataFrame({"run": names, "metric": "m", "step": 1, "epoch": 0, "value": random.lognormal(size=30)})
    (row,) = mean_curves(measured, runs, confidence).itertuples()
    sample = measured["value"]
    expected = t.interval(confidence, 29, loc=sample.mean(), scale=sample.sem())
    assert (row.mean, row.n) == (pytest.approx(sample.mean(), rel=1e-14), 30)
    assert (row.low, row.high) == pytest.approx(expected, rel=1e-12)


def test_band_does_not_depend_on_other_groups_or_on_the_order_of_the_points() -> None:
    alone = mean_curves(curves(), scored().query("option == 'sgd'")).reset_index(drop=True)
    together = (
        mean_curves(curves().sample(frac=1, random_state=0), scored()).query("option == 'sgd'").reset_index(drop=True)
    )
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


def test_band_of_nothing_is_empty_and_of_huge_values_not_an_error() -> None:
    assert mean_curves(curves().iloc[:0], scored()).empty
    planned = pd.concat([scored(), scored().iloc[:2].assign(run=None)])  # not run yet
    pd.testing.assert_frame_equal(mean_curves(curves(), planned), mean_curves(curves(), scored()))
    huge = curves().query("run in ['adam0', 'adam1']").assign(value=[1e300, 1e300, -1e300, 1.0, 0.0, 1e308])
    assert len(mean_curves(huge, scored())) == 3


@pytest.fixture(params=["sqlite", "postgresql", "server"])
def where(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of each kind, the default of the test."""
    monkeypatch.setenv("SEEDSWEEP_HOME", str(tmp_path))
    if request.param == "sqlite":
        return str(request.getfixturevalue("uri"))
    postgres = request.param == "postgresql"
    uri = request.getfixturevalue("postgres").copy() if postgres else request.getfixturevalue("server")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return str(uri)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


def found_in(client: MlflowClient, sweep: str) -> dict[str, Any]:
    """The group runs of a sweep by their names, as MLflow's client gives them."""
    clause = f"tags.`seedsweep.kind` = 'group' and tags.`seedsweep.sweep` = '{sweep}'"
    actual = client.search_runs([client.get_run(sweep).info.experiment_id], clause)
    assert len({run.info.run_name for run in actual}) == len(actual)
    return {run.info.run_name: run for run in actual}


def test_groups_are_runs_whose_metrics_are_the_means_and_limits(where: str) -> None:
    client, sweep = opened(where)
    record(where, sweep)
    actual = found_in(client, sweep)
    sgd = "sgd lr=0.5 betas=[0.9, 0.99] (1 of 3 finished)"
    assert set(actual) == {"adam lr=0.1 (mean of 3)", sgd, "nadam (0 of 3 finished)"}
    for run in actual.values():
        assert run.info.status == "FINISHED"
        assert run.info.end_time >= run.info.start_time > START
        assert run.data.tags["mlflow.parentRunId"] == sweep
    tags = {key.removeprefix("seedsweep."): value for key, value in actual[sgd].data.tags.items()}
    assert (tags["group"], tags["planned"], tags["finished"], tags["diverged"]) == (
        *("sgd lr=0.5 betas=[0.9, 0.99]", "3", "1", "2"),
    )
    params = {"optimizer": "sgd", "optimizer.lr": "0.5", "optimizer.betas": "[0.9, 0.99]", "seeds": "3"}
    assert actual[sgd].data.params == params
    assert actual["nadam (0 of 3 finished)"].data.params == {"optimizer": "nadam", "seeds": "3"}
    assert not actual["nadam (0 of 3 finished)"].data.metrics

    def history(name: str, metric: str) -> list[tuple[int, float]]:
        points = client.get_metric_history(actual[name].info.run_id, metric)
        return [(point.step, point.value) for point in points]

    for name, option in (("adam lr=0.1 (mean of 3)", "adam"), (sgd, "sgd")):
        ends = zip((25, 50), MEANS[option], LIMITS[option], strict=True)
        for step, mean, half in ends:
            assert dict(history(name, "val/loss"))[step] == mean
            assert dict(history(name, "val/loss_low"))[step] == pytest.approx(mean - half, rel=1e-14, nan_ok=True)
            assert dict(history(name, "val/loss_high"))[step] == pytest.approx(mean + half, rel=1e-14, nan_ok=True)
        assert history(name, "epoch") == [(25, 0), (50, 1)]
    assert history(sgd, "n") == [(25, 2), (50, 1)]
    assert history("adam lr=0.1 (mean of 3)", "n") == [(25, 3), (50, 2)]  # the fewest: test/loss has two
    assert actual[sgd].data.metrics["optimizer.lr"] == 0.5


def test_groups_of_one_seed_have_no_limits(uri: str) -> None:
    client, sweep = opened(uri)
    record(uri, sweep, bands=mean_curves(curves().query("run == 'adam1'"), scored()))
    run = found_in(client, sweep)["adam lr=0.1 (mean of 3)"]
    assert set(run.data.metrics) == {"val/loss", "test/loss", "n", "epoch", "optimizer.lr"}


def test_groups_written_again_replace_the_former_ones_of_that_sweep(where: str) -> None:
    (client, one), (_, other) = opened(where), opened(where)
    for sweep in (one, other, one):
        record(where, sweep)
    assert len(found_in(client, one)) == len(found_in(client, other)) == 3
    few = groups().query("option == 'adam'").assign(planned=4)
    record(where, one, groups=few)
    assert list(found_in(client, one)) == ["adam lr=0.1 (3 of 4 finished)"]
    run_id = found_in(client, one)["adam lr=0.1 (3 of 4 finished)"].info.run_id
    assert len(client.get_metric_history(run_id, "val/loss")) == 2
    assert len(found_in(client, other)) == 3


def test_groups_are_not_among_the_runs_and_their_curves(where: str) -> None:
    _, sweep = opened(where)
    in_bulk(where, sweep, measured())
    runs, curves = seedsweep.load_runs(sweep), seedsweep.load_curves(sweep)
    record(where, sweep)
    pd.testing.assert_frame_equal(seedsweep.load_runs(sweep), runs)
    pd.testing.assert_frame_equal(seedsweep.load_curves(sweep), curves)
    assert len(seedsweep.load_runs()) >= len(runs)
    assert "group" not in set(seedsweep.load_runs()["group"])


def test_database_holds_what_mlflows_client_would_have_written(where: str, clock: Clock) -> None:
    (client, one), (_, other) = opened(where), opened(where)
    record(where, one)
    with mlflows_client_alone():
        record(where, other)
    assert content(client, one) == content(client, other)
    record(where, one)
    assert len(found_in(client, one)) == 3


def test_server_is_told_the_same_of_groups(uri: str, server: str, clock: Clock) -> None:
    (here, one), (there, other) = opened(uri), opened(server)
    record(uri, one)
    record(server, other)
    first, second = content(here, one), content(there, other)
    for actual in (*first.values(), *second.values()):
        for key in ("artifact_uri", "experiment_id"):
            del actual["info"][key]
    assert first == second != {}


def test_groups_of_several_problems_are_told_apart(uri: str) -> None:
    client, sweep = opened(uri)
    wine = curves().assign(run="wine " + curves()["run"], value=7.0)
    runs = scored().assign(problem="wine", run="wine " + scored()["run"])
    actual = mean_curves(pd.concat([curves(), wine]), pd.concat([scored().assign(problem="iris"), runs]))
    record(uri, sweep, bands=actual, groups=pd.concat([groups().assign(problem=name) for name in ("iris", "wine")]))
    stored = found_in(client, sweep)
    assert len(stored) == 6
    assert stored["iris adam lr=0.1 (mean of 3)"].data.metrics["val/loss"] == 1
    assert stored["wine adam lr=0.1 (mean of 3)"].data.metrics["val/loss"] == 7
    assert stored["wine adam lr=0.1 (mean of 3)"].data.params["data"] == "wine"


def test_groups_of_long_curves_are_replaced(uri: str) -> None:
    client, sweep = opened(uri)
    steps = np.arange(4_000)  # more than SQLite changes in memory: from then on it lets nobody else read
    long = [
        pd.DataFrame({"run": f"adam{run}", "metric": "m", "step": steps, "epoch": 0, "value": run}) for run in (0, 1)
    ]
    for _ in range(2):
        record(uri, sweep, bands=mean_curves(pd.concat(long), scored()))
    run = found_in(client, sweep)["adam lr=0.1 (mean of 3)"]
    assert len(client.get_metric_history(run.info.run_id, "m")) == len(steps)


@pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)  # a server has no transactions
def test_groups_recorded_twice_at_once_are_there_once(where: str) -> None:
    client, sweep = opened(where)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: record(where, sweep), range(8)))
    assert len(found_in(client, sweep)) == 3


def test_groups_that_cannot_be_written_leave_the_former_ones(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, sweep = opened(where)
    record(where, sweep)
    former = {run.info.run_id for run in found_in(client, sweep).values()}
    insert, end = rows.insert, RunRecord.end

    def broken(connection: Any, table: str, lines: Any) -> None:
        insert(connection, table, lines)
        if table == "metrics":
            raise RuntimeError

    def ends(self: RunRecord, status: str, at: int | None = None) -> None:
        if self.planned.group.startswith("sgd"):
            raise RuntimeError
        end(self, status, at)

    monkeypatch.setattr(rows, "insert", broken)
    monkeypatch.setattr(RunRecord, "end", ends)
    with pytest.raises(RuntimeError):
        record(where, sweep)
    assert {run.info.run_id for run in found_in(client, sweep).values()} == former


def test_groups_of_no_sweep_are_refused(uri: str) -> None:
    _, sweep = opened(uri)
    in_bulk(uri, sweep, measured())
    for name in ("0" * 32, seedsweep.load_runs(sweep)["run"][0]):
        with pytest.raises(ConfigError, match=f"sweep={name}: no such sweep in sqlite"):
            record(uri, name)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_charts_of_mlflows_ui_show_the_groups_and_no_run(server: str, tmp_path: Path) -> None:
    client, sweep = opened(server)
    in_bulk(server, sweep, measured())
    record(server, sweep)
    page = view_page(client.get_run(sweep).info.experiment_id, sweep, "group")
    address = f"{server}/{page}&compareRunsMode=CHART"  # as a click on the second button has it
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    command += ["--window-size=2000,3200", "--virtual-time-budget=30000", f"--screenshot={tmp_path}/charts.png"]

    def rendered() -> str | None:
        shown = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=300).stdout
        return shown if "js-line" in shown else None

    shown = wait_for(rendered)
    names = {run.info.run_name for run in found_in(client, sweep).values()}
    assert all(f">{name}<" in shown for name in names)
    assert "3</span> matching runs" in shown or "3 matching runs" in re.sub(r"<[^>]*>", "", shown)
    assert "seed=" not in shown
    for metric in ("val/loss", "val/loss_low", "val/loss_high", "test/loss"):
        assert f">{metric}<" in shown
    assert (tmp_path / "charts.png").stat().st_size > 20_000
