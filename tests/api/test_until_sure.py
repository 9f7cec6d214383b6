"""`sweep(…, until="sure")`: seeds are bought until it is sure which option wins, also for functions."""

import random
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from shared.descent import calls, descend
from shared.stores import runs_in

import seedsweep
from hydra_plugins.seedsweep.until_sure import UntilSureSweeperConf
from seedsweep.until_sure.setup import DEFAULTS

SMALL: dict[str, Any] = {"first_seeds": 10, "seeds_per_round": 5, "max_seeds": 20, "confirm_seeds": 2}
SURE: dict[str, Any] = {"until": "sure", **SMALL}
TRAINED: dict[str, Any] = {"model": "logistic_regression", "lr": [0.0001, 0.1], "max_epochs": 2}


def accuracy(rule: str, seed: int) -> dict[str, float]:
    return {"accuracy": 0.5 + 0.2 * (rule == "good") + random.Random(seed).random() / 10}


def returned(rule: str, seed: int) -> float:
    return 1.0 * (rule == "good") + random.Random(seed).random() / 10


OPTIMIZERS: dict[str, Any] = {"optimizer": ["slow", "fast"], "lr": [0.1, 0.2], "processes": 1}


def test_an_optimizer_wins_with_fewer_runs_than_the_most(uri: str) -> None:
    results = seedsweep.sweep(optimizer=["sgd", torch.optim.Adam], by="optimizer.lr", **TRAINED, **SURE)
    assert results.answer.startswith("lr=0.1 wins; sure at 95 % after")
    assert "on 2 fresh seeds" in results.answer
    assert len(results.runs) < 4 * 20
    assert set(results.runs["optimizer"]) == {"sgd", "Adam"}
    cells = results.cells
    assert cells["dropped_after"].isna().tolist()[0]
    assert set(cells.loc[cells["option"].astype(str) == "0.0001", "dropped_after"]) <= {10, 15}
    assert "dropped after" in results.table
    assert results.answer in repr(results)
    assert results.answer.splitlines()[0] in results._repr_html_()
    with pytest.raises(seedsweep.ConfigError, match="bought its seeds until it was sure.*answer says which wins"):
        results.compare()
    assert results.compare(by="optimizer.lr").verdicts


def test_cells_are_of_sweeps_that_buy_seeds(uri: str) -> None:
    results = seedsweep.sweep(returned, rule=["good", "bad"], seeds=3, processes=1)
    with pytest.raises(seedsweep.ConfigError, match="has no cells: they are of sweep.…, until="):
        _ = results.cells
    assert "compare() needs to know more" in results.answer  # whether larger is better


