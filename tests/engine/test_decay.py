"""Weight decay of all parameters, or of matrices alone: alone, in fleets, and where it is refused."""

from functools import partial
from typing import Any

import pytest
import pytorch_optimizer
import torch
from shared.commands import config
from shared.fleets import apart
from shared.layer_kinds import alone, configuration, curves_of
from torch import nn

import seedsweep
from seedsweep.engine.built_run import build
from seedsweep.engine.decay import matrices_decay, undecayed
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, refuse_model, refuse_optimizer
from seedsweep.engine.fleet.grouping import group
from seedsweep.engine.fleet.shared_optimizer import NotProportionalError, probe_apart
from seedsweep.engine.fleet.trainer import _Training
from seedsweep.engine.validation import check

APART = ("trainer.decay_biases=false",)
DECAYING = ("sgd", "momentum", "adam", "adamw", "nadam", "rmsprop", "adagrad")


def resolved(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config("tracking=none", *overrides))


def test_matrices_decay_and_biases_and_scales_do_not() -> None:
    job = build(configuration("LayerNorm", "optimizer=adamw", "optimizer.weight_decay=0.3", *APART))
    made = job.module.configure_optimizers()["optimizer"]
    matrices, others = made.param_groups
    assert (matrices["weight_decay"], others["weight_decay"]) == (0.3, 0)
    assert {value.ndim for value in matrices["params"]} == {2}
    assert {value.ndim for value in others["params"]} == {1}
    every = [id(value) for part in (matrices, others) for value in part["params"]]
    assert sorted(every) == sorted(id(value) for value in job.module.parameters())


def test_empty_groups_are_left_out() -> None:
    make = matrices_decay(partial(torch.optim.SGD, lr=0.1, weight_decay=0.3))
    assert [part["weight_decay"] for part in make([nn.Parameter(torch.zeros(2, 2))]).param_groups] == [0.3]
    assert [part["weight_decay"] for part in make([nn.Parameter(torch.zeros(2))]).param_groups] == [0]
    assert undecayed(torch.optim.AdamW)([nn.Parameter(torch.zeros(2))]).param_groups[0]["weight_decay"] == 0


def runs_of(*overrides: str) -> list[dict[str, Any]]:
    """Of several optimizers with and without a decay, at two rates, some for longer than others."""
    common = ("trainer.precision=64-true", "data.batch_size=50", *APART, *overrides)
    words = [f"optimizer={name} optimizer.weight_decay=0.3 optimizer.lr={r}" for name in DECAYING for r in (0.01, 0.1)]
    words += ["optimizer=sgd", "optimizer=adadelta optimizer.weight_decay=0.1 seed=1"]
    epochs = [f"trainer.max_epochs={2 + index % 2}" for index in range(len(words))]
    pairs = zip(words, epochs, strict=True)
    return [resolved(*common, *word.split(), length) for word, length in pairs]


@pytest.mark.parametrize("model", ["mlp", "logistic_regression"])
def test_fleet_without_decay_of_biases_equals_reference(model: str) -> None:
    runs = runs_of(f"model={model}")
    for run in runs:
        check(run)
    fleets, reasons = group(runs, (refuse_model, refuse_optimizer))
    assert ([list(members) for members in fleets], reasons) == ([list(range(len(runs)))], {})
    together = fleet.train(assemble(runs))
    with_decay = fleet.train(assemble([run | {"trainer": run["trainer"] | {"decay_biases": True}} for run in runs]))
    for member, run in enumerate(runs):
        expected = alone(run)
        curves, actual = curves_of(expected), curves_of(together, member)
        losses = [point for point in curves if "loss" in point[0]]
        assert apart([curves[point] for point in losses], [actual[point] for point in losses]) <= 1e-11
        for name, value in expected.weights.items():
            torch.testing.assert_close(together.weights[name][member], value, rtol=1e-10, atol=1e-11)
        assert (actual == curves_of(with_decay, member)) is (run["optimizer"]["weight_decay"] == 0)


