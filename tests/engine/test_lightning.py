"""The reference engine against a bare PyTorch loop, the known optimum, and trainings that do not end well."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from scipy.optimize import minimize
from shared.commands import BANKNOTE, OPTIMIZER_OPTIONS, config, needs_banknote
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader

from seedsweep.engine.built_run import BuiltRun, build
from seedsweep.engine.lightning import train
from seedsweep.outcomes import Point, RunResult, objective
from seedsweep.problem.splits import ORDER_STREAM

LBFGS = ("optimizer._target_=torch.optim.LBFGS", "optimizer.lr=1", "~optimizer.weight_decay")
LBFGS += ("+optimizer.line_search_fn=strong_wolfe", "trainer.max_epochs=40")


def trained(*overrides: str) -> RunResult:
    job = build(config("tracking=none", *overrides))
    return train(job.module, job.data, **job.trainer)


def curve(result: RunResult, metric: str) -> list[float]:
    return [point.value for point in result.points if point.metric == metric]


def plain_loop(job: BuiltRun, optimizer: torch.optim.Optimizer, epochs: int) -> list[float]:
    """The epochs' mean training losses of the same network, by the loop that everybody knows."""
    order = torch.Generator().manual_seed(ORDER_STREAM)
    loader = DataLoader(job.splits.train, 16, shuffle=True, generator=order)
    means = []
    if hasattr(optimizer, "train"):
        optimizer.train()
    for _ in range(epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = binary_cross_entropy_with_logits(job.module.net(x), y.float())
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        means.append(total / len(job.splits.train))
    return means


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZER_OPTIONS)
def test_curves_equal_a_bare_pytorch_loop(name: str) -> None:
    composed = config("tracking=none", f"optimizer={name}", "trainer.max_epochs=2")
    job = build(composed)
    plain = OmegaConf.masked_copy(composed.optimizer, [key for key in composed.optimizer if key != "search"])
    optimizer = instantiate(plain, job.module.net.parameters(), _convert_="all")
    expected = plain_loop(job, optimizer, epochs=2)
    np.testing.assert_allclose(
        curve(trained(f"optimizer={name}", "trainer.max_epochs=2"), "train/loss"), expected, 1e-6
    )


@needs_banknote
def test_full_batch_training_reaches_the_known_optimum() -> None:
    data = (f"data.path={BANKNOTE}", "data=banknote", "data.standardize=all", "data.stratify=false")
    losses = curve(trained(*data, "data.batch_size=960", *LBFGS), "train/loss")
    assert losses[-1] == pytest.approx(0.016569466862781, rel=1e-6)


def test_full_batch_training_reaches_scipys_optimum() -> None:
    overrides = ("data.batch_size=398", *LBFGS)
    x, y = (tensor.double().numpy() for tensor in build(config("tracking=none")).splits.train.tensors)

    def loss(w: np.ndarray) -> float:
        z = x @ w[1:] + w[0]
        return float(np.mean(np.logaddexp(0, z) - y * z))

    assert curve(trained(*overrides), "train/loss")[-1] == pytest.approx(minimize(loss, np.zeros(5)).fun, rel=1e-6)


def test_points_have_the_steps_and_epochs_they_were_measured_at() -> None:
    result = trained("trainer.max_epochs=2", "trainer.log_every_n_steps=10")
    positions = {metric: [] for metric in ("train/loss", "val/accuracy", "test/loss", "train/loss_step")}
    for point in result.points:
        if point.metric in positions:
            positions[point.metric].append((point.step, point.epoch))
    assert positions["train/loss"] == positions["val/accuracy"] == [(25, 0), (50, 1)]
    assert positions["test/loss"] == [(50, 1)]
    assert positions["train/loss_step"] == [(10, 0), (20, 0), (30, 1), (40, 1), (50, 1)]


def test_validation_points_are_only_those_that_were_measured() -> None:
    result = trained("trainer.max_epochs=4", "+trainer.check_val_every_n_epoch=2")
    assert [point.epoch for point in result.points if point.metric == "val/loss"] == [1, 3]


def test_accumulated_gradients_are_one_step() -> None:
    result = trained("trainer.max_epochs=1", "+trainer.accumulate_grad_batches=2", "trainer.log_every_n_steps=1")
    assert [point.step for point in result.points if point.metric == "train/loss_step"] == list(range(1, 14))
    steps, epoch = curve(result, "train/loss_step"), curve(result, "train/loss")[0]
    assert min(steps) < epoch < max(steps), "on the same scale"


def test_full_batch_descent_at_a_small_rate_never_goes_up() -> None:
    losses = curve(trained("data.batch_size=398", "optimizer.lr=0.1", "trainer.max_epochs=20"), "train/loss")
    assert all(after < before for before, after in pairwise(losses))


@pytest.mark.parametrize("model", ["logistic_regression", "mlp"])
def test_absurd_rate_diverges_and_keeps_its_curve(model: str) -> None:
    result = trained("optimizer.lr=1e6", f"model={model}")
    assert result.outcome == "diverged"
    assert result.points[-1].value > 1e4
    assert not curve(result, "test/loss")
    assert objective(result, "val/loss", "last") == math.inf
    assert objective(result, "val/accuracy", "best") == -math.inf


def test_loss_that_is_not_a_number_diverges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import torch\nclass Spoil(torch.optim.SGD):\n    def step(self, closure=None):\n"
    code += "        loss = super().step(closure)\n        self.param_groups[0]['params'][0].data.fill_(float('nan'))\n"
    (tmp_path / "spoiled.py").write_text(code + "        return loss\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    overrides = ("optimizer._target_=spoiled.Spoil", "trainer.log_every_n_steps=1")
    result = trained(*overrides, "trainer.divergence_threshold=null")
    assert result.outcome == "diverged"
    assert [math.isnan(value) for value in curve(result, "train/loss_step")] == [False, True]


def test_finite_losses_of_any_size_finish_without_a_threshold() -> None:
    assert trained("optimizer.lr=1e6", "trainer.divergence_threshold=null").outcome == "finished"


def test_pruned_training_ends_after_its_epoch_without_a_test() -> None:
    job, epochs = build(config("tracking=none", "trainer.max_epochs=5")), []

    def prune(points: list[Point]) -> bool:
        epochs.append(points)
        return len(epochs) == 2

    result = train(job.module, job.data, prune=prune, **job.trainer)
    assert result.outcome == "pruned"
    assert [point for points in epochs for point in points] == result.points
    assert [{point.epoch for point in points} for points in epochs] == [{0}, {1}]
    assert all({"train/loss", "val/loss"} <= {point.metric for point in points} for points in epochs)
    whole = trained("trainer.max_epochs=5").points
    assert result.points == [point for point in whole if point.epoch < 2]
    weights = trained("trainer.max_epochs=2").weights
    assert all(torch.equal(value, weights[name]) for name, value in result.weights.items())
    assert objective(result, "val/loss", "best") == math.inf
    assert objective(result, "val/accuracy", "last") == -math.inf


@pytest.mark.parametrize("end", ["trainer.max_epochs=1", "+trainer.max_steps=25"])
def test_training_that_is_over_cannot_be_pruned(end: str) -> None:
    job = build(config("tracking=none", end))
    result = train(job.module, job.data, prune=lambda _: True, **job.trainer)
    assert result.outcome == "finished"
    assert curve(result, "test/loss")


def test_training_does_not_touch_the_global_generator() -> None:
    state = torch.get_rng_state()
    trained("trainer.max_epochs=1")
    assert torch.equal(torch.get_rng_state(), state)
