"""Runs that stop early: by Lightning's own rule in the reference engine, by the same rule in a fleet."""

import re

import numpy as np
import pytest
import torch
from pytorch_lightning.callbacks import EarlyStopping
from shared.commands import config
from shared.fleets import CHAOTIC, CONVEX, alone, assert_equal, assert_same_bits, fleet, logistic, mlp, run

from seedsweep.engine.built_run import build
from seedsweep.engine.early_stopping import Patience, StoppingRule
from seedsweep.engine.fleet.trainer import train
from seedsweep.engine.lightning import train as train_alone
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.outcomes import STOPPED_EPOCH, FleetResult, objective

RULE = StoppingRule(Metric("val/loss"), patience=2, min_delta=0.02)
RUNS = [run(name, rate, seed, epochs=12) for name in ("sgd", "adam") for seed, rate in enumerate((0.003, 0.03, 0.3))]


def stops(result: FleetResult) -> dict[int, float]:
    """The epoch in which each member stopped that did."""
    columns = [column for column in result.columns if column.metric == STOPPED_EPOCH]
    assert all(column.epoch == value for column in columns for value in column.values)
    return {int(member): column.epoch for column in columns for member in column.members}


@pytest.mark.parametrize(
    "rule",
    [
        RULE,
        StoppingRule(Metric("train/loss"), 1, 0.05),
        StoppingRule(Metric("val/accuracy"), 3),
        StoppingRule(Metric("val/loss", "maximize"), 2),
    ],
    ids=["val/loss", "train/loss", "val/accuracy", "against its name"],
)
def test_members_stop_where_lightnings_callback_stops_them(rule: StoppingRule) -> None:
    result = assert_equal(logistic(), RUNS, CONVEX, stopping=rule)
    mode = "max" if rule.metric.is_maximized else "min"
    for member, member_run in enumerate(RUNS):
        callback = EarlyStopping(rule.metric, rule.min_delta, rule.patience, mode=mode)
        expected = alone(logistic(), member_run, callbacks=[callback])
        assert stops(result).get(member, 11) == max(point.epoch for point in expected.points)
        ours = alone(logistic(), member_run, stopping=rule)
        assert [point for point in ours.points if point.metric != STOPPED_EPOCH] == expected.points
    assert result.outcomes == ["finished"] * len(RUNS)
    assert len(set(stops(result).values())) > 1, "the members do not all stop in the same epoch"


def test_networks_stop_where_lightnings_callback_stops_them() -> None:
    assert stops(assert_equal(mlp(), RUNS, CHAOTIC, stopping=RULE))


def test_who_stops_early_touches_nobody() -> None:
    whole = train(fleet(logistic(), RUNS, stopping=RULE))
    smaller = train(fleet(logistic(), RUNS[1:3], stopping=RULE))
    assert_same_bits(whole, smaller, [1, 2])
    patient = StoppingRule(RULE.metric, 11, RULE.min_delta)
    never = train(fleet(logistic(), RUNS, stopping=patient))
    assert not stops(never), "in its last epoch nobody stops early"
    staying = [member for member in range(len(RUNS)) if member not in stops(whole)]
    assert staying
    assert_same_bits(whole, train(fleet(logistic(), [RUNS[member] for member in staying])), staying)


def test_a_member_that_stopped_is_tested_where_it_stopped_and_cannot_be_pruned() -> None:
    stopped = stops(train(fleet(logistic(), RUNS, stopping=RULE)))
    ends = stopped.values()
    late = train(
        fleet(logistic(), RUNS, stopping=RULE),
        prune=lambda columns: range(len(RUNS)) if columns[0].epoch == min(ends) else [],
    )
    for member in range(len(RUNS)):
        ended = stopped.get(member) == min(ends)
        assert late.outcomes[member] == ("finished" if ended else "pruned")
        assert ended == any(column.metric == "test/loss" and member in column.members for column in late.columns)


def test_the_reference_prunes_no_run_that_stopped_in_that_epoch() -> None:
    member = min(stops(train(fleet(logistic(), RUNS, stopping=RULE))).items(), key=lambda pair: pair[1])[0]
    epoch = stops(train(fleet(logistic(), RUNS, stopping=RULE)))[member]
    result = alone(logistic(), RUNS[member], stopping=RULE, prune=lambda points: points[-1].epoch == epoch)
    assert result.outcome == "finished"
    assert [point.epoch for point in result.points if point.metric in (STOPPED_EPOCH, "test/loss")] == [epoch] * 2


def test_values_are_compared_in_the_precision_that_they_were_measured_in() -> None:
    """In 64 bits 0.3 + 0.1 were less than 0.4 of 32 bits, an improvement that Lightning does not see."""
    patience = Patience(StoppingRule(Metric("val/loss"), 1, 0.1), 1)
    first, second = np.array([0.4], dtype=np.float32), np.array([0.3], dtype=np.float32)
    assert not patience.exhausted(np.array([0]), first)[0]
    callback = EarlyStopping("val/loss", 0.1, 1)
    of_lightning = [callback._evaluate_stopping_criteria(torch.tensor(value))[0] for value in (0.4, 0.3)]
    assert [False, bool(patience.exhausted(np.array([0]), second)[0])] == of_lightning


def test_the_keys_are_those_of_the_configuration() -> None:
    overrides = ["tracking=none", "optimizer.lr=0.1", "trainer.max_epochs=20", "trainer.early_stopping.patience=1"]
    job = build(config(*overrides, "trainer.early_stopping.min_delta=0.05"))
    result = train_alone(job.module, job.data, **job.trainer)
    (stopped,) = (point for point in result.points if point.metric == STOPPED_EPOCH)
    curve = [point.value for point in result.points if point.metric == "val/loss"]
    assert stopped.value == len(curve) - 1 < 19
    assert objective(result, "val/loss", "last") == curve[-1] > min(curve[:-1]) - 0.05


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("patience=0", "trainer.early_stopping.patience=0: must be an integer of at least 1"),
        ("min_delta=-1", "trainer.early_stopping.min_delta=-1: must be a finite number of at least 0"),
        ("mode=low", "trainer.early_stopping.mode=low: must be one of min, max"),
        (
            "monitor=val/los",
            "trainer.early_stopping.monitor=val/los: must be one of train/loss, train/accuracy, val",
        ),
        ("monitor=test/loss", "trainer.early_stopping.monitor=test/loss: must be one of"),
    ],
)
def test_what_is_not_allowed_is_refused(override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        build(config("tracking=none", "trainer.early_stopping.patience=2", f"trainer.early_stopping.{override}"))


def test_a_number_alone_is_answered_with_the_key_that_takes_it() -> None:
    with pytest.raises(
        ConfigError, match=re.escape("trainer.early_stopping=3: must be a group of keys: trainer.early")
    ):
        build(config("tracking=none", "trainer.early_stopping=3"))


def test_the_mean_over_the_training_is_no_objective_of_runs_that_stop() -> None:
    with pytest.raises(ConfigError, match=r"objective\.select=auc: is a mean over the training"):
        build(config("tracking=none", "objective.select=auc", "trainer.early_stopping.patience=2"))
