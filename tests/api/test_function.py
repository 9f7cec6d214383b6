"""Any function, called with every combination of values and seeds, and recorded as runs."""

import math
import random
from collections.abc import Callable
from pathlib import Path

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
        ({"optimizer": [], "lr": 1}, "must have a value"),
        ({"optimizer": "fast", "lr": 1, "seed": 3}, "seeds=10, or a list, says which"),
        ({"optimizer": "fast", "lr": 1, "processes": 0}, "processes=0: must be"),
        ({"optimizer": object(), "lr": 1}, "must be a number, a string"),
        ({"optimizer": ["fast", "fast"], "lr": 1}, "is trained as"),
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
    with pytest.raises(seedsweep.ConfigError, match="a function before them"):
        seedsweep.sweep("experiment=mine", descend, optimizer="fast", lr=0.1)


def test_the_command_compares_calls_by_what_they_log_first(compare: Callable[..., Ended]) -> None:
    seedsweep.sweep(lambda rule, seed: {"final_loss": rule + seed, "val/loss": 0}, rule=[1, 2], seeds=6, processes=1)
    ended = compare("figures=null")
    assert ended.code == 0
    assert "At the same setting, by final_loss" in ended.out
    assert "1 wins" in ended.out
