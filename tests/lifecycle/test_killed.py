"""Whatever kills a sweep at whatever moment: the same command ends it, with every run once and to the bit."""

import itertools
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from shared.commands import start
from shared.killed import SWEEPS, Died, check_once, curves, sweep_until
from shared.stores import runs_in
from shared.waiting import wait_for


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


@pytest.mark.slow
def test_a_sweep_whose_workers_were_killed_is_complete_once(tmp_path: Path, empty_store: Path) -> None:
    words = ("trainer.max_epochs=2", "optimizer=sgd,adam", "seed=0,1,2", "compare=false")
    stores = [f"sqlite:///{shutil.copy(empty_store, tmp_path / name)}" for name in ("plain.db", "killed.db")]
    whole = sweep_until(tmp_path, stores[0], *words, "trainer.engine=lightning")
    check_once(stores[0], whole, undisturbed := curves(stores[0]))
    joblib = ("-m", *words, "trainer.engine=lightning", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    options: dict[str, Any] = {"env": os.environ | {"MLFLOW_TRACKING_URI": stores[1]}, "start_new_session": True}
    client, groups = MlflowClient(stores[1]), []
    for finished, kill in ((1, os.killpg), (3, os.kill)):  # all of its processes; only the first, and workers go on
        with start(*joblib, cwd=tmp_path, **options) as process:
            groups.append(process.pid)
            wait_for(lambda finished=finished: count_finished(client) >= finished)
            kill(process.pid, signal.SIGKILL)
    last = start(*joblib, cwd=tmp_path, **options)
    out, err = last.communicate()
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    check_once(stores[1], Died(False, last.returncode, 0, out + err), undisturbed)


def count_finished(client: MlflowClient) -> int:
    return sum(run.info.status == "FINISHED" for run in runs_in(client))


@pytest.mark.slow
@pytest.mark.parametrize("words", SWEEPS.values(), ids=SWEEPS)
def test_a_sweep_that_was_killed_is_complete_once(
    tmp_path: Path, new_store: Callable[[], str], words: tuple[str, ...]
) -> None:
    plain = new_store()
    whole = sweep_until(tmp_path, plain, *words)
    check_once(plain, whole, undisturbed := curves(plain))
    killed = 0
    for fraction in (0.1, 0.3, 0.5, 0.7, 0.9):
        store = new_store()
        for at in (fraction * whole.events, whole.events / 3):
            killed += sweep_until(tmp_path, store, *words, at=int(at)).killed
        check_once(store, sweep_until(tmp_path, store, *words), undisturbed)
    assert killed >= 5
