"""Which models and optimizers may join a fleet, by trying them, and what becomes of the runs whose may not."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from shared.commands import Ended, config, start
from shared.stores import runs_in

import seedsweep
from seedsweep.engine.fleet.assemble import assemble, chunk_size, chunks, refuse_model, refuse_optimizer
from seedsweep.engine.fleet.grouping import group

ALONE = "trainer.engine=lightning"
REFUSALS = (refuse_model, refuse_optimizer)
Train = Callable[..., Ended]


def resolved(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config(*overrides))


@pytest.mark.parametrize(("words", "sizes"), [((), [5]), (("trainer.max_members=2",), [2, 2, 1])])
def test_chunks_are_the_runs_in_their_order(words: tuple[str, ...], sizes: list[int]) -> None:
    runs = np.array([4, 2, 9, 7, 1])
    made = list(chunks(resolved(*words), runs))
    assert [len(chunk) for chunk in made] == sizes
    assert np.concatenate(made).tolist() == runs.tolist()


def test_a_large_model_makes_small_chunks() -> None:
    large = resolved("data=digits", "model=mlp", "model.hidden=[512,512]")
    first, *_ = chunks(large, np.arange(1000))
    assert 1 <= len(first) < 500


def test_a_model_whose_steps_are_large_is_trained_alone_unless_a_fleet_is_asked_for() -> None:
    words = ("data=digits", "model=mlp", "data.batch_size=64")
    large = (*words, "model.hidden=[1024,1024]")
    assert "no quicker" in str(refuse_model(resolved(*large)))
    assert refuse_model(resolved(*large, "trainer.max_members=3")) is None
    assert refuse_model(resolved(*words, "model.hidden=[1024]")) is None


@pytest.mark.parametrize(("free", "members"), [(2**20, 1), (2**26, 28), (2**40, 8192)])
def test_a_chunk_fits_into_what_is_free_on_a_gpu(monkeypatch: pytest.MonkeyPatch, free: int, members: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 2**40))
    on_gpu = resolved("data=digits", "model=mlp", "model.hidden=[64]", "data.batch_size=64", "trainer.accelerator=gpu")
    assert chunk_size(on_gpu) == members


def test_chunks_of_double_precision_are_half_as_large() -> None:
    words = ("data=digits", "model=mlp", "model.hidden=[64]", "data.batch_size=64")
    single, double = chunk_size(resolved(*words)), chunk_size(resolved(*words, "trainer.precision=64-true"))
    assert double == single // 2


def test_members_share_what_is_equal_and_keep_what_is_their_own() -> None:
    differing = ("seed=0", "seed=1", "seed=0 optimizer.lr=0.5 schedule=step", "init_seed=0 optimizer=adam")
    fleet = assemble([resolved("trainer.max_epochs=3", *words.split()) for words in differing])
    assert [member.order_seed for member in fleet.members] == [0, 1, 0, 0]
    first, second, third, fourth = fleet.members
    assert first.weights is third.weights is fourth.weights
    assert not torch.equal(first.weights, second.weights)
    assert first.optimizer == second.optimizer == third.optimizer != fourth.optimizer
    assert set(fleet.optimizers) == {first.optimizer, fourth.optimizer}
    assert first.rates == (0.01,) * 3
    assert third.rates[0] == 0.5
    assert (fleet.batch_size, fleet.reshuffle, fleet.drop_last) == (16, True, False)


MODELS = """
import torch
from torch import nn
from seedsweep.problem.models import LogisticRegression

class Noisy(LogisticRegression):
    def forward(self, x):
        return super().forward(x + torch.randn_like(x) if self.training else x)

class Branching(LogisticRegression):
    def forward(self, x):
        logits = super().forward(x)
        return logits if logits.sum() > 0 else 2 * logits

class Counting(LogisticRegression):
    def forward(self, x):
        return super().forward(x) * float(self.linear.weight.sum().item() > 0)

class Keeping(LogisticRegression):
    def __init__(self, features, classes=2, **others):
        super().__init__(features, classes, **others)
        self.fixed = torch.rand(features, generator=others["generator"])  # neither a parameter nor a buffer

    def forward(self, x):
        return super().forward(x * self.fixed)

class Remembering(LogisticRegression):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) / self.calls

class Demanding(LogisticRegression):
    def __init__(self, features, classes, init, generator=None):
        super().__init__(features, classes, init, generator)

class Switching(LogisticRegression):
    def forward(self, x):
        return super().forward(x) * (1 if self.training else 2)

class Frozen(LogisticRegression):
    def __init__(self, features, classes=2, **others):
        super().__init__(features, classes, **others)
        self.linear.bias.requires_grad_(False)

