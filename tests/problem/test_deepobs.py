"""DeepOBS' quadratic problem; and what it needs: a loss of the model's own, a fixed order, full minibatches only."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from shared.commands import Ended, config
from shared.stores import runs_in

import seedsweep
from seedsweep.engine import lightning as training
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, refuse_model
from seedsweep.engine.fleet.grouping import group
from seedsweep.engine.fleet.vectorizability import NotVectorizedError, try_out
from seedsweep.errors import ConfigError
from seedsweep.problem.data_module import DataModule
from seedsweep.problem.deepobs import POINTS, Quadratic, hessian
from seedsweep.problem.factories import data
from seedsweep.problem.module import Learner

QUADRATIC = ("data=quadratic_deep", "model=quadratic", "optimizer.lr=0.01")
AWAY = 1e-6  # relative: to which the losses of the two engines agree


def made(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config("tracking=none", "trainer.max_epochs=3", *overrides))


quadratic = partial(made, *QUADRATIC)


def alone(run: dict[str, Any]) -> dict[tuple[str, int], float]:
    """The curves of a run by the reference engine, by metric and step."""
    job = build(run)
    result = training.train(job.module, job.data, **job.trainer)
    return {(point.metric, point.step): point.value for point in result.points}


def together(runs: Sequence[dict[str, Any]]) -> list[dict[tuple[str, int], float]]:
    """The curves of the runs of one fleet, by metric and step."""
    curves: list[dict[tuple[str, int], float]] = [{} for _ in runs]
    for metric, step, _, _, members, values in fleet.train(assemble(runs)).columns:
        for member, value in zip(members, values, strict=True):
            curves[member][metric, step] = float(value)
    return curves


def assert_engines_agree(runs: Sequence[dict[str, Any]]) -> None:
    (positions,), refused = group(runs, (refuse_model,))
    assert (positions.tolist(), refused) == (list(range(len(runs))), {})
    for run, actual in zip(runs, together(runs), strict=True):
        assert actual == pytest.approx(alone(run), rel=AWAY)


# The problem, as it is published


def test_hessian_is_the_published_one() -> None:
    matrix = hessian()
    values = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-13)
    assert ((values > 0) & (values < 1)).sum() == 90
    assert ((values > 30) & (values < 60)).sum() == 10


def test_points_are_the_published_ones() -> None:
    splits = data(quadratic())
    draw = np.random.RandomState(42)
    assert np.array_equal(splits.train.tensors[0], np.float32(draw.normal(0, 0.6, (POINTS, 100))))
    assert [len(part.tensors) for part in (splits.train, splits.val, splits.test)] == [1, 1, 1]
    assert torch.equal(splits.val.tensors[0], splits.test.tensors[0])
    assert not torch.equal(splits.test.tensors[0][:3], splits.train.tensors[0][:3])


def test_loss_at_the_start_is_the_published_one() -> None:
    splits = data(quadratic())
    assert len(splits.test) == 896
    with torch.no_grad():
        assert Quadratic(100).loss(*splits.test.tensors).item() == pytest.approx(353.446765, abs=1e-4)


def test_all_test_points_are_there_unless_the_last_are_dropped() -> None:
    assert len(data(quadratic("data.drop_last=false")).test) == 1000
    assert len(data(quadratic("data.batch_size=64")).test) == 960


def test_seed_chooses_nothing_but_the_order() -> None:
    one, other = (build(quadratic(f"seed={seed}")) for seed in (0, 1))
    assert torch.equal(one.module.net.theta, other.module.net.theta)
    assert torch.equal(one.module.net.theta, torch.ones(100))
    assert alone(quadratic("init_seed=1")) == alone(quadratic())
    assert alone(quadratic("order_seed=1")) != alone(quadratic())


# The engines


@pytest.mark.slow
@pytest.mark.parametrize("drop_last", ["true", "false"])
@pytest.mark.parametrize("reshuffle", ["true", "false"])
def test_fleet_has_the_curves_of_the_reference_engine(reshuffle: str, drop_last: str) -> None:
    words = (f"trainer.reshuffle={reshuffle}", f"data.drop_last={drop_last}", "trainer.log_every_n_steps=1")
    others = ("optimizer=momentum", "optimizer.momentum=0.99"), ("optimizer=adam", "optimizer.lr=0.1")
    runs = [quadratic(*words, *other, f"seed={seed}") for seed in (0, 1) for other in ((), *others)]
    assert_engines_agree(runs)


@pytest.mark.parametrize("batch_size", [199, 64], ids="{0} of 398 rows".format)
def test_classifiers_too_can_have_a_fixed_order_and_full_minibatches_only(batch_size: int) -> None:
    words = (f"data.batch_size={batch_size}", "data.drop_last=true")
    for reshuffle in ("true", "false"):
        assert_engines_agree([made(*words, f"trainer.reshuffle={reshuffle}", f"seed={seed}") for seed in (0, 1)])


def test_double_precision_is_that_of_the_reference_engine() -> None:
    run = quadratic("trainer.precision=64-true")
    assert together([run])[0] == pytest.approx(alone(run), rel=1e-12)


@pytest.mark.slow
def test_curves_do_not_depend_on_the_others_of_a_fleet() -> None:
    runs = [quadratic(f"seed={seed}", f"optimizer={name}") for seed in range(6) for name in ("sgd", "adam", "nesterov")]
    whole = together(runs)
    for positions in ([0], [3, 10], [17, 5, 6, 8, 1]):
        assert together([runs[position] for position in positions]) == [whole[position] for position in positions]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")
def test_fleet_on_a_gpu_has_the_curves_of_the_reference_engine() -> None:
    run = quadratic("trainer.accelerator=cuda")
    assert together([run])[0] == pytest.approx(alone(quadratic()), rel=1e-5)


class Drifting(Quadratic):
    """Not the same loss in every step."""

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        self.hessian.mul_(0.99)
        return super().loss(x)


def test_only_constants_may_be_beside_the_parameters() -> None:
    batch = (torch.randn(8, 100, generator=torch.Generator().manual_seed(0)),)
    assert try_out([Learner(Quadratic(100), torch.optim.SGD) for _ in range(2)], batch) > 0
    with pytest.raises(NotVectorizedError, match="keeps something besides its state dict"):
        try_out([Learner(Drifting(100), torch.optim.SGD) for _ in range(2)], batch)


# The order and the minibatches


def orders(*, reshuffle: bool, order_seed: int = 0, drop_last: bool = False) -> list[torch.Tensor]:
    """The training points as three epochs read them."""
    splits = data(quadratic())
    loader = DataModule(splits, 128, order_seed, reshuffle=reshuffle, drop_last=drop_last).train_dataloader()
    return [torch.cat([x for (x,) in loader]) for _ in range(3)]


def test_fixed_order_is_that_of_the_first_epoch() -> None:
    first, second, third = orders(reshuffle=False)
    assert torch.equal(first, second)
    assert torch.equal(first, third)
    assert torch.equal(first, orders(reshuffle=True)[0])
    assert not torch.equal(first, orders(reshuffle=True)[1])
    assert not torch.equal(first, orders(reshuffle=False, order_seed=1)[0])


def test_last_minibatch_can_be_dropped() -> None:
    whole, full = (orders(reshuffle=False, drop_last=drop_last)[0] for drop_last in (False, True))
    assert (len(whole), len(full)) == (1000, 896)
    assert torch.equal(whole[:896], full)


# What a user sees


def test_runs_with_a_loss_alone_are_tracked_and_shown(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("-m", *QUADRATIC, "trainer.max_epochs=2", "trainer.reshuffle=true,false", "seed=0,1", "compare=true")
    assert ended.code == 0, ended.err
    assert "reshuffle=false" in ended.out
    assert "accuracy" not in ended.out
    runs = seedsweep.load_runs("latest")
    assert {run.data.tags["seedsweep.engine"] for run in runs_in(client)} == {"fleet"}
    assert runs["val/loss"].equals(runs["test/loss"].rename("val/loss"))
    model = seedsweep.load_model(runs["run"][0])
    splits = data(quadratic())
    assert model(splits.test.tensors[0]).mean().item() == pytest.approx(runs["test/loss"][0], rel=1e-5)
    assert train(*QUADRATIC).code == 0


WRONG = {
    "data=quadratic_deep": "model=logistic_regression: needs a target, and the data has none; choose model=quadratic",
    "model=quadratic": "model=quadratic: has no use for classes, and the data has 2; choose data=quadratic_deep",
    "data=quadratic_deep model=quadratic objective.metric=val/accuracy": (
        "objective.metric=val/accuracy: must be one of train/loss, val/loss, test/loss"
    ),
    "data=quadratic_deep model=quadratic data.batch_size=1001": "from 1 to 1000, the number of training rows",
    "data=quadratic_deep model=quadratic +data.split_seed=1": (
        "data.split_seed=1: seedsweep.quadratic.Points has no argument split_seed"
    ),
    "data.drop_last=1": "data.drop_last=1: must be true or false",
    "trainer.reshuffle=null": "trainer.reshuffle=null: must be true or false",
}


@pytest.mark.parametrize(("overrides", "message"), WRONG.items(), ids=WRONG)
def test_wrong_input_is_refused_with_what_is_wrong(overrides: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(config("tracking=none", *overrides.split()))
