"""Clipped gradients: by torch's own functions, and in a fleet as by the reference engine."""

import pytest
import torch
from shared.commands import config
from shared.layer_kinds import alone, configuration, curves_of

import seedsweep
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble
from seedsweep.engine.fleet.clipping import Clipping, clipping

CLIPPED = ("trainer.gradient_clip_val=0.01", "trainer.gradient_clip_val=0.01 trainer.gradient_clip_algorithm=value")


@pytest.mark.parametrize("by_value", [False, True])
def test_gradients_of_each_member_are_clipped_as_by_torch(by_value: bool) -> None:
    sizes = torch.tensor([0.01, 1, 0, 50, 1e30])
    gradients = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)) * sizes.unsqueeze(1)
    clipped = gradients.clone()
    Clipping(0.5, by_value).clip(clipped)
    for row, before in zip(clipped, gradients, strict=True):
        tensors = [torch.nn.Parameter(torch.zeros(4)), torch.nn.Parameter(torch.zeros(3))]
        tensors[0].grad, tensors[1].grad = before[:4].clone(), before[4:].clone()
        if by_value:
            torch.nn.utils.clip_grad_value_(tensors, 0.5)
        else:
            torch.nn.utils.clip_grad_norm_(tensors, 0.5)
        torch.testing.assert_close(row, torch.cat([tensor.grad for tensor in tensors]))


def test_no_limit_clips_nothing() -> None:
    assert clipping({}) is clipping({"gradient_clip_val": None}) is clipping({"gradient_clip_val": 0}) is None


@pytest.mark.parametrize("words", CLIPPED)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_fleet_has_the_curves_of_the_reference_engine(words: str, optimizer: str) -> None:
    common = ("tracking=none", "trainer.norms=true", f"optimizer={optimizer}", "optimizer.lr=0.1", *words.split())
    runs = [seedsweep.resolve(config(*common, f"seed={seed}")) for seed in range(3)]
    together = fleet.train(assemble(runs))
    free = alone(seedsweep.resolve(config(*common[:4], "seed=0")))
    for member, values in enumerate(runs):
        curves = curves_of(alone(values))
        assert curves_of(together, member) == pytest.approx(curves, abs=1e-5)
    assert curves_of(together, 0) != curves_of(free)


def test_frozen_parameters_have_no_part_in_norms_and_clipping() -> None:
    words = ("trainer.norms=true", "trainer.gradient_clip_val=0.1")
    runs = [configuration("FrozenLayer", *words, f"seed={seed}", "optimizer=adam") for seed in range(2)]
    together = fleet.train(assemble(runs))
    for member, values in enumerate(runs):
        curves = curves_of(alone(values))
        assert curves_of(together, member) == pytest.approx(curves, abs=1e-5)


@pytest.mark.parametrize("kind", ["BatchNorm1d", "Dropouts"])
def test_norms_beside_statistics_and_masks_equal_the_reference_engine(kind: str) -> None:
    runs = [configuration(kind, "trainer.norms=true", f"seed={seed}") for seed in range(2)]
    together = fleet.train(assemble(runs))
    for member, values in enumerate(runs):
        curves = curves_of(alone(values))
        assert curves_of(together, member) == pytest.approx(curves, abs=1e-5)
