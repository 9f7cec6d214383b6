"""What was recorded before the modules moved loads, compares and goes on after it, with the keys that it had.

`recorded/make_recorded.py` made the fixtures with the code of the commit before.
"""

import gzip
import json
import re
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import runs_in

import seedsweep

RECORDED = Path(__file__).parent / "recorded"
EXPECTED: dict[str, Any] = json.loads((RECORDED / "expected.json").read_text())
KEYS = {  # literal, so that nobody changes them with the fixtures
    "iris adam": "dfa928a918f960cb",
    "breast cancer sgd": "7616223085c77334",
    "digits mlp": "95c7ea10d8661f37",
    "quadratic": "302d96fd6b38c364",
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stores of before, with their artifacts, in a folder of their own; where new runs go, too."""
    folder = tmp_path / "before"
    folder.mkdir()
    for name in ("mlflow", "optuna"):
        dump = gzip.decompress((RECORDED / f"{name}.sql.gz").read_bytes()).decode()
        with sqlite3.connect(folder / f"{name}.db") as database:
            database.executescript(dump.replace("@FOLDER@", str(folder)))
        database.close()
    with tarfile.open(RECORDED / "artifacts.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    monkeypatch.chdir(folder)
    return f"sqlite:///{folder}/mlflow.db"


@pytest.mark.parametrize("name", KEYS)
def test_keys_of_runs_are_what_they_were(name: str, train: Callable[..., Ended], client: MlflowClient) -> None:
    assert train(*EXPECTED["keys"][name]["overrides"]).code == 0
    (run,) = runs_in(client)
    assert run.data.tags["seedsweep.key"] == KEYS[name] == EXPECTED["keys"][name]["key"]


def test_runs_and_curves_are_read_as_before(store: str) -> None:
    expected = pd.DataFrame(EXPECTED["runs"])
    runs = seedsweep.load_runs()[list(expected.columns)]
    order = ["run", "name"]
    pd.testing.assert_frame_equal(
        runs.sort_values(order, ignore_index=True),
        expected.sort_values(order, ignore_index=True),
        check_dtype=False,
        check_column_type=False,
    )
    assert seedsweep.load_curves(EXPECTED["fleet"])["value"].tolist() == EXPECTED["curves"]


def test_what_was_recorded_before_is_not_trained_again(store: str, train: Callable[..., Ended]) -> None:
    words = ("-m", "data=iris", "model=softmax_regression", "trainer.max_epochs=2", "optimizer=sgd,adam")
    ended = train(*words, f"tracking.uri={store}", "seed=range(0,9)", "compare=true")
    assert ended.code == 0, ended.err
    assert "16 of 18 runs are in the store; training 2" in ended.out
    then, now = (
        seedsweep.load_curves(sweep, store)
        .merge(seedsweep.load_runs(sweep, store)[["run", "name"]], on="run")
        .drop(columns="run")
        for sweep in (EXPECTED["fleet"], "latest")
    )
    assert len(then.merge(now)) == len(then)


def test_weights_give_the_outputs_that_they_gave(store: str) -> None:
    inputs = torch.linspace(0, 8, 12).reshape(3, 4)
    engines = set()
    for run, outputs in EXPECTED["outputs"].items():
        torch.testing.assert_close(seedsweep.load_model(run)(inputs), torch.tensor(outputs), rtol=1e-6, atol=1e-6)
        engines.add(MlflowClient(store).get_run(run).data.tags["seedsweep.engine"])
    assert engines == {"fleet", "lightning"}


def test_a_sweep_of_before_is_compared_alone_and_with_one_of_now(
    train: Callable[..., Ended], compare: Callable[..., Ended], store: str
) -> None:
    runs, curves = seedsweep.load_runs(EXPECTED["fleet"]), seedsweep.load_curves(EXPECTED["fleet"])
    (verdict,), (sentence,) = seedsweep.compare(runs, curves).verdicts, EXPECTED["sentences"]
    numbers = [f"{number:.3f}" for number in (verdict.difference, verdict.low, verdict.high, verdict.p)]
    assert re.findall(r"[\d.]+\d", sentence) == numbers
    assert verdict.winner == sentence.split()[0]
    words = ("data=iris", "model=softmax_regression", "trainer.max_epochs=2", "optimizer=sgd,adam")
    assert train("-m", *words, "seed=range(8,12)", "compare=false").code == 0
    ended = compare(f"sweep=[{EXPECTED['fleet'][:8]},latest]", "figures=null")
    assert ended.code == 0, ended.err
    assert "24 runs" in ended.out
    assert "adam wins" in ended.out


def test_a_study_of_before_is_complete_and_goes_on(train: Callable[..., Ended], store: str) -> None:
    ended = train(*EXPECTED["search"])
    assert ended.code == 0, ended.err
    assert confirmed(ended.out) == confirmed(EXPECTED["again"])
    before = trial_values(store)
    assert len(before) == EXPECTED["trials"]
    more = [word.replace("n_trials=4", "n_trials=6") for word in EXPECTED["search"]]
    assert train(*more).code == 0
    assert len(trial_values(store)) == 6
    assert trial_values(store)[:4] == before


def trial_values(store: str) -> list[list[float]]:
    """The values of the study's trials, by Optuna itself."""
    study = optuna.load_study(study_name="recorded", storage=store.replace("mlflow.db", "optuna.db"))
    return [trial.values for trial in study.trials]


def confirmed(printed: str) -> list[str]:
    """What is said of the confirmed trials."""
    return [line for line in printed.splitlines() if line.startswith(("Confirmed", "Search"))]
