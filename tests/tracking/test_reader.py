"""Runs and curves as they are read, in one table or in several."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import runs_in

import seedsweep
from seedsweep.errors import ConfigError
from seedsweep.tracking import reader as reading
from seedsweep.tracking.parquet import write_runs


def test_curves_are_tidy(train: Callable[..., Ended], uri: str) -> None:
    train("-m", "seed=0,1", "trainer.max_epochs=2")
    curves = seedsweep.load_curves("latest")
    assert list(curves) == ["run", "metric", "step", "epoch", "value"]
    counts = curves.groupby("metric").size().to_dict()
    assert counts == {
        "train/loss": 4,
        "train/accuracy": 4,
        "val/loss": 4,
        "val/accuracy": 4,
        "test/loss": 2,
        "test/accuracy": 2,
        "train/loss_step": 2,
    }
    assert curves["epoch"].tolist() == (curves["step"] // 26).tolist()


def test_runs_are_numbers_where_params_are(train: Callable[..., Ended], uri: str) -> None:
    train("-m", "optimizer.lr=0.1,1e-3", "trainer.max_epochs=1")
    runs = seedsweep.load_runs()
    assert runs["optimizer.lr"].tolist() == [0.1, 0.001]
    assert runs["seed"].dtype.kind == "i"
    assert runs["optimizer"].tolist() == ["sgd", "sgd"]
    assert runs["data.positive_class"].isna().all()


def test_unknown_sweep_is_answered_with_those_there_are(train: Callable[..., Ended], uri: str) -> None:
    with pytest.raises(ConfigError, match="there are no sweeps yet"):
        seedsweep.load_runs("latest")
    train("-m", "seed=0,1", "trainer.max_epochs=1")
    with pytest.raises(ConfigError, match=r"sweep=foo: no such sweep; the newest are \w+ \(seed=0,1"):
        seedsweep.load_curves("foo")


def test_table_in_parts_has_the_missing_runs_in_their_places(
    train: Callable[..., Ended], client: MlflowClient, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "long" * 2000  # more than MLflow takes
    (tmp_path / "noted.yaml").write_text(f"defaults: [config, _self_]\nseconds: 60\nnote: {long}")
    noted = ("-cd", str(tmp_path), "-cn", "noted")
    assert train("-m", *noted, "optimizer=sgd,adam", "seed=range(0,4)", "trainer.max_epochs=1").code == 0
    for run in runs_in(client):
        if run.data.tags["seedsweep.job"] in ("0", "3", "4", "5"):
            client.delete_run(run.info.run_id)
    monkeypatch.setattr(reading, "RUNS", 2)
    whole = reading.load_runs("latest", uri)
    whole.to_parquet(tmp_path / "whole.parquet", index=False)
    write_runs(reading.stream_runs("latest", uri), tmp_path / "parts.parquet")
    assert whole["job"].tolist() == list(range(8))
    pd.testing.assert_frame_equal(*(pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("parts", "whole")))


def test_a_sweep_whose_artifacts_were_cleaned_away_is_compared_from_the_database(
    train: Callable[..., Ended], compare: Callable[..., Ended], uri: str, tmp_path: Path
) -> None:
    train("-m", "optimizer=sgd,adam", "seed=0,1", "trainer.max_epochs=1")
    shutil.rmtree(tmp_path / "artifacts")
    ended = compare()
    assert ended.code == 0, ended.err
    assert "two seeds are too few" in ended.out


def test_metrics_that_others_log_to_a_run_later_are_read_as_they_are(
    train: Callable[..., Ended], client: MlflowClient
) -> None:
    train("-m", "seed=0", "trainer.max_epochs=2")
    (run,) = runs_in(client)
    client.log_metric(run.info.run_id, "theirs", 1.5, step=7)
    curves = seedsweep.load_curves("latest").set_index("metric")
    assert curves.loc["theirs", ["step", "epoch", "value"]].tolist() == [7, 0, 1.5]
    assert curves.loc["val/loss", "epoch"].tolist() == [0, 1]
