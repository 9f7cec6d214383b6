"""Any function, called with every combination of values and seeds, and recorded as runs."""

import math
import os
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
from mlflow import MlflowClient
from shared.commands import Ended

import seedsweep


def descend(optimizer: str, lr: float, seed: int, log: Callable[..., None], steps: int = 4) -> float:
    """A noisy way down, which fails and diverges where a test wants it to."""
    position = 1.0 + random.Random(seed).random() / 10
    for step in range(steps):
        position *= 1 - lr if optimizer == "fast" else 1 - lr / 4
        log("val/loss", position, step)
    if optimizer == "broken":
        raise ValueError("this optimizer is broken")
    return math.inf if optimizer == "wild" else position


def test_a_function_is_a_sweep_like_any_other(uri: str, client: MlflowClient) -> None:
    results = seedsweep.sweep(descend, optimizer=["fast", "slow"], lr=[0.1, 0.2], seeds=6, processes=1)
    runs = results.runs
    assert len(runs) == 24
    assert set(runs["outcome"]) == {"finished"}
    assert set(runs["group"]) == {f"{optimizer} lr={lr}" for optimizer in ("fast", "slow") for lr in (0.1, 0.2)}
    curve = results.curves[(results.curves["run"] == runs["run"].iloc[0]) & (results.curves["metric"] == "val/loss")]
    assert list(curve["step"]) == [0, 1, 2, 3]
    assert runs["objective"].equals(runs["val/loss"])
    assert results.metric == "val/loss"
    (verdict, *_) = results.compare().verdicts
    assert (verdict.winner, verdict.setting) == ("fast", "lr=0.2")
    assert client.get_experiment_by_name("descend") is not None


def test_metrics_that_mlflow_would_keep_as_one_are_refused(uri: str) -> None:
    """mlflow/mlflow#9425: what MLflow does not take in a name becomes _."""
    results = seedsweep.sweep(lambda rule, seed: {"MAP@k/score": rule}, rule=[1, 2], seeds=1, processes=1)
    assert list(results.runs["MAP_k/score"]) == [1, 2]
    said = "metric=MAP_k/score: would be MAP_k/score in MLflow, as MAP@k/score is"
    with pytest.raises(seedsweep.FailedRunsError, match=said):
        seedsweep.sweep(lambda rule, seed: {"MAP@k/score": rule, "MAP_k/score": 0}, rule=[1], seeds=1, processes=1)


def test_processes_give_what_one_gives(uri: str) -> None:
    """Also a function that no other process could import."""
    local = [
        seedsweep.sweep(lambda rule, seed: {"loss": seed * rule}, rule=[1, 2], seeds=3, processes=n) for n in (1, 2)
    ]
    alone, together = (results.runs.set_index("name")["loss"].sort_index() for results in local)
    assert alone.equals(together)
    assert list(alone) == [0, 1, 2, 0, 2, 4]


def test_failed_and_diverged_calls_are_recorded_and_the_others_go_on(uri: str, client: MlflowClient) -> None:
    with pytest.raises(seedsweep.FailedRunsError, match=r"2 of 6 runs failed.*ValueError: this optimizer is broken"):
        seedsweep.sweep(descend, optimizer=["broken", "wild", "fast"], lr=0.1, seeds=2, processes=1)
    runs = seedsweep.open("latest").runs
    outcomes = runs.groupby("optimizer")["outcome"].first().to_dict()
    assert outcomes == {"broken": "failed", "wild": "diverged", "fast": "finished"}
    failed = runs.loc[runs["outcome"] == "failed", "run"].iloc[0]
    assert [file.path for file in client.list_artifacts(failed)] == ["traceback.txt"]


def test_keys_change_with_values_seeds_and_the_source_alone(uri: str, client: MlflowClient) -> None:
    def once(lr: float, seed: int) -> float:
        return lr

    def changed(lr: float, seed: int) -> float:
        return lr + 0

    def keys(function: Callable[..., float], **keywords: object) -> set[str]:
        sweep = seedsweep.sweep(function, processes=1, **keywords).sweep
        runs = client.search_runs(
            [experiment.experiment_id for experiment in client.search_experiments()],
            f"tags.`seedsweep.sweep` = '{sweep}' and tags.`seedsweep.kind` = 'run'",
        )
        return {run.data.tags["seedsweep.key"] for run in runs}

    assert keys(once, lr=[0.1, 0.2], seeds=2) == keys(once, lr=[0.2, 0.1], seeds=[1, 0])
    assert len(keys(once, lr=0.1, seeds=3) - keys(once, lr=[0.1, 0.2], seeds=2)) == 1
    assert not keys(once, lr=0.1, seeds=2) & keys(changed, lr=0.1, seeds=2)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"optimizr": "fast", "lr": 1}, "optimizr.*: is no argument of descend"),
        ({"optimizer": "fast"}, "lr=null: is an argument of descend that needs a value"),
        ({"optimizer": [], "lr": 1}, "must have at least one value"),
        ({"optimizer": "fast", "lr": 1, "job": 3}, "is a column of the table of runs"),
        ({"optimizer": "fast", "lr": 1, "seed": 3}, "seeds=10, or a list, says which"),
        ({"optimizer": "fast", "lr": 1, "processes": 0}, "processes=0: must be"),
        ({"optimizer": object(), "lr": 1}, "must be a number, a string"),
        ({"optimizer": ["fast", "fast"], "lr": 1}, "is what two of its values are called"),
        ({"optimizer": "fast", "lr": [1, "1"]}, "is what two of its values are called"),
    ],
)
def test_wrong_calls_are_refused_before_the_first(
    keywords: dict[str, object], message: str, uri: str, client: MlflowClient
) -> None:
    with pytest.raises(seedsweep.ConfigError, match=message):
        seedsweep.sweep(descend, **keywords)  # type: ignore[arg-type]
    assert [experiment.name for experiment in client.search_experiments()] == ["Default"]


