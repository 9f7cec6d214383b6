"""Schedules in a fleet, by the epoch and by the step, as the reference engine has them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from shared.commands import config
from shared.fleets import apart
from shared.layer_kinds import alone, curves_of

import seedsweep
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, refuse_model, refuse_optimizer
from seedsweep.engine.fleet.grouping import group
from seedsweep.engine.fleet.layout import lay_out
from seedsweep.engine.fleet.trainer import _Training
from seedsweep.engine.validation import check

EXACT = ("tracking=none", "trainer.precision=64-true", "trainer.max_epochs=3", "data.batch_size=30")
SCHEDULES = ("constant", "step", "warmup", "warmup_cosine", "one_cycle", "exponential schedule.interval=step")


def runs_of(words: Sequence[str], *common: str) -> list[dict[str, Any]]:
    return [seedsweep.resolve(config(*EXACT, *common, *word.split())) for word in words]


def assert_equal(runs: Sequence[dict[str, Any]]) -> Any:
    """They are one fleet, whose losses and weights are those of each alone, but for rounding in 64 bits."""
    for run in runs:
        check(run)
    fleets, reasons = group(runs, (refuse_model, refuse_optimizer))
    assert ([list(members) for members in fleets], reasons) == ([list(range(len(runs)))], {})
    together = fleet.train(assemble(runs))
    for member, values in enumerate(runs):
        expected = alone(values)
        assert together.outcomes[member] == expected.outcome
        curves, actual = curves_of(expected), curves_of(together, member)
        assert actual.keys() == curves.keys()
        losses = [point for point in curves if "loss" in point[0]]
        assert apart([curves[point] for point in losses], [actual[point] for point in losses]) <= 1e-11
        for name, value in expected.weights.items():
            torch.testing.assert_close(together.weights[name][member], value, rtol=1e-10, atol=1e-11)
    return together


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw optimizer.weight_decay=0.3"])
def test_every_schedule_in_one_fleet_equals_reference(optimizer: str) -> None:
    words = [f"schedule={schedule} optimizer.lr={rate}" for schedule in SCHEDULES for rate in (0.02, 0.3)]
    assert_equal(runs_of(words, *f"optimizer={optimizer} model=mlp".split()))


def test_members_that_diverge_or_train_for_longer_equal_reference() -> None:
    words = ["schedule=warmup_cosine optimizer.lr=1e7", "schedule=one_cycle optimizer.lr=1e7 trainer.max_epochs=2"]
    words += ["schedule=warmup_cosine optimizer=adam trainer.max_epochs=1", "schedule=one_cycle trainer.max_epochs=4"]
    words += ["schedule=warmup seed=1 trainer.max_epochs=2", "schedule=cosine trainer.max_epochs=5"]
    together = assert_equal(runs_of(words, "trainer.divergence_threshold=100"))
    assert together.outcomes == ["diverged"] * 2 + ["finished"] * 4


def test_rates_of_a_search_are_one_fleet() -> None:
    words = [f"schedule=one_cycle optimizer.lr={rate}" for rate in (0.013, 0.4)]
    first, second = assemble(runs_of(words)).members
    assert np.array(second.rates) == pytest.approx(np.array(first.rates) * 0.4 / 0.013)


def test_a_schedule_that_changes_the_momentum_trains_alone() -> None:
    (run,) = runs_of(["schedule=one_cycle optimizer=momentum schedule.cycle_momentum=true"])
    check(run)
    assert refuse_optimizer(run) == "torch.optim.lr_scheduler.OneCycleLR changes more than learning rates"


def test_members_go_on_with_their_rates_whoever_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Training, "_pays", lambda *_: True)
    words = [f"schedule={schedule} seed={seed}" for seed in range(2) for schedule in SCHEDULES]
    runs = runs_of(words, "optimizer=adam", "optimizer.lr=0.1")
    whole = fleet.train(assemble(runs))
    left = fleet.train(assemble(runs), prune=lambda columns: [0, 1, 4, 6] if columns[-1].epoch == 0 else [])
    for member in (2, 3, 5, 7, 11):
        assert curves_of(left, member) == curves_of(whole, member)
    alone_in_it = fleet.train(assemble(runs[3:4]))
    assert curves_of(alone_in_it) == curves_of(whole, 3)


def test_a_rate_of_an_epoch_stands_for_each_of_its_steps() -> None:
    layout, by_step = lay_out(["a"] * 3, [0, 0, 1]), (0.1, 0.2, 0.3)
    assert layout.values([by_step, 0.5, by_step], torch.float64)[layout.row].tolist() == [
        [*by_step],
        [0.5] * 3,
        [*by_step],
    ]
    assert layout.values([0.5, 0.5, 0.1], torch.float64)[layout.row].tolist() == [[0.5], [0.5], [0.1]]


def test_a_lightning_module_of_one_s_own_takes_the_schedule_s_steps_too() -> None:
    own = ("~model.init", "model.name=own", "model._target_=shared.own_modules.Margins", "objective.metric=valid_loss")
    assert_equal(runs_of([f"schedule={schedule}" for schedule in SCHEDULES], *own, "optimizer.lr=0.1"))
