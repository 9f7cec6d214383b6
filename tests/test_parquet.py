"""Tables that are written in parts are those that would be written at once."""

from pathlib import Path

import pandas as pd

from seedsweep.parquet import write_runs

ABOUT = {"name": "a", "group": "g", "sweep": "s", "job": 0, "outcome": "finished", "status": "FINISHED"}
ABOUT |= {"run": "r", "started": pd.Timestamp(0, unit="ms", tz="UTC"), "seconds": 1.0, "fingerprint": "f"}


def written(folder: Path, *parts: dict[str, object]) -> pd.DataFrame:
    write_runs((pd.DataFrame([ABOUT | part]) for part in parts), folder / "runs.parquet")
    return pd.read_parquet(folder / "runs.parquet")


def test_column_of_whole_and_other_numbers_has_numbers(tmp_path: Path) -> None:
    assert written(tmp_path, {"model.init": 1}, {"model.init": 0.5})["model.init"].tolist() == [1.0, 0.5]


def test_column_that_some_parts_lack_is_empty_there(tmp_path: Path) -> None:
    found = written(tmp_path, {"optimizer.lr": 0.1}, {"val/loss": 0.5}, {"optimizer.lr": 0.2, "val/loss": 1.0})
    assert found["optimizer.lr"].isna().tolist() == [False, True, False]
    assert found["val/loss"].isna().tolist() == [True, False, False]
    assert list(found)[-2:] == ["optimizer.lr", "val/loss"]


def test_column_of_numbers_and_texts_has_texts(tmp_path: Path) -> None:
    assert written(tmp_path, {"a": 1}, {"a": "no"}, {"a": 0.5})["a"].tolist() == ["1", "no", "0.5"]
    assert written(tmp_path, {"a": True}, {"a": "no"}, {"a": None})["a"].tolist()[:2] == ["true", "no"]


def test_moments_keep_their_zone(tmp_path: Path) -> None:
    assert written(tmp_path, {}, {})["started"].tolist() == [ABOUT["started"]] * 2
