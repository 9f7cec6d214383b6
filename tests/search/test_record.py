"""What a search leaves in MLflow, also when it is killed."""

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import optuna
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState
from shared.commands import start
from shared.killed import sweep_until
from shared.searches import OPTIMIZERS, PER, RATES, SMALL, Train, artifact, runs_of, studies
from shared.stores import runs_in


def test_search_is_kept_as_tables_tags_and_a_metric_of_its_parent_run(
    train: Train, client: MlflowClient, tmp_path: Path
) -> None:
    ended = train(*PER, OPTIMIZERS, *SMALL, "hydra.sweeper.n_jobs=1")
    (sweep,) = runs_in(client, "sweep")
    trials = artifact(client, "trials.csv", tmp_path)
    assert trials["state"].tolist() == ["finished"] * 4
    assert trials.groupby("option").size().to_dict() == {"sgd": 2, "adam": 2}
    groups = {run.data.tags["seedsweep.group"] for run in runs_in(client)}
    assert set(trials["group"]) == groups
    best = trials.loc[trials["value"].idxmin()]
    assert sweep.data.tags["seedsweep.best_params"] == f"{best['option']} optimizer.lr={best['optimizer.lr']:.4g}"
    history = client.get_metric_history(sweep.info.run_id, "best_value")
    assert [point.step for point in history] == [2, 4]
    assert history[-1].value == pytest.approx(trials["value"].min())
    kept = {
        (run.data.tags["seedsweep.study"], run.data.tags["seedsweep.trial"]): run for run in runs_in(client, "trial")
    }
    for row in trials.to_dict("records"):
        run = kept.pop((row["study"], str(row["number"])))
        assert run.data.metrics["value"] == pytest.approx(row["value"])
        assert float(run.data.params["optimizer.lr"]) == row["optimizer.lr"]
        assert (run.data.tags["seedsweep.group"], run.data.tags["seedsweep.state"]) == (row["group"], "finished")
        assert (run.info.status, run.data.tags["mlflow.parentRunId"]) == ("FINISHED", sweep.info.run_id)
    assert not kept
    page = re.search(r"The report: (.*)", ended.out)
    assert page
    assert "sgd" in Path(page[1]).read_text()
    assert f"optuna-dashboard sqlite:///{tmp_path}/optuna.db" in ended.out


@pytest.mark.slow
def test_killed_search_is_ended_and_finished_by_the_next(tmp_path: Path, client: MlflowClient, uri: str) -> None:
    store = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    search = (*PER, OPTIMIZERS, "hydra.sweeper.n_trials=6", "hydra.sweeper.seeds=2", "hydra.sweeper.n_jobs=1")
    process = start(*search, cwd=tmp_path, env=os.environ | store)
    while process.poll() is None and not trials_of(client):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (left,) = runs_in(client, "sweep")
    assert left.info.status == "RUNNING"
    again = start(*search, cwd=tmp_path, env=os.environ | store)
    _, err = again.communicate()
    assert again.returncode == 0, err
    for study in studies(tmp_path).values():
        counted = [trial for trial in study.trials if "seedsweep.unused" not in trial.user_attrs]
        assert [trial.state for trial in counted] == [TrialState.COMPLETE] * 6
        jobs = [job for trial in counted for job in runs_of(trial)]
        assert len(jobs) == len(set(jobs))
    (ended,) = runs_in(client, "sweep")
    assert {ended.info.status, *(run.info.status for run in runs_in(client))} == {"FINISHED"}
    keys = {run.data.tags["seedsweep.key"] for run in runs_in(client)}
    assert len(keys) == len(runs_in(client)) == int(ended.data.tags["seedsweep.planned"])
    assert json.loads(left.data.tags["seedsweep.owner"])["pid"] == process.pid


@pytest.mark.slow
def test_a_search_that_was_killed_anywhere_tells_its_trials_what_their_runs_gave(
    tmp_path: Path, empty_store: Path
) -> None:
    words = ("hydra/sweeper=optuna", "optimizer=adam", RATES, "trainer.max_epochs=1", "hydra.sweeper.seeds=2")
    words += ("hydra.sweeper.n_trials=6", "hydra.sweeper.confirm=2", "hydra.sweeper.sampler.seed=1")
    store = f"sqlite:///{shutil.copy(empty_store, tmp_path / 'whole.db')}"
    whole, killed = sweep_until(tmp_path, store, *words, *storage(tmp_path, 0)), 0
    for number, fractions in enumerate(((0.4, 0.2), (0.7, 0.2), (0.95, 0.1)), 1):
        store = f"sqlite:///{shutil.copy(empty_store, tmp_path / f'{number}.db')}"
        more = (*words, *storage(tmp_path, number))
        for fraction in fractions:
            killed += sweep_until(tmp_path, store, *more, at=int(fraction * whole.events)).killed
        assert (last := sweep_until(tmp_path, store, *more)).code == 0, last.out
        check_search(MlflowClient(store), tmp_path / f"{number}.optuna")
    assert killed >= 5


def storage(folder: Path, number: int) -> tuple[str, str]:
    return f"hydra.sweeper.storage=sqlite:///{folder}/{number}.optuna", "hydra.sweeper.study_name=one"


def check_search(client: MlflowClient, storage: Path) -> None:
    """The one sweep is complete, and every trial has the mean of what its runs have in the store."""
    (sweep,) = runs_in(client, "sweep")
    runs = runs_in(client)
    assert {sweep.info.status, *(run.info.status for run in runs)} == {"FINISHED"}
    keys = {run.data.tags["seedsweep.key"] for run in runs}
    assert len(keys) == len(runs) == int(sweep.data.tags["seedsweep.planned"])
    assert "report" in {file.path for file in client.list_artifacts(sweep.info.run_id)}
    values: dict[float, list[float]] = {}
    for run in runs:
        if int(run.data.params["seed"]) < 2:
            values.setdefault(float(run.data.params["optimizer.lr"]), []).append(run.data.metrics["val/loss"])
    trials = [
        trial
        for trial in optuna.load_study(study_name="one", storage=f"sqlite:///{storage}").trials
        if trial.state == TrialState.COMPLETE
    ]
    assert len(trials) == 6
    for trial in trials:
        assert trial.value == pytest.approx(np.mean(values[trial.params["optimizer.lr"]]), rel=1e-12)


def trials_of(client: MlflowClient) -> str | None:
    return next((run.data.tags.get("seedsweep.best_value") for run in runs_in(client, "sweep")), None)
