"""Sweeps on workers through the real command: the same runs as without, whatever becomes of the workers."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from mlflow import MlflowClient
from shared.commands import ENDLESS, Ended, start
from shared.deadly import MOMENTUM, ONCE
from shared.forked import PATIENCE, Forked
from shared.slurm import Slurm
from shared.stores import Postgres, curves_by_name, runs_in
from shared.waiting import is_training, wait_for

import seedsweep
from seedsweep.lifecycle.workers import on_workers
from seedsweep.lifecycle.workers.recording import writes_itself

Train = Callable[..., Ended]
POINT = ["name", "metric", "step", "epoch", "value"]
LOCAL = ("hydra/launcher/workers=local", "hydra.launcher.workers.count=2")
DASK = ("hydra/launcher/workers=dask", "hydra.launcher.workers.count=2")
ANEW = "tracking.reuse=false"
DEADLY = ("optimizer._target_=shared.deadly.Deadly", "trainer.max_epochs=1", "compare=false")
pytestmark = pytest.mark.slow


def swept(train: Train, *words: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs of a sweep, and their points, which are known by the runs' names."""
    ended = train("-m", "compare=false", ANEW, *words)
    assert ended.code == 0, ended.err
    return recorded()


def recorded() -> tuple[pd.DataFrame, pd.DataFrame]:
    runs = seedsweep.load_runs("latest")
    points = seedsweep.load_curves("latest").merge(runs[["run", "name"]], on="run")
    return runs, points[POINT].sort_values(POINT, ignore_index=True)


def keys(client: MlflowClient, runs: pd.DataFrame) -> list[tuple[str, str]]:
    tags = [client.get_run(run).data.tags for run in runs["run"]]
    return [(tag["seedsweep.key"], tag["seedsweep.engine"]) for tag in tags]


MIXED = ("optimizer=sgd,adam,rprop", "seed=0,1", "trainer.max_epochs=2")  # the last one trains alone


@pytest.fixture(params=["local", "dask", "slurm", "ray"])
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Two workers of each kind."""
    words = (f"hydra/launcher/workers={request.param}", "hydra.launcher.workers.count=2")
    if request.param != "slurm":
        return words
    slurm: Slurm = request.getfixturevalue("slurm")
    for name, value in slurm.environment().items():
        monkeypatch.setenv(name, value)
    return (*words, "hydra.launcher.workers.interface=lo", "hydra.launcher.workers.memory=1GB")


def test_runs_are_the_same_to_the_bit_with_workers_and_without(
    train: Train, client: MlflowClient, workers: tuple[str, ...]
) -> None:
    runs, points = swept(train, *MIXED)
    runs_of_workers, points_of_workers = swept(train, *MIXED, *workers)
    assert points_of_workers.equals(points)
    assert keys(client, runs_of_workers) == keys(client, runs)
    same = ["name", "group", "job", "outcome", "status", "optimizer.lr", "seed"]
    pd.testing.assert_frame_equal(runs_of_workers[same], runs[same])
    for one, other in zip(runs["run"], runs_of_workers["run"], strict=True):
        for left, right in zip(*(seedsweep.load_model(run).parameters() for run in (one, other)), strict=True):
            assert left.equal(right)
        tags = [client.get_run(run).data.tags for run in (one, other)]
        assert tags[0]["mlflow.source.name"] == tags[1]["mlflow.source.name"]
    seconds = runs_of_workers["seconds"]
    assert seconds.between(0, 600).all()


def test_the_parent_of_workers_writes_their_chunk_files(train: Train, client: MlflowClient, tmp_path: Path) -> None:
    runs, points = swept(train, *MIXED)
    runs_of_workers, points_of_workers = swept(train, *MIXED, *LOCAL, "tracking.detail=groups")
    assert points_of_workers.equals(points)
    same = ["name", "group", "job", "outcome", "status", "optimizer.lr", "seed"]
    pd.testing.assert_frame_equal(runs_of_workers[same], runs[same])
    assert runs_of_workers["seconds"].between(0, 600).all()
    files = list(tmp_path.glob("artifacts/*/*/artifacts/runs/*.parquet"))
    assert pd.concat(map(pd.read_parquet, files))["job"].sort_values().tolist() == [0, 1, 2, 3]  # the others alone
    assert not runs_of_workers["run"].isin([run.info.run_id for run in runs_in(client)])[:4].any()
    assert "all 6 runs are in the store" in train("-m", *MIXED, "tracking.detail=groups").out
    writes = {"postgresql+psycopg://host/store": True, "sqlite:///mlflow.db": False, "http://host": False}
    for uri, in_database in writes.items():
        assert writes_itself({"uri": uri, "detail": "runs"}) == in_database
        assert not writes_itself({"uri": uri, "detail": "groups"})


def test_a_worker_that_is_killed_costs_nothing_but_its_work(
    train: Train, client: MlflowClient, workers: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of Slurm with its job, as when its time is over."""
    words = (*DEADLY, f"+optimizer.momentum=0.5,{MOMENTUM}", "seed=range(0,12)")
    _, undisturbed = swept(train, *words)
    (tmp_path / "once").touch()
    monkeypatch.setenv(ONCE, str(tmp_path / "once"))
    ended = train("-m", ANEW, *words, *workers)
    assert ended.code == 0, ended.err
    assert not (tmp_path / "once").exists()
    runs, points = recorded()
    assert points.equals(undisturbed)
    assert sorted(runs["job"]) == list(range(24))
    assert len({key for key, _ in keys(client, runs)}) == 24