def test_overrides_say_where_a_function_is_recorded(uri: str, tmp_path: Path, client: MlflowClient) -> None:
    seedsweep.sweep(descend, "experiment=mine", optimizer="fast", lr=0.1, seeds=1, processes=1)
    assert client.get_experiment_by_name("mine") is not None
    with pytest.raises(seedsweep.ConfigError, match="has no effect on a function"):
        seedsweep.sweep(descend, "trainer.max_epochs=3", optimizer="fast", lr=0.1)
    with pytest.raises(seedsweep.ConfigError, match="is one for all calls"):
        seedsweep.sweep(descend, "experiment=a,b", optimizer="fast", lr=0.1)
    with pytest.raises(seedsweep.ConfigError, match="a function before them"):
        seedsweep.sweep("experiment=mine", descend, optimizer="fast", lr=0.1)


def test_the_command_compares_calls_by_what_they_log_first(compare: Callable[..., Ended]) -> None:
    seedsweep.sweep(lambda rule, seed: {"final_loss": rule + seed, "val/loss": 0}, rule=[1, 2], seeds=6, processes=1)
    ended = compare("figures=null")
    assert ended.code == 0
    assert "At the same setting, by final_loss" in ended.out
    assert "1 wins" in ended.out


def test_numbers_that_a_function_returns_are_never_taken_for_params(uri: str) -> None:
    def count(a: int, seed: int) -> dict[str, float]:
        return {"loss": a + 0.01 * seed, "epochs": 5 * (seed % 2) + a, "weight": 0.5 * (seed % 2)}

    comparison = seedsweep.sweep(count, a=[1, 2], seeds=6, processes=1).compare()
    assert list(comparison.question.at or ()) == []
    assert [verdict.winner for verdict in comparison.verdicts] == ["a=1"]


def test_names_of_metrics_are_made_to_fit(uri: str) -> None:
    def named(a: int, seed: int, log: Callable[..., None]) -> dict[str, float]:
        log(5, 1.0)
        return {"loss": 1.0, "a": 7.0, "outcome": 1.0, "b/c:d?": 2.0}

    runs = seedsweep.sweep(named, a=[1, 2], seeds=2, processes=1).runs
    assert set(runs["a"]) == {1, 2}
    assert {"5", "a_value", "outcome_value", "b/c:d_"} <= set(runs)
    assert set(runs["outcome"]) == {"finished"}


@pytest.mark.slow
def test_a_call_that_ends_its_process_fails_alone(uri: str, client: MlflowClient) -> None:
    def ending(a: int, seed: int) -> float:
        if (a, seed) == (1, 1):
            os._exit(3)
        if (a, seed) == (2, 0):
            sys.exit("usage: …")
        return float(a)

    with pytest.raises(seedsweep.FailedRunsError, match="2 of 8 runs failed"):
        seedsweep.sweep(ending, a=[1, 2], seeds=4, processes=2)
    results = seedsweep.open("latest")
    assert len(results.runs) == 8
    assert results.runs.set_index("name")["outcome"].to_dict() == {
        f"a={a} seed={seed}": "failed" if (a, seed) in [(1, 1), (2, 0)] else "finished"
        for a in (1, 2)
        for seed in range(4)
    }
    assert results.record.status == "FAILED"


def test_results_of_which_nobody_knows_the_direction_are_shown_all_the_same(uri: str) -> None:
    results = seedsweep.sweep(lambda a, seed: a + seed, a=np.arange(1, 3), seeds=np.arange(6), processes=1)
    assert "is it better when larger or smaller?" in repr(results)
    assert "is it better when larger or smaller?" in results._repr_html_()
    assert results.compare(direction="minimize").verdicts[0].winner == "a=1"


def test_what_cannot_be_sent_to_other_processes_is_refused_before_the_first(uri: str, client: MlflowClient) -> None:
    lock = Lock()
    with pytest.raises(seedsweep.ConfigError, match="processes=1 calls it in this one"):
        seedsweep.sweep(lambda a, seed: a if lock else 0, a=[1, 2], seeds=2, processes=2)
    assert [experiment.name for experiment in client.search_experiments()] == ["Default"]


def test_a_worker_imports_no_torch() -> None:
    code = "import seedsweep.lifecycle.one_call, sys; print('torch' in sys.modules, 'pytorch_lightning' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False", "False"]


def test_a_partial_fixes_arguments(uri: str) -> None:
    results = seedsweep.sweep(partial(descend, steps=2, lr=0.1), optimizer=["fast", "slow"], seeds=2, processes=1)
    assert set(results.runs["steps"]) == {2}
    assert results.curves["step"].max() == 1


def test_what_a_function_takes_from_around_it_is_in_its_keys(uri: str, client: MlflowClient) -> None:
    def scaled(by: float) -> Callable[..., float]:
        return lambda lr, seed: by * lr

    def key(function: Callable[..., float]) -> str:
        sweep = seedsweep.sweep(function, "experiment=scaled", lr=0.1, seeds=1, processes=1)
        return client.get_run(sweep.runs["run"].iloc[0]).data.tags["seedsweep.key"]

    assert key(scaled(1)) != key(scaled(100))