@pytest.mark.parametrize("kind", ["BatchNorm1d", "Conv2d", "TiedWeights", "FrozenLayer", "PReLU"])
def test_layers_of_any_kind_equal_reference(kind: str) -> None:
    words = ("optimizer=adamw", "optimizer.weight_decay=0.3", "trainer.precision=64-true", *APART)
    runs = [configuration(kind, *words, f"seed={seed}") for seed in range(2)]
    together = fleet.train(assemble(runs))
    for member, run in enumerate(runs):
        for name, value in alone(run).weights.items():
            torch.testing.assert_close(together.weights[name][member], value, rtol=1e-7, atol=1e-8)


def test_its_bits_are_the_same_whoever_is_in_the_fleet_and_whoever_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Training, "_pays", lambda *_: True)
    words = ("data=digits", "model=mlp", "model.hidden=[7]", "data.batch_size=157", "trainer.max_epochs=3", *APART)
    decaying = [f"optimizer={name} optimizer.weight_decay=0.1 seed={seed}" for seed in range(5) for name in DECAYING]
    runs = [resolved(*words, *word.split()) for word in decaying]
    whole = fleet.train(assemble(runs))
    first = [0, 1, 3, 4, 7, 8, 12, 15, 20]  # so that the optimizers have another order in what is left
    leaving = [*first, 2, 5, 6, 9, 13, 21, 30]
    goes = {0: first, 1: leaving}
    left = fleet.train(assemble(runs), prune=lambda columns: goes.get(columns[-1].epoch, []))
    staying = [member for member in range(len(runs)) if member not in leaving]
    part = fleet.train(assemble([runs[member] for member in staying]))
    for position, member in enumerate(staying):
        assert curves_of(left, member) == curves_of(part, position) == curves_of(whole, member)
        for name, value in whole.weights.items():
            assert torch.equal(part.weights[name][position], value[member])
            assert torch.equal(left.weights[name][member], value[member])


class FirstGroups(torch.optim.SGD):
    """Has the decay of its first group act on all of them."""

    def step(self, closure: Any = None) -> Any:
        for part in self.param_groups:
            part["weight_decay"] = self.param_groups[0]["weight_decay"]
        return super().step(closure)


def test_probe_says_where_the_steps_of_both_start() -> None:
    assert probe_apart(partial(torch.optim.SGD, weight_decay=0.1)) == ("values", "zeros")
    assert probe_apart(torch.optim.AdamW) == ("values", "zeros")
    assert probe_apart(torch.optim.Adam) == ("zeros", "zeros")
    assert probe_apart(pytorch_optimizer.Lion) == ("zeros", "zeros")
    for make in (torch.optim.Rprop, pytorch_optimizer.Lamb, partial(FirstGroups, lr=0.1, weight_decay=0.1)):
        with pytest.raises(NotProportionalError):
            probe_apart(make)


def test_a_minimum_with_decayed_biases_is_not_measured_without() -> None:
    words = ("trainer.suboptimality=true", "optimizer.weight_decay=0.01")
    with pytest.raises(seedsweep.ConfigError, match=r"^trainer.suboptimality=true: knows the minimum of a decay that"):
        check(resolved(*words, *APART))
    check(resolved(*words))
    check(resolved("trainer.suboptimality=true", "optimizer=adamw", *APART))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("trainer.decay_biases=0", "trainer.decay_biases=0: must be true or false"),
        ("optimizer._target_=torch.optim.LBFGS ~optimizer.weight_decay", "cannot train .*: LBFGS doesn't support per"),
    ],
)
def test_wrong_values_and_optimizers_without_groups_are_refused(words: str, message: str) -> None:
    with pytest.raises(seedsweep.ConfigError, match=message):
        check(resolved(*APART, *words.split()))


def test_an_optimizer_of_the_model_s_own_decays_as_it_will() -> None:
    own = ("~model.init", "model._target_=shared.own_modules.Margins", "objective.metric=valid_loss", "optimizer=own")
    check(resolved(*own))
    with pytest.raises(seedsweep.ConfigError, match=r"^trainer.decay_biases=false: is not used with optimizer=own"):
        check(resolved(*own, *APART))


def test_a_check_of_an_optimizer_has_the_same_groups() -> None:
    points = seedsweep.check(partial(torch.optim.AdamW, weight_decay=0.2), *APART)
    assert [point.holds for point in points] == [True] * 5