@pytest.mark.parametrize("workers", [LOCAL, DASK], ids=["local", "dask"])
def test_a_run_that_ends_every_worker_has_failed_and_the_others_finish(
    train: Train, client: MlflowClient, workers: tuple[str, ...]
) -> None:
    momenta = f"+optimizer.momentum=0.5,{MOMENTUM},0.75"
    ended = train("-m", *DEADLY, momenta, *workers, "hydra.launcher.workers.retries=2")
    assert ended.code == 1
    assert "1 of 3 runs failed" in ended.err
    assert "2 workers that trained it died" in ended.err
    outcomes = {run.data.params["optimizer.momentum"]: run.data.tags["seedsweep.outcome"] for run in runs_in(client)}
    assert outcomes == {"0.5": "finished", str(MOMENTUM): "failed", "0.75": "finished"}
    (failed,) = (run for run in runs_in(client) if run.info.status == "FAILED")
    text = Path(client.download_artifacts(failed.info.run_id, "traceback.txt")).read_text()
    assert "for lack of memory" in text


@pytest.fixture
def long_sweep(uri: str) -> Iterator[Forked]:
    """A sweep whose workers are training."""
    command = ("-m", *ENDLESS, "seed=range(0,6)", "hydra.sweep.dir=here", *LOCAL)
    process = start(*command)
    try:
        wait_for(lambda: is_training(Path("here")) or process.poll() is not None, PATIENCE)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)], ids=["INT", "TERM", "KILL"]
)
def test_workers_end_with_the_sweep(long_sweep: Forked, number: signal.Signals, code: int) -> None:
    workers = psutil.Process(long_sweep.pid).children(recursive=True)
    assert len(workers) >= 2
    long_sweep.send_signal(number)
    out, err = long_sweep.communicate(timeout=PATIENCE)
    assert long_sweep.returncode == code, err
    assert "Traceback" not in out + err
    _, left = psutil.wait_procs(workers, PATIENCE)
    assert left == []


def test_workers_write_to_postgresql_themselves(
    train: Train, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, points = swept(train, *MIXED)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres.copy())
    sent: list[Any] = []
    keep = on_workers.keep
    monkeypatch.setattr(on_workers, "keep", lambda jobs, trained: sent.extend(trained) or keep(jobs, trained))
    runs, points_of_workers = swept(train, *MIXED, *LOCAL)
    assert sent == []
    assert points_of_workers.equals(points)
    assert runs["outcome"].tolist() == ["finished"] * 6


def test_seeds_are_bought_on_workers_as_without(train: Train, client: MlflowClient) -> None:
    sure = ("hydra/sweeper=until_sure", "hydra.sweeper.max_seeds=15", "hydra.sweeper.confirm_seeds=2")
    cells = ("optimizer=sgd,adam", "optimizer.lr=0.1,0.3", "trainer.max_epochs=1")
    for words in ((), LOCAL):
        ended = train("-m", ANEW, *sure, *cells, *words)
        assert ended.code == 0, ended.err
    other, one = (sweep.data.tags["seedsweep.answer"] for sweep in runs_in(client, "sweep"))
    assert one == other
    first, second = (curves_by_name(sweep.info.run_id) for sweep in runs_in(client, "sweep"))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
