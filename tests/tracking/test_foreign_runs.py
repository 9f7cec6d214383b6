"""Experiments of MLflow that others recorded, by MLflow's own interface."""

import math

import pytest
from mlflow import MlflowClient
from shared.foreign import results

from seedsweep.errors import ConfigError
from seedsweep.sources.mlflow_experiment import runs_of_experiment
from seedsweep.sources.prepared import Prepared, prepared
from seedsweep.sources.recorded_runs import Named
from seedsweep.tracking.foreign_runs import is_foreign, read_foreign_curves, read_foreign_runs


def record(client: MlflowClient, name: str = "mnist", history: int = 2) -> str:
    """A run for each of the results, nested in one for each optimizer, which has the param `optim`; its experiment."""
    experiment = str(client.create_experiment(name))
    parents: dict[str, str] = {}
    for number, run in enumerate(results(seeds=6).to_dict("records")):
        if run["optim"] not in parents:
            parent = client.create_run(experiment).info.run_id
            client.log_param(parent, "optim", run["optim"])
            client.set_terminated(parent)
            parents[run["optim"]] = parent
        tags = {"mlflow.parentRunId": parents[run["optim"]]}
        run_id = client.create_run(experiment, start_time=number, tags=tags).info.run_id
        for key, value in {"learning_rate": run["lr"], "random_state": run["random_state"], "epochs": 3}.items():
            client.log_param(run_id, key, value)
        for step in range(history):
            client.log_metric(run_id, "val_acc", run["accuracy"] - 0.1 * (history - 1 - step), step=step)
        client.set_terminated(run_id)
    return experiment


def ready(uri: str, **names: object) -> Prepared:
    question = {"metric": "val_acc"} | names
    named = Named("val_acc", question.get("by"), question.get("at"), question.get("seeds"))  # type: ignore[arg-type]
    question.pop("seeds", None)
    return prepared(runs_of_experiment(uri, "mnist", named), question, named, None)


def test_an_experiment_of_others_is_compared(uri: str, client: MlflowClient) -> None:
    record(client)
    assert is_foreign(uri, "mnist")
    assert not is_foreign(uri, "no such")
    foreign = ready(uri)
    assert (foreign.question["by"], foreign.question["at"]) == ("optim", ["learning_rate"])
    assert len(foreign.runs) == 24
    assert foreign.curves is not None
    assert len(foreign.curves) == 48
    assert "left out: 2 runs that others are nested in, without val_acc" in foreign.lines
    assert "params of the runs that they are nested in: optim" in foreign.lines


def test_status_and_last_value_give_the_outcome(uri: str, client: MlflowClient) -> None:
    experiment = record(client)
    runs = list(client.search_runs([experiment], "metrics.val_acc > 0", order_by=["attributes.start_time"]))
    for run, status in zip(runs, ("FAILED", "KILLED", "RUNNING", "SCHEDULED"), strict=False):
        client.update_run(run.info.run_id, status)
    client.log_metric(runs[4].info.run_id, "val_acc", math.nan, step=9)
    client.log_metric(runs[5].info.run_id, "val_acc", -math.inf, step=9)
    outcomes = dict(zip(ready(uri).runs["run"], ready(uri).runs["outcome"], strict=True))
    assert [outcomes[run.info.run_id] for run in runs[:7]] == [
        *("failed", "failed", "missing", "missing"),
        *("diverged", "diverged", "finished"),
    ]


def test_a_run_that_was_made_again_counts_once(uri: str, client: MlflowClient) -> None:
    experiment = record(client)
    first = client.search_runs([experiment], "metrics.val_acc > 0", order_by=["attributes.start_time"])[0]
    again = client.create_run(
        experiment, tags={"mlflow.parentRunId": first.data.tags["mlflow.parentRunId"]}
    ).info.run_id
    for key in ("learning_rate", "random_state", "epochs"):
        client.log_param(again, key, first.data.params[key])
    client.log_metric(again, "val_acc", 0.5)
    client.set_terminated(again)
    foreign = ready(uri)
    assert "left out: 1 run of the setting and seed of a later one" in foreign.lines
    assert again in set(foreign.runs["run"])
    assert first.info.run_id not in set(foreign.runs["run"])


def test_values_that_were_logged_without_a_step_are_a_curve(uri: str, client: MlflowClient) -> None:
    experiment = str(client.create_experiment("stepless"))
    run_id = client.create_run(experiment).info.run_id
    for number in range(3):
        client.log_metric(run_id, "loss", 1.0 - number, timestamp=number)
    curves = read_foreign_curves(uri, [run_id], "loss")
    assert curves[["step", "value"]].to_numpy().tolist() == [[0, 1.0], [1, 0.0], [2, -1.0]]


def test_single_values_are_no_curves(uri: str, client: MlflowClient) -> None:
    record(client, history=1)
    assert ready(uri).curves is None


def test_an_experiment_that_is_not_there_is_named(uri: str) -> None:
    with pytest.raises(ConfigError, match="experiment=foo: no such experiment; there are Default"):
        read_foreign_runs(uri, "foo")