def test_the_keys_have_the_defaults_of_the_command() -> None:
    assert {key: value for key, value in asdict(UntilSureSweeperConf()).items() if key in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize("processes", [1, 2])
def test_a_function_is_called_until_its_optimizer_wins(processes: int, uri: str, client: MlflowClient) -> None:
    results = seedsweep.sweep(descend, **OPTIMIZERS | {"processes": processes}, **SURE)
    first, worth = results.answer.splitlines()
    assert first.startswith("fast wins; sure at 95 % after")
    assert worth.startswith("on 2 fresh seeds fast lr=0.1 has val/loss 2")
    assert len(results.runs) == len(calls()) < 4 * 20
    assert results.metric == "val/loss"
    (sweep,) = runs_in(client, "sweep")
    assert sweep.info.status == "FINISHED"
    assert set(results.cells["option"]) == {"fast", "slow"}
    assert seedsweep.open("latest").answer == results.answer


def test_an_interrupted_call_goes_on_and_calls_only_what_is_missing(uri: str, client: MlflowClient) -> None:
    Path("interrupt").touch()
    more = SURE | {"first_seeds": 15}
    with pytest.raises(KeyboardInterrupt):
        seedsweep.sweep(descend, **OPTIMIZERS, **more)
    Path("interrupt").unlink()
    before = calls()
    results = seedsweep.sweep(descend, **OPTIMIZERS, **more)
    assert len(calls()) == len(set(calls())) + 1
    assert before[-1] in calls()[len(before) :]  # the one that was interrupted
    assert len(results.runs) == len(set(calls()))
    assert len(runs_in(client, "sweep")) == 1
    again = seedsweep.sweep(descend, **OPTIMIZERS, **more)
    assert (again.sweep, again.answer, len(calls())) == (results.sweep, results.answer, len(set(calls())) + 1)


def test_more_seeds_go_on_where_it_was_not_sure(uri: str) -> None:
    tied: dict[str, Any] = {"rule": ["left", "right"], "processes": 1, "margin": 0}
    few = seedsweep.sweep(returned, **tied, **SURE | {"confirm_seeds": 0, "max_seeds": 12})
    assert "cannot be told apart; not sure after 24 of at most 24 runs" in few.answer
    more = seedsweep.sweep(returned, **tied, **SURE | {"confirm_seeds": 0, "max_seeds": 15})
    assert more.sweep == few.sweep
    assert "not sure after 30 of at most 30 runs" in more.answer


def test_what_an_earlier_sweep_has_called_is_not_called_again(uri: str) -> None:
    seedsweep.sweep(descend, **OPTIMIZERS, seeds=10)
    results = seedsweep.sweep(descend, **OPTIMIZERS, **SURE)
    assert results.metric == "val/loss"
    assert len(calls()) == len(set(calls())) == len(results.runs)
    assert results.record.tags["seedsweep.copied"] == "40"


def test_failed_calls_count_as_the_worst_and_the_others_go_on(uri: str) -> None:
    Path("broken").write_text("fast")
    results = seedsweep.sweep(descend, **OPTIMIZERS, **SURE)
    assert results.answer.startswith("slow wins")
    assert (results.cells.loc[results.cells["option"] == "fast", "lost"] >= 10).all()


def test_a_function_that_always_fails_is_not_called_a_hundred_times(uri: str, client: MlflowClient) -> None:
    Path("broken").write_text("fast")
    with pytest.raises(seedsweep.FailedRunsError, match="20 of 20 runs failed.*this optimizer is broken"):
        seedsweep.sweep(descend, optimizer="fast", lr=[0.1, 0.2], processes=1, **SURE)
    (sweep,) = runs_in(client, "sweep")
    assert sweep.info.status == "FAILED"


@pytest.mark.parametrize(
    ("function", "direction", "winner"),
    [
        (accuracy, {}, "good"),
        (returned, {}, "bad"),
        (returned, {"direction": "maximize"}, "good"),
        (accuracy, {"direction": "minimize"}, "bad"),
    ],
)
def test_the_name_of_a_metric_or_a_direction_says_what_is_better(
    function: Callable[..., Any], direction: dict[str, str], winner: str, uri: str
) -> None:
    results = seedsweep.sweep(function, rule=["good", "bad"], processes=1, **SURE, **direction)
    assert results.answer.startswith(f"{winner} wins")


def test_another_metric_and_another_argument_may_be_judged(uri: str) -> None:
    results = seedsweep.sweep(descend, **OPTIMIZERS, **SURE, metric="objective", by="lr")
    assert (results.metric, set(results.cells["option"].astype(str))) == ("objective", {"0.1", "0.2"})
    assert results.cells["mean"].max() < 0
    assert seedsweep.sweep(descend, **OPTIMIZERS, **SURE, metric="val/loss").answer.startswith("fast wins")


def test_an_argument_of_the_function_may_be_called_until(uri: str) -> None:
    def waits(until: str, seed: int) -> float:
        return len(until) + seed

    assert set(seedsweep.sweep(waits, until=["sure", "late"], seeds=2, processes=1).runs["until"]) == {"sure", "late"}


def unknown(rule: str, seed: int) -> dict[str, float]:
    return {"speed": float(seed)}


def with_margin(rule: str, margin: float, seed: int) -> float:
    return margin


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"until": "bored"}, 'until=bored: must be "sure", or be left out'),
        ({"until": "sure", "seeds": 5}, "seeds=5: are bought by until=.*first_seeds=10 says how many come first"),
        ({"until": "sure", "seed": [1, 2]}, "are bought by until="),
        ({"first_seeds": 5}, "first_seeds=.?5.?: .*say until=.sure., too"),
        ({"max_seeds": 5}, "max_seeds=.?5.?: .*say until=.sure., too"),
        ({"margin": 0.1}, "margin=.?0.1.?: .*say until=.sure., too"),
        ({"until": "sure", "first_seeds": 1}, "^first_seeds=1: must be an integer of at least 2"),
        ({"until": "sure", "first_seeds": [10, 20]}, "^first_seeds=.10, 20.: must be one value"),
        ({"until": "sure", "max_seeds": 5}, "^max_seeds=5: must be an integer of at least 10"),
        ({"until": "sure", "confidence": 2}, "^confidence=2(.0)?: must lie between 0 and 1"),
        ({"until": "sure", "test": "t"}, "^test=t: must be betting or strict"),
        ({"until": "sure", "confirm_seeds": -1}, "^confirm_seeds=-1: must be an integer"),
        ({"until": "sure", "first_seed": -1}, "^first_seed=-1: must be an integer"),
        ({"until": "sure", "by": "nothing"}, "^by=nothing: "),
        ({"until": "sure", "metric": "speed"}, "^metric=speed: is it better when larger or smaller"),
    ],
)
@pytest.mark.parametrize("is_function", [True, False])
def test_wrong_keywords_are_refused_with_what_is_allowed(
    is_function: bool, keywords: dict[str, Any], message: str, uri: str
) -> None:
    sweep = partial(seedsweep.sweep, returned, rule=["good", "bad"], processes=1)
    with pytest.raises(seedsweep.ConfigError, match=message):
        (sweep if is_function else partial(seedsweep.sweep, optimizer=["sgd", "adam"]))(**keywords)


