"""Every kind of layer that people bring: trained in a fleet as by the reference engine, or alone for a reason."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from shared.commands import ROOT, Ended, config
from shared.layer_kinds import ALONE, KINDS, alone, configuration, curves_of

import seedsweep
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, refuse_model
from seedsweep.engine.validation import check
from seedsweep.outcomes import FleetResult, RunResult

# the proof is in 64 bits: in 32 an Adam makes whole steps of the rounding of gradients that should be zero, such as
# those of a bias before a batch norm, and no two programs round alike
EXACT, RELATIVE = ("trainer.precision=64-true",), 1e-7


def assert_equal(together: FleetResult, member: int, expected: RunResult, tolerance: float = RELATIVE) -> None:
    curves = curves_of(expected)
    assert curves_of(together, member) == pytest.approx(curves, rel=tolerance, abs=tolerance)
    assert list(together.weights) == list(expected.weights)
    for name, value in expected.weights.items():
        assert together.weights[name].dtype == value.dtype
        torch.testing.assert_close(together.weights[name][member], value, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:dropout2d. Received a:UserWarning")  # torch will refuse them
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ALONE])
def test_fleet_has_the_curves_and_weights_of_the_reference_engine(kind: str) -> None:
    """Of members with equal weights, with equal orders of the data, and with neither in common."""
    seeds = (("init_seed=0", "order_seed=0"), ("init_seed=1", "order_seed=1"), ("init_seed=0", "order_seed=1"))
    rates = ("optimizer=adam", "optimizer=momentum", "optimizer=adam optimizer.lr=0.01")
    runs = [configuration(kind, *EXACT, *pair, *rate.split()) for pair, rate in zip(seeds, rates, strict=True)]
    assert refuse_model(runs[0]) is None
    together = fleet.train(assemble(runs))
    for member, values in enumerate(runs):
        assert_equal(together, member, alone(values))


@pytest.mark.parametrize(("kind", "reason"), ALONE.items())
def test_what_cannot_join_is_trained_alone_for_its_reason(kind: str, reason: str) -> None:
    values = configuration(kind, "trainer.max_epochs=1")
    check(values)
    assert reason in str(refuse_model(values))


@pytest.mark.parametrize("kind", ["BatchNorm1d", "Dropouts"])
def test_who_has_left_keeps_its_statistics_and_no_other_is_touched(kind: str) -> None:
    runs = [configuration(kind, f"seed={seed}", "data.batch_size=600", "trainer.max_epochs=4") for seed in range(4)]
    whole = fleet.train(assemble(runs))

    def prune(columns: list[Any]) -> list[int]:
        return [1, 2, 3] if columns[-1].epoch == 1 else []

    shrunk = fleet.train(assemble(runs), prune=prune)
    assert shrunk.outcomes == ["finished", "pruned", "pruned", "pruned"]
    assert curves_of(shrunk, 0) == curves_of(whole, 0)
    early = fleet.train(assemble([values | {"trainer": values["trainer"] | {"max_epochs": 2}} for values in runs]))
    for name, value in shrunk.weights.items():
        assert torch.equal(value[0], whole.weights[name][0])
        assert torch.equal(value[1:], early.weights[name][1:])


def test_diverged_member_keeps_the_statistics_of_its_last_step() -> None:
    runs = [configuration("BatchNorm1d", "optimizer.lr=1e30"), configuration("BatchNorm1d", "seed=1")]
    together = fleet.train(assemble(runs))
    assert together.outcomes == ["diverged", "finished"]
    counts = [alone(values).weights["layers.1.num_batches_tracked"].item() for values in runs]
    assert together.weights["layers.1.num_batches_tracked"].tolist() == counts
    assert counts[0] < counts[1]


def test_rounding_that_adam_makes_steps_of_is_the_only_difference_of_a_batch_norm() -> None:
    """By gradient descent the curves of both engines agree in 32 bits, too."""
    runs = [configuration("BatchNorm2d", "optimizer=sgd", f"seed={seed}") for seed in range(2)]
    together = fleet.train(assemble(runs))
    for member, values in enumerate(runs):
        curves = curves_of(alone(values))
        assert curves_of(together, member) == pytest.approx(curves, abs=1e-5)


def test_the_model_of_a_member_predicts_with_its_own_statistics(train: Callable[..., Ended]) -> None:
    words = ("-m", "~model.init", "model.name=own", "model._target_=shared.layer_kinds.BatchNorm1d", "data=digits")
    assert train(*words, "data.batch_size=600", "trainer.max_epochs=1", "seed=0,1").code == 0
    runs = seedsweep.load_runs("latest")
    states = [seedsweep.load_model(run).net.state_dict() for run in runs["run"]]
    assert all(state["layers.1.num_batches_tracked"] == 3 for state in states)
    assert not torch.equal(states[0]["layers.1.running_mean"], states[1]["layers.1.running_mean"])
    assert list(states[0])[:3] == ["layers.0.weight", "layers.0.bias", "layers.1.weight"]


@pytest.mark.parametrize("model", ["cnn", "rnn", "rnn model.cell=lstm", "rnn model.cell=rnn"])
def test_shipped_networks_of_images_equal_the_reference_engine(model: str) -> None:
    """In 32 bits, by the four optimizers that the course compares, after five epochs."""
    words = ("tracking=none", "data=digits", f"model={model}", "data.batch_size=100", "trainer.max_epochs=5")
    runs = [
        seedsweep.resolve(config(*" ".join(words).split(), f"optimizer={optimizer}", f"seed={seed}"))
        for optimizer in ("sgd", "momentum", "adam", "rmsprop")
        for seed in range(2)
    ]
    together = fleet.train(assemble(runs))
    for member, values in enumerate(runs):
        curves = curves_of(alone(values))
        assert curves_of(together, member) == pytest.approx(curves, abs=1e-4)


def test_bits_of_a_member_are_the_same_whoever_else_is_in_the_fleet() -> None:
    for model in ("cnn", "rnn"):
        words = ("tracking=none", "data=digits", f"model={model}", "data.batch_size=400", "trainer.max_epochs=2")
        runs = [seedsweep.resolve(config(*words, f"seed={seed}", "optimizer=adam")) for seed in range(5)]
        whole, part = fleet.train(assemble(runs)), fleet.train(assemble(runs[2:4]))
        assert curves_of(whole, 2) == curves_of(part, 0)


def test_every_kind_of_layer_is_in_the_table_of_the_docs() -> None:
    rows = re.findall(r"^\| (\w+) \| (\S+).* \| (.*) \|$", (ROOT / "docs" / "fleet.md").read_text(), re.MULTILINE)
    stated = {name: reason for name, _, reason in rows if name in KINDS}
    assert list(stated) == list(KINDS)
    for name, reason in stated.items():
        assert (ALONE[name] in reason) if name in ALONE else reason == "fleet"


def test_dropout_on_a_gpu_is_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    gpu = "trainer.accelerator=gpu"
    assert "its dropout samples other masks on a GPU" in str(refuse_model(configuration("Dropout", gpu)))
    assert refuse_model(configuration("Linear", gpu)) is None
    assert refuse_model(configuration("Dropout")) is None