class Unused(LogisticRegression):
    def __init__(self, features, classes=2, **others):
        super().__init__(features, classes, **others)
        self.spare = nn.Parameter(torch.ones(3))

class Tied(LogisticRegression):
    def __init__(self, features, classes=2, **others):
        super().__init__(features, classes, **others)
        self.same = self.linear

class Learned(LogisticRegression):
    def __init__(self, features, classes=2, **others):
        super().__init__(features, classes, **others)
        self.scale, self.shift = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(features))
        self.norm = nn.LayerNorm(features)

    def forward(self, x):
        return self.scale * super().forward(self.norm(x) + self.shift)
"""


@pytest.fixture
def somebodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that somebody else wrote."""
    (tmp_path / "somebodys.py").write_text(MODELS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def engines(client: MlflowClient) -> dict[str, str]:
    """The engine of each run of the store, by name."""
    return {run.info.run_name: run.data.tags["seedsweep.engine"] for run in runs_in(client)}


def curves(sweep: str = "latest") -> pd.DataFrame:
    runs = seedsweep.load_runs(sweep)
    points = seedsweep.load_curves(sweep).merge(runs[["run", "name"]], on="run")
    return points.drop(columns="run").sort_values(["name", "metric", "step"], ignore_index=True)


WHY = {
    "Noisy": "the model cannot be vectorised: it draws random numbers in its steps other than those of dropout",
    "Branching": "the model cannot be vectorised: .*data-dependent control flow",
    "Counting": r"the model cannot be vectorised: .*\.item\(\)",
    "Keeping": "the model keeps something besides its state dict, which members cannot share",
    "Remembering": "the model keeps something besides its state dict, which members cannot share",
}


@pytest.mark.parametrize(("model", "reason"), WHY.items(), ids=WHY)
def test_module_that_cannot_be_vectorised_is_trained_by_the_reference(
    train: Train, client: MlflowClient, somebodys: None, model: str, reason: str
) -> None:
    _, alone = group([resolved(f"model._target_=somebodys.{model}")], REFUSALS)
    assert re.match(reason, alone[0])
    words = ("-m", f"model._target_=somebodys.{model}", "seed=0,1", "trainer.max_epochs=2")
    ended = train(*words)
    assert ended.code == 0, ended.err
    assert set(engines(client).values()) == {"lightning"}
    in_the_sweep = curves()
    assert train(*words, ALONE).code == 0
    pd.testing.assert_frame_equal(in_the_sweep, curves(), check_exact=True)


@pytest.mark.parametrize("model", ["Switching", "Frozen", "Unused", "Tied", "Learned", "Demanding"])
def test_module_of_a_third_party_has_the_curves_of_the_reference(
    train: Train, client: MlflowClient, somebodys: None, model: str
) -> None:
    words = ("-m", f"model._target_=somebodys.{model}", "optimizer.lr=0.1,1", "trainer.max_epochs=2")
    assert train(*words).code == 0
    together, models = curves(), [seedsweep.load_model(run) for run in seedsweep.load_runs("latest")["run"]]
    assert train(*words, ALONE).code == 0
    alone = curves()
    assert together.drop(columns="value").equals(alone.drop(columns="value"))
    assert (together["value"] - alone["value"]).abs().max() < 1e-6
    for model, run in zip(models, seedsweep.load_runs("latest")["run"], strict=True):
        for actual, expected in zip(model.parameters(), seedsweep.load_model(run).parameters(), strict=True):
            assert torch.allclose(actual, expected, atol=1e-5)


@pytest.mark.slow
def test_a_reason_is_shown_once(uri: str, somebodys: None) -> None:
    words = ("optimizer=rprop,sgd", "model._target_=somebodys.Noisy,seedsweep.model.LogisticRegression")
    out, err = start("-m", *words, "seed=0,1", "trainer.max_epochs=1").communicate(timeout=300)
    shown = out + err
    assert shown.count("one by one") == 2
    assert "4 runs are trained one by one: the model cannot be vectorised: it draws random numbers" in shown
    assert "2 runs are trained one by one: torch.optim.Rprop: its steps are not proportional to the learning" in shown


def test_runs_that_cannot_join_leave_the_others_their_fleet(train: Train, client: MlflowClient) -> None:
    ended = train("-m", "optimizer=rprop,sgd,asgd,adam", "trainer.max_epochs=1")
    assert ended.code == 0
    assert {name.split()[0]: engine for name, engine in engines(client).items()} == {
        "sgd": "fleet",
        "adam": "fleet",
        "rprop": "lightning",
        "asgd": "lightning",
    }
    runs = seedsweep.load_runs("latest")
    assert runs["job"].tolist() == [0, 1, 2, 3]
    assert runs["optimizer"].tolist() == ["rprop", "sgd", "asgd", "adam"]
    assert set(runs["outcome"]) == {"finished"}


@pytest.mark.parametrize("name", ["Lion", "AdaBelief"])
def test_optimizer_of_a_third_party_joins(train: Train, client: MlflowClient, name: str) -> None:
    pytest.importorskip("pytorch_optimizer")
    words = ("-m", f"optimizer._target_=pytorch_optimizer.{name}", "optimizer.lr=0.01,0.1", "trainer.max_epochs=2")
    present = resolved()["optimizer"].keys() & {"momentum", "nesterov", "dampening", "weight_decay"}
    words += tuple(f"~optimizer.{key}" for key in sorted(present))
    ended = train(*words)
    assert ended.code == 0, ended.err
    assert set(engines(client).values()) == {"fleet"}
    together = curves()
    assert train(*words, ALONE).code == 0
    assert (together["value"] - curves()["value"]).abs().max() < 1e-6


STRANGE = """
import torch

class Strange(torch.optim.SGD):
    @torch.no_grad()
    def step(self, closure=None):
        loss = torch.enable_grad()(closure)() if closure else None
        for group in self.param_groups:
            for parameter in group["params"]:
                self.move(parameter, group["lr"])
        return loss

class Squaring(Strange):
    def move(self, parameter, rate):
        parameter -= rate**2 * parameter.grad.sign()

class Mixing(Strange):
    def move(self, parameter, rate):
        parameter -= rate * parameter.grad / parameter.grad.norm()

class Turning(Squaring):
    steps = 0  # as SGD for 150

    def move(self, parameter, rate):
        self.steps += parameter.ndim > 1 or parameter.numel() > 1
        if self.steps > 150:
            return super().move(parameter, rate)
        parameter -= rate * parameter.grad

class Bare(torch.optim.Optimizer):
    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter -= group["lr"] * parameter.grad

class Warming(torch.optim.lr_scheduler.LRScheduler):
    def get_lr(self):
        for group in self.optimizer.param_groups:
            group["momentum"] = 0.1 * (self.last_epoch + 1)
        return [group["lr"] for group in self.optimizer.param_groups]
"""


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optimizers and a schedule that would be trained otherwise in a fleet."""
    (tmp_path / "strange.py").write_text(STRANGE)
    monkeypatch.syspath_prepend(str(tmp_path))


NOT_PROPORTIONAL = "its steps are not proportional to the learning rate, or mix the members"


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("optimizer._target_=strange.Squaring", f"strange.Squaring: {NOT_PROPORTIONAL}"),
        ("optimizer._target_=strange.Mixing", f"strange.Mixing: {NOT_PROPORTIONAL}"),
        ("+schedule._target_=strange.Warming", "strange.Warming changes more than learning rates"),
    ],
)
def test_what_would_be_trained_otherwise_in_a_fleet_is_found(
    train: Train, client: MlflowClient, strange: None, override: str, reason: str
) -> None:
    assert group([resolved(override)], REFUSALS) == ([], {0: reason})
    ended = train("-m", override, "seed=0,1", "trainer.max_epochs=1")
    assert ended.code == 0, ended.err
    assert set(engines(client).values()) == {"lightning"}


def test_an_optimizer_that_changes_its_ways_late_joins_no_long_fleet(strange: None) -> None:
    turning = "optimizer._target_=strange.Turning"
    assert group([resolved(turning, "trainer.max_epochs=4")], REFUSALS)[1] == {}  # 100 steps
    alone = {0: f"strange.Turning: {NOT_PROPORTIONAL}"}
    assert group([resolved(turning, "trainer.max_epochs=7")], REFUSALS)[1] == alone


def test_an_optimizer_that_takes_no_closure_trains_in_both_engines(
    train: Train, client: MlflowClient, strange: None
) -> None:
    bare = ("-m", "optimizer._target_=strange.Bare", "seed=0,1", "trainer.max_epochs=2", "tracking.reuse=false")
    bare += tuple(f"~optimizer.{key}" for key in sorted(resolved()["optimizer"].keys() - {"_target_", "lr", "search"}))
    losses = []
    for engine in ("fleet", "lightning"):
        ended = train(*bare, f"trainer.engine={engine}")
        assert ended.code == 0, ended.err
        assert set(engines(client).values()) >= {engine}
        losses.append(seedsweep.load_runs("latest")["val/loss"].to_numpy())
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


@pytest.mark.parametrize("name", ["rprop", "asgd"])
def test_optimizers_of_torch_that_cannot_join_are_named(name: str) -> None:
    target = resolved(f"optimizer={name}")["optimizer"]["_target_"]
    fleets, alone = group([resolved(f"optimizer={name}"), resolved()], REFUSALS)
    assert [fleet.tolist() for fleet in fleets] == [[1]]
    assert alone[0].startswith(f"{target}: ")
