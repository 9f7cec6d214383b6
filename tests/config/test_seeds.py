"""A seed means the same everywhere."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from shared.commands import Ended, config, start
from shared.stores import curves_by_name, runs_in

import seedsweep
from seedsweep.engine.built_run import build

DROPPING = """
import torch

class Dropping(torch.nn.Sequential):
    def __init__(self, features, classes, generator):
        linear = torch.nn.utils.skip_init(torch.nn.Linear, features, classes)
        torch.nn.init.zeros_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
        super().__init__(torch.nn.Dropout(0.5), linear)
"""
SWEEP = ("-m", "optimizer=sgd,adam", "seed=0,1,2", "trainer.max_epochs=2", "trainer.engine=lightning")


def test_curves_are_bit_equal_across_processes_and_launchers(train: Callable[..., Ended], client: MlflowClient) -> None:
    assert train(*SWEEP).code == 0
    joblib = start(*SWEEP, "tracking.reuse=false", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    out, err = joblib.communicate(timeout=300)
    assert joblib.returncode == 0, err
    assert "3 of 3" in out
    assert train(*SWEEP, "hydra/sweeper=basic", "experiment=basic").code == 0
    here, there = (curves_by_name(parent.info.run_id) for parent in runs_in(client, "sweep"))
    assert len(here) == 6 * 11
    pd.testing.assert_frame_equal(here, there, check_exact=True)
    everything = seedsweep.load_runs()
    assert everything.groupby("name")["val/loss"].nunique().eq(1).all(), "the same under Hydra's own sweeper"
    assert everything.groupby("group")["val/loss"].nunique().eq(3).all(), "seeds differ"


@pytest.mark.parametrize("model", ["logistic_regression", "mlp", "softmax_regression"])
def test_equal_seeds_share_initialization_and_order(model: str) -> None:
    first, second, other = (
        build(config(f"model={model}", f"optimizer={name}", f"optimizer.lr={lr}", f"seed={seed}"))
        for name, lr, seed in (("sgd", 0.1, 5), ("keras_adam", 0.01, 5), ("sgd", 0.1, 6))
    )
    weights = [torch.cat([p.flatten() for p in job.module.parameters()]) for job in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    orders = [torch.cat([x for x, _ in job.data.train_dataloader()]) for job in (first, second, other)]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_curves_do_not_depend_on_the_number_of_threads() -> None:
    """Large enough for torch to share its sums among threads."""
    wide = ("tracking=none", "data=digits", "model=mlp", "model.hidden=[256]", "data.batch_size=1024", "optimizer=adam")
    values, before = [], torch.get_num_threads()
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        values.append(seedsweep.run(config(*wide)))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert len(set(values)) == 1


def test_both_seeds_can_be_set_apart() -> None:
    same = build(config("seed=1"))
    apart = build(config("seed=1", "order_seed=2"))
    assert torch.equal(same.module.net.linear.weight, apart.module.net.linear.weight)
    orders = [torch.cat([x for x, _ in job.data.train_dataloader()]) for job in (same, apart)]
    assert not torch.equal(*orders)


def test_module_that_draws_as_it_trains_repeats_with_its_seed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dropping.py").write_text(DROPPING)
    monkeypatch.syspath_prepend(str(tmp_path))
    one = ("tracking=none", "model._target_=dropping.Dropping", "~model.init", "trainer.max_epochs=1")
    values = [seedsweep.run(config(*one, f"seed={seed}")) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_layers_that_draw_from_the_global_generator_are_seeded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usual.py").write_text(
        "import torch\nclass Net(torch.nn.Module):\n"
        "    def __init__(self, features, classes, init=None, generator=None):\n"
        "        super().__init__()\n        self.layer = torch.nn.Linear(features, classes)\n"
        "    def forward(self, x):\n        return self.layer(x)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    before = torch.get_rng_state()
    weights = [build(config("model._target_=usual.Net", f"seed={seed}")).module.net.layer.weight for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
