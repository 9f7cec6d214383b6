"""Muon of all parameters of a model, and Shampoo: alone, at one rate, with the groups that they are given."""

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from pytorch_optimizer import Muon
from shared.commands import Ended, config
from shared.stores import runs_in
from torch import nn

import seedsweep
from seedsweep.config import instantiation
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet.assemble import refuse_optimizer
from seedsweep.engine.muon import muon
from seedsweep.engine.validation import check


def groups(*values: Any, **options: Any) -> list[dict[str, Any]]:
    made: Any = muon(*values, **options)
    assert isinstance(made, Muon)
    return list(made.param_groups)


def test_matrices_are_moved_by_muon_and_the_others_by_adamw_at_one_rate() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3), nn.LayerNorm(3))
    matrices, others = groups(net.parameters(), lr=0.3, weight_decay=0.1, momentum=0.9, betas=[0.8, 0.9])
    assert [value.ndim for value in matrices["params"]] == [4, 2]
    assert [value.ndim for value in others["params"]] == [1] * 4
    assert (matrices["use_muon"], matrices["use_adjusted_lr"], matrices["momentum"]) == (True, True, 0.9)
    assert (others["use_muon"], others["betas"]) == (False, (0.8, 0.9))
    assert all((group["lr"], group["weight_decay"]) == (0.3, 0.1) for group in (matrices, others))


def test_it_takes_groups_and_leaves_out_empty_ones() -> None:
    matrix, bias, other = (nn.Parameter(torch.zeros(*shape)) for shape in ((2, 2), (2,), (3, 2)))
    given = [{"params": [matrix, other]}, {"params": iter([bias]), "weight_decay": 0, "lr": 0.5}]
    first, second = groups(given, lr=0.1, weight_decay=0.2)
    assert (first["use_muon"], first["weight_decay"], first["lr"]) == (True, 0.2, 0.1)
    assert (second["use_muon"], second["weight_decay"], second["lr"]) == (False, 0, 0.5)
    assert "use_muon" not in given[0], "what is given stays as it is"


def test_a_step_of_a_matrix_is_as_large_as_one_of_adamw() -> None:
    """About 0.2 of the rate, as a root of the mean of squares; Adam's first is the rate."""
    matrix, bias = nn.Parameter(torch.zeros(20, 30)), nn.Parameter(torch.zeros(20))
    made = muon([matrix, bias], lr=0.1)
    for value in (matrix, bias):
        value.grad = torch.randn(value.shape, generator=torch.Generator().manual_seed(0))
    made.step()
    assert matrix.detach().square().mean().sqrt().item() == pytest.approx(0.2 * 0.1, rel=0.3)
    assert bias.detach().abs().mean().item() == pytest.approx(0.1, rel=0.01)


def test_biases_do_not_decay_where_they_are_not_to() -> None:
    words = ("tracking=none", "data=digits", "model=mlp", "optimizer=muon", "optimizer.weight_decay=0.3")
    values = seedsweep.resolve(config(*words, "trainer.decay_biases=false"))
    check(values)
    made = build(values).module.configure_optimizers()["optimizer"]
    assert [(group["use_muon"], group["weight_decay"]) for group in made.param_groups] == [(True, 0.3), (False, 0)]


@pytest.mark.parametrize("problem", ["data=digits model=mlp", "data=breast_cancer"])
def test_both_train_from_the_command_and_say_why_alone(
    problem: str, train: Callable[..., Ended], client: MlflowClient
) -> None:
    words = ("-m", "optimizer=muon,shampoo", "optimizer.lr=0.1", "schedule=one_cycle", "trainer.max_epochs=2")
    ended = train(*words, *problem.split(), "data.batch_size=64", "compare=null")
    assert ended.code == 0, ended.err
    for name in ("muon", "shampoo"):
        reason = refuse_optimizer(seedsweep.resolve(config("tracking=none", f"optimizer={name}")))
        assert "its steps are not proportional to the learning rate, or mix the members" in str(reason)
    runs = runs_in(client)
    assert len(runs) == 2
    chance = math.log(10 if "digits" in problem else 2)
    assert all(run.data.metrics["val/loss"] < chance for run in runs)


def test_the_package_is_imported_when_it_is_used() -> None:
    code = "import sys, seedsweep.optimizers; print('pytorch_optimizer' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instantiation, "find_spec", lambda name: None)
    with pytest.raises(seedsweep.ConfigError, match=r"pip install 'seedsweep\[optimizers\]'"):
        check(seedsweep.resolve(config("tracking=none", "optimizer=muon", "optimizer.lr=0.0123")))


def test_numbers_that_an_optimizer_cannot_decompose_have_diverged() -> None:
    words = ("tracking=none", "data=digits", "model=mlp", "optimizer=shampoo", "optimizer.lr=1e30")
    result = build(seedsweep.resolve(config(*words, "trainer.divergence_threshold=null"))).train()
    assert result.outcome == "diverged"
