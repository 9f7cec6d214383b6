"""Whatever kills a sweep at whatever moment: the same command ends it, with every run once and to the bit."""

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from shared.killed import Died, Forks
from shared.stores import runs_in

import seedsweep

SMALL = ("trainer.max_epochs=2", "optimizer=sgd,adam", "seed=0,1", "compare=false")
SWEEPS = {
    "fleets": (*SMALL, "trainer.max_members=3"),
    "the reference engine": (*SMALL, "trainer.engine=lightning"),
    "a function": (),
}
POINT = ["name", "metric", "step", "epoch", "value"]


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(
    request: pytest.FixtureRequest, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """Makes empty stores in either database; the artifacts are beside the test."""
    monkeypatch.setenv("SEEDSWEEP_HOME", str(tmp_path))
    number = itertools.count()

    def copied() -> str:
        (folder := tmp_path / str(next(number))).mkdir()
        shutil.copy(empty_store, folder / "mlflow.db")
        return f"sqlite:///{folder}/mlflow.db"

    return copied if request.param == "sqlite" else request.getfixturevalue("postgres").copy


def curves(uri: str) -> pd.DataFrame:
    """The points of the newest sweep's runs, known by the runs' names."""
    runs = seedsweep.load_runs("latest", uri)
    points = seedsweep.load_curves("latest", uri).merge(runs[["run", "name"]], on="run")
    return points[POINT].sort_values(POINT, ignore_index=True)


def check_once(uri: str, ended: Died, undisturbed: pd.DataFrame) -> None:
    """The store has one sweep that finished, each run of its plan once, and the curves of one that nobody killed."""
    assert ended.code == 0, ended.out
    client = MlflowClient(uri)
    (parent,) = runs_in(client, "sweep")
    runs = runs_in(client)
    assert {parent.info.status, *(run.info.status for run in runs)} == {"FINISHED"}
    keys = Counter(run.data.tags["seedsweep.key"] for run in runs)
    assert set(keys.values()) == {1}
    assert len(keys) == int(parent.data.tags["seedsweep.planned"]) == int(parent.data.tags["seedsweep.finished"])
    assert curves(uri).equals(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("words", SWEEPS.values(), ids=SWEEPS)
def test_a_sweep_that_was_killed_is_complete_once(
    forks: Forks, new_store: Callable[[], str], words: tuple[str, ...]
) -> None:
    plain = new_store()
    whole = forks.sweep(plain, *words)
    check_once(plain, whole, undisturbed := curves(plain))
    killed = 0
    for fraction in (0.1, 0.3, 0.5, 0.7, 0.9):
        store = new_store()
        for at in (fraction * whole.events, whole.events / 3):
            killed += forks.sweep(store, *words, at=int(at)).killed
        check_once(store, forks.sweep(store, *words), undisturbed)
    assert killed >= 5
