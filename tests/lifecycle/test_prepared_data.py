"""What was done to a table stands in the store, where a reader of MLflow sees it."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import runs_in

SAID = "separated by semicolons; decimal commas in a"


@pytest.fixture
def overrides(tmp_path: Path) -> list[str]:
    """Of a file with semicolons and decimal commas."""
    frame = pd.DataFrame({"a": [row + 0.5 for row in range(40)], "y": [0, 1] * 20})
    frame.to_csv(tmp_path / "mine.csv", index=False, sep=";", decimal=",")
    return ["data=table", "data.path=mine.csv", "data.target=y", "trainer.max_epochs=1"]


def test_a_sweep_says_what_was_done_to_its_table(
    train: Callable[..., Ended], client: MlflowClient, overrides: list[str]
) -> None:
    assert train("-m", *overrides, "seed=0,1").code == 0
    (sweep,) = runs_in(client, "sweep")
    assert sweep.data.tags["seedsweep.prepared"] == f"mine: {SAID}"
    assert "seedsweep.prepared" not in runs_in(client)[0].data.tags


def test_a_single_run_says_it_itself(train: Callable[..., Ended], client: MlflowClient, overrides: list[str]) -> None:
    assert train(*overrides).code == 0
    assert runs_in(client)[0].data.tags["seedsweep.prepared"] == SAID
