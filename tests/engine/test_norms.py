"""The norms of gradients and weights: by hand, and equal in both engines."""

import numpy as np
import pytest
import torch
from shared.commands import config
from shared.fleets import (
    CHAOTIC,
    CONVEX,
    Problem,
    alone,
    assert_equal,
    assert_same_bits,
    fleet,
    iris,
    logistic,
    mlp,
    run,
    wine,
)
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader

from seedsweep.engine.built_run import build
from seedsweep.engine.fleet.trainer import train
from seedsweep.engine.lightning import train as train_alone
from seedsweep.outcomes import GRADIENT_NORM, WEIGHT_NORM, RunResult
from seedsweep.problem.splits import ORDER_STREAM

RUNS = [run(name, rate, seed, epochs=3) for name in ("sgd", "adamw") for seed, rate in enumerate((0.01, 0.1, 1e9))]


def curve(result: RunResult, metric: str) -> list[float]:
    return [point.value for point in result.points if point.metric == metric]


def trained(*overrides: str) -> RunResult:
    job = build(config("tracking=none", "optimizer.lr=0.1", "trainer.max_epochs=2", *overrides))
    return train_alone(job.module, job.data, **job.trainer)


def test_norms_are_those_of_a_bare_loop() -> None:
    job = build(config("tracking=none"))
    net, loader = (
        job.module.net,
        DataLoader(job.splits.train, 16, shuffle=True, generator=torch.Generator().manual_seed(ORDER_STREAM)),
    )
    gradients, weights = [], []
    for _ in range(2):
        norms = []
        for x, y in loader:
            net.zero_grad()
            binary_cross_entropy_with_logits(net(x), y.float()).backward()
            flat = torch.cat([value.grad.flatten() for value in net.parameters()])
            norms.append(float(flat.norm()))
            with torch.no_grad():
                for value in net.parameters():
                    value -= 0.1 * value.grad
        gradients.append(np.mean(norms))
        weights.append(float(torch.cat([value.detach().flatten() for value in net.parameters()]).norm()))
    result = trained("trainer.norms=true")
    np.testing.assert_allclose(curve(result, GRADIENT_NORM), gradients, 1e-5)
    np.testing.assert_allclose(curve(result, WEIGHT_NORM), weights, 1e-5)


@pytest.mark.parametrize(
    ("problem", "bound"),
    [(logistic(), CONVEX), (iris(31), CONVEX), (mlp(), CHAOTIC), (wine([8, 5], "tanh"), CHAOTIC)],
    ids=["logistic", "iris", "mlp", "deep"],
)
def test_norms_equal_the_reference(problem: Problem, bound: float) -> None:
    result = assert_equal(problem, RUNS, bound, norms=True)
    assert {GRADIENT_NORM, WEIGHT_NORM} <= {column.metric for column in result.columns}


def test_norms_are_bit_equal_whatever_else_is_in_the_fleet() -> None:
    whole = train(fleet(mlp(), RUNS, norms=True))
    for positions in ([0], [1, 4], [3, 4, 5]):
        part = train(fleet(mlp(), [RUNS[position] for position in positions], norms=True))
        assert_same_bits(whole, part, positions)


def test_norms_change_nothing_else() -> None:
    norms, member = (GRADIENT_NORM, WEIGHT_NORM), RUNS[0]
    measured = alone(logistic(), member, norms=True)
    assert [point for point in measured.points if point.metric not in norms] == alone(logistic(), member).points


def test_norms_of_gradients_are_those_before_clipping() -> None:
    clipped = trained("trainer.norms=true", "trainer.gradient_clip_val=1e-3")
    assert min(curve(clipped, GRADIENT_NORM)) > 0.1
