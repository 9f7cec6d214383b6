"""Disks that are full or cannot be written: one message, and everything written before is kept."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import runs_in

Train = Callable[..., Ended]
SWEEP = ("-m", "optimizer=sgd,adam", "trainer.max_epochs=1", "compare=false")
pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of three megabytes with a new store."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = shutil.which("mount") and os.getuid() == 0
    if not made or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=False).returncode:
        pytest.skip("a disk of its own needs the right to mount one")
    try:
        shutil.copy(empty_store, folder / "mlflow.db")
        (folder / "artifacts").mkdir()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        yield folder
    finally:
        monkeypatch.chdir(tmp_path)
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def assert_one_message(ended: Ended, said: str) -> None:
    assert ended.code == 1
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert "[SQL" not in ended.err


@pytest.mark.parametrize("words", [(*SWEEP, "seed=0,1"), ("trainer.max_epochs=1",)], ids=["sweep", "run"])
def test_a_disk_that_is_full_from_the_start_is_said_in_a_line(
    uri: str, disk: Path, train: Train, words: tuple[str, ...]
) -> None:
    fill(disk)
    assert_one_message(train(*words), "database or disk is full")
    (disk / "filling").unlink()
    assert not runs_in(MlflowClient(f"sqlite:///{disk}/mlflow.db"))
    assert train(*words).code == 0


def test_what_was_written_before_a_disk_was_full_is_kept(uri: str, disk: Path, train: Train) -> None:
    assert train(*SWEEP, "seed=0,1").code == 0
    assert_one_message(train(*SWEEP, "seed=range(0,300)"), "database or disk is full")
    store = MlflowClient(f"sqlite:///{disk}/mlflow.db")
    assert [run.info.status for run in runs_in(store)] == ["FINISHED"] * 8, (
        "the four, and the copies of the larger sweep"
    )
    subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
    ended = train(*SWEEP, "seed=range(0,300)")
    assert "4 of 600 runs are in the store; training 596" in ended.out
    assert ended.code == 0


@pytest.mark.parametrize("words", [(*SWEEP, "seed=0,1"), ("trainer.max_epochs=1",)], ids=["sweep", "run"])
def test_a_store_on_a_disk_that_is_read_only_is_named(
    uri: str, disk: Path, train: Train, words: tuple[str, ...]
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert_one_message(train(*words), f"tracking.uri=sqlite:///{disk}/mlflow.db: cannot be written: ")


@pytest.mark.parametrize("words", [(*SWEEP, "seed=0,1"), ("trainer.max_epochs=1",)], ids=["sweep", "run"])
def test_a_working_directory_that_is_read_only_is_named(
    uri: str, disk: Path, train: Train, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.chdir(disk)
    assert_one_message(train(*words), "cannot be written: ")
