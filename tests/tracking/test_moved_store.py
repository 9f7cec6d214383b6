"""A store that is moved or copied with its folder is read where it is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import runs_in

import seedsweep

Train = Callable[..., Ended]
SWEEP = ("-m", "optimizer=sgd,adam", "seed=0,1", "trainer.max_epochs=1", "compare=false")


@pytest.fixture
def store(train: Train, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a store with a sweep."""
    folder = tmp_path / "first"
    folder.mkdir()
    shutil.copy(empty_store, folder / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert train(*SWEEP, f"tracking.uri=sqlite:///{folder}/mlflow.db").code == 0
    return folder


def test_a_store_that_was_moved_has_its_artifacts_beside_it(store: Path, train: Train, tmp_path: Path) -> None:
    moved = store.rename(tmp_path / "moved")
    uri = f"sqlite:///{moved}/mlflow.db"
    runs = seedsweep.load_runs("latest", uri)
    assert runs["outcome"].tolist() == ["finished"] * 4
    assert list(seedsweep.load_model(runs["run"][0], uri).parameters())
    ended = train(*SWEEP, f"tracking.uri={uri}", "seed=0,1,2")
    assert "4 of 6 runs are in the store; training 2" in ended.out
    assert not store.exists()


def test_a_copy_of_a_store_leaves_the_first_one_alone(store: Path, train: Train, tmp_path: Path) -> None:
    before = sorted(store.rglob("*"))
    copy = shutil.copytree(store, tmp_path / "copy")
    uri = f"sqlite:///{copy}/mlflow.db"
    assert train(*SWEEP, f"tracking.uri={uri}", "seed=2").code == 0
    assert sorted(store.rglob("*")) == before
    for run in runs_in(MlflowClient(uri)):
        assert run.info.artifact_uri.startswith(copy.as_uri())


def test_a_store_behind_a_link_keeps_its_addresses(store: Path, tmp_path: Path) -> None:
    before = [run.info.artifact_uri for run in runs_in(MlflowClient(f"sqlite:///{store}/mlflow.db"))]
    (tmp_path / "link").symlink_to(store)
    uri = f"sqlite:///{tmp_path}/link/mlflow.db"
    assert len(seedsweep.load_runs("latest", uri)) == 4
    assert [run.info.artifact_uri for run in runs_in(MlflowClient(uri))] == before