@pytest.mark.parametrize(
    ("function", "keywords", "message"),
    [
        (returned, {"rule": "good"}, "by=rule: must be an argument with several values|by=optimizer: must be"),
        (returned, {"rule": ["good", "bad"], "direction": "up"}, "direction=up: must be one of minimize, maximize"),
        (unknown, {"rule": ["good", "bad"]}, "metric=speed: .*direction=.maximize"),
        (with_margin, {"rule": ["good", "bad"], "margin": 0.1}, "margin=0.1: is an argument of the function and a key"),
    ],
)
def test_functions_that_nobody_can_judge_are_refused(
    function: Callable[..., Any], keywords: dict[str, Any], message: str, uri: str
) -> None:
    with pytest.raises(seedsweep.ConfigError, match=message):
        seedsweep.sweep(function, processes=1, until="sure", **keywords)


def test_two_sweepers_are_refused(uri: str) -> None:
    with pytest.raises(seedsweep.ConfigError, match="hydra/sweeper=optuna: is said by until="):
        seedsweep.sweep("hydra/sweeper=optuna", optimizer=["sgd", "adam"], until="sure")


def test_an_argument_that_is_a_key_may_be_fixed_by_a_partial(uri: str) -> None:
    results = seedsweep.sweep(partial(with_margin, margin=0.1), rule=["good", "bad"], processes=1, **SURE)
    assert results.answer


def test_other_runs_that_seen_seeds_would_flatter_get_fresh_ones(uri: str) -> None:
    seen = seedsweep.sweep(returned, rule=["good", "bad"], processes=1, **SURE).runs["seed"]
    with pytest.raises(seedsweep.ConfigError, match="^first_seed=0: .*need fresh seeds: first_seed="):
        seedsweep.sweep(returned, rule=["good", "bad", "ugly"], processes=1, first_seed=0, **SURE)
    fresh = seedsweep.sweep(returned, rule=["good", "bad", "ugly"], processes=1, **SURE).runs["seed"]
    assert fresh.min() == seen[seen < 1_000_000].max() + 1
