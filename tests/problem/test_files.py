"""Files that people bring."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import ScikitLearn
from seedsweep.problem.files import File
from seedsweep.problem.splits import prepare
from seedsweep.sources.files import runs_of_files
from seedsweep.sources.recorded_runs import Named


def arrays(folder: Path, **values: np.ndarray) -> File:
    np.savez(folder / "mine.npz", **values)  # type: ignore[arg-type]
    return File(name="mine", path=str(folder / "mine.npz"), target="y")


def test_images_in_an_npz_are_flattened_row_by_row(tmp_path: Path) -> None:
    bunch = load_digits()
    table = arrays(tmp_path, X=bunch.images, y=bunch.target).read()
    np.testing.assert_array_equal(table.features, bunch.data)
    assert table.feature_names[:2] == ("X0", "X1")
    np.testing.assert_array_equal(table.target, bunch.target)


def test_arrays_of_an_npz_are_split_as_the_same_rows_are_elsewhere(tmp_path: Path) -> None:
    bunch = load_digits()
    ours = prepare(arrays(tmp_path, X=bunch.images, y=bunch.target)).train.tensors
    theirs = prepare(ScikitLearn(name="digits", loader="digits")).train.tensors
    assert all(map(np.array_equal, ours, theirs))


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({"X": np.zeros((4, 2)), "y": np.arange(3)}, r"must have as many rows; they are X \(4, 2\), y \(3,\)"),
        ({"X": np.zeros((4, 2)), "y": np.array(3)}, "must have as many rows"),
        ({"X": np.zeros((4, 2)), "X1": np.zeros(4), "y": np.arange(4)}, "two of its arrays make a column X1"),
        ({"X": np.zeros((4, 2)), "y": np.array([{}, 1, 2, 3], dtype=object)}, "allow_pickle=False"),
        ({"X": np.zeros((4, 2)), "z": np.arange(4)}, "data.target=y: no such column; there are X0, X1, z"),
        ({"X": np.zeros((0, 2)), "y": np.arange(0)}, "has no rows"),
    ],
)
def test_arrays_that_are_no_table_are_refused(values: dict[str, np.ndarray], allowed: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=allowed):
        arrays(tmp_path, **values).read()


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.npz").write_bytes(b"PK no archive")
    with pytest.raises(ConfigError, match="is no CSV, Parquet or NumPy table"):
        File(name="mine", path=str(tmp_path / "mine.npz"), target="y").read()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: os.mkfifo(path), "is a pipe, a device or the like"),
        (lambda path: path.symlink_to("/dev/zero"), "is a pipe, a device or the like"),
        (lambda path: path.symlink_to("/dev/tty"), "is a pipe, a device or the like"),
        (lambda path: path.symlink_to("/proc/kmsg"), "is empty"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.touch(), "is empty"),
        (lambda path: path.symlink_to("nowhere"), "no such file"),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.npz"])
def test_what_has_no_end_is_refused_and_not_waited_for(
    tmp_path: Path, make: Callable[[Path], None], said: str, name: str
) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(ConfigError, match=f"data.path=.*: {said}"):
        File(name="t", path=str(path), target="y").read()
    if name != "t.npz" and not path.is_dir() and path.exists():
        for asked in (path, tmp_path):
            with pytest.raises(ConfigError, match=f"runs=.*: {said}"):
                runs_of_files(str(asked), Named())
