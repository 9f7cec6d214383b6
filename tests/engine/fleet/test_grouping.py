"""Which runs train together, and what happens to those that cannot."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from shared.commands import Ended, config, start
from shared.stores import runs_in

import seedsweep
from seedsweep.config.completeness import Config
from seedsweep.engine.fleet.assemble import refuse_model, refuse_optimizer
from seedsweep.engine.fleet.grouping import ASKED, group

ALONE = "trainer.engine=lightning"
JUDGES = (refuse_model, refuse_optimizer)
Train = Callable[..., Ended]


def made(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config(*overrides))


BASE = made()


def changed(key: str, value: Any) -> dict[str, Any]:
    """The usual configuration but for one value."""
    part, _, name = key.partition(".")
    return BASE | {part: BASE[part] | {name: value}} if name else BASE | {part: value}


def positions(configs: list[Config]) -> tuple[list[list[int]], dict[int, str]]:
    """The fleets by what can be read from values, and the reasons of the others."""
    fleets, alone = group(configs, ())
    return [each.tolist() for each in fleets], alone


JOINING = ["seed=1", "init_seed=1", "order_seed=1", "model.init=zeros", "optimizer=adam", "optimizer.lr=1"]
JOINING += ["optimizer=adamw optimizer.weight_decay=0.3", "schedule=cosine", "trainer.max_epochs=9", "experiment=other"]
JOINING += ["objective.select=best"]
SPLITTING = ["data=wine model=softmax_regression", "data.batch_size=32", "data.split_seed=1", "data.standardize=all"]
SPLITTING += ["model=mlp", "trainer.precision=64-true", "trainer.log_every_n_steps=1", "trainer.divergence_threshold=1"]
SPLITTING += ["trainer.accelerator=auto", "trainer.max_members=3"]
SPLITTING += ["trainer.reshuffle=false", "data.drop_last=true"]
SPLITTING += ["trainer.suboptimality=true"]


@pytest.mark.parametrize("words", JOINING)
def test_runs_that_differ_in_it_train_together(words: str) -> None:
    assert positions([BASE, made(*words.split())]) == ([[0, 1]], {})


@pytest.mark.parametrize("words", SPLITTING)
def test_runs_that_differ_in_it_are_in_two_fleets(words: str) -> None:
    assert positions([BASE, made(*words.split())]) == ([[0], [1]], {})


def test_networks_of_other_sizes_are_in_two_fleets() -> None:
    assert len(group([made("model=mlp", f"model.hidden=[{size}]") for size in (2, 3)], ())[0]) == 2


REASONS = {
    ("trainer.engine", "lightning"): ASKED,
    ("trainer.gradient_clip_val", 1.0): "trainer.gradient_clip_val is for Lightning's Trainer alone",
    ("trainer.limit_val_batches", 0): "trainer.limit_val_batches is for Lightning's Trainer alone",
    ("trainer.precision", "16-mixed"): "trainer.precision=16-mixed is not 32-true or 32 or 64-true or 64",
    ("trainer.precision", 16): "trainer.precision=16 is not 32-true or 32 or 64-true or 64",
    ("trainer.accelerator", "mps"): "trainer.accelerator=mps is not cpu, auto, gpu, cuda",
}


@pytest.mark.parametrize(("change", "reason"), REASONS.items(), ids=str)
def test_run_that_needs_the_trainer_is_in_none(change: tuple[str, Any], reason: str) -> None:
    assert positions([changed(*change), BASE]) == ([[1]], {0: reason})


@pytest.mark.parametrize(
    ("key", "value"),
    [("trainer.gradient_clip_val", None), ("trainer.precision", "32"), ("trainer.precision", 64)],
)
def test_run_that_does_not_need_the_trainer_is_in_a_fleet(key: str, value: Any) -> None:
    assert positions([changed(key, value)]) == ([[0]], {})


def test_first_judge_that_refuses_has_its_say() -> None:
    def odd(run: Mapping[str, Any]) -> str | None:
        return "its seed is odd" if run["seed"] % 2 else None

    def large(run: Mapping[str, Any]) -> str | None:
        return "its seed is large" if run["seed"] > 2 else None

    fleets, alone = group([changed("seed", seed) for seed in range(5)], (odd, large))
    assert [each.tolist() for each in fleets] == [[0, 2]]
    assert alone == {1: "its seed is odd", 3: "its seed is odd", 4: "its seed is large"}


def test_fleets_and_their_members_are_in_the_order_of_the_runs() -> None:
    small, large = changed("data.batch_size", 8), changed("data.batch_size", 64)
    asked = changed("trainer.engine", "lightning")
    assert positions([large, small, asked, large, BASE, small]) == ([[0, 3], [1, 5], [4]], {2: ASKED})


def test_no_runs_are_no_fleets() -> None:
    assert group([], ()) == ([], {})


MODELS = """
import torch
from torch import nn
from seedsweep.problem.models import LogisticRegression

class Dropping(LogisticRegression):
    def forward(self, x):
        return super().forward(nn.functional.dropout(x, 0.5, self.training))

class Normed(LogisticRegression):
    def __init__(self, features, classes=2, **others):
        super().__init__(features, classes, **others)
        self.norm = nn.BatchNorm1d(features)

    def forward(self, x):
        return super().forward(self.norm(x))

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
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    "Dropping": "the model cannot be vectorised: it draws random numbers in its steps, as dropout does",
    "Normed": "the model keeps net.norm.running_mean besides its parameters, as batch norm does",
    "Branching": "the model cannot be vectorised: .*data-dependent control flow",
    "Counting": r"the model cannot be vectorised: .*\.item\(\)",
    "Keeping": "the model keeps something besides its parameters, which members cannot share",
    "Remembering": "the model keeps something besides its parameters, which members cannot share",
}


@pytest.mark.parametrize(("model", "reason"), WHY.items(), ids=WHY)
def test_module_that_cannot_be_vectorised_is_trained_by_the_reference(
    train: Train, client: MlflowClient, models: None, model: str, reason: str
) -> None:
    _, alone = group([made(f"model._target_=somebodys.{model}")], JUDGES)
    assert re.match(reason, alone[0])
    words = ("-m", f"model._target_=somebodys.{model}", "seed=0,1", "trainer.max_epochs=2")
    ended = train(*words)
    assert ended.code == 0, ended.err
    assert set(engines(client).values()) == {"lightning"}
    by_itself = curves()
    assert train(*words, ALONE).code == 0
    pd.testing.assert_frame_equal(by_itself, curves(), check_exact=True)


@pytest.mark.parametrize("model", ["Switching", "Frozen", "Unused", "Tied", "Learned", "Demanding"])
def test_module_of_a_third_party_has_the_curves_of_the_reference(
    train: Train, client: MlflowClient, models: None, model: str
) -> None:
    words = ("-m", f"model._target_=somebodys.{model}", "optimizer.lr=0.1,1", "trainer.max_epochs=2")
    assert train(*words).code == 0
    together, weights = curves(), [seedsweep.load_model(run) for run in seedsweep.load_runs("latest")["run"]]
    assert train(*words, ALONE).code == 0
    alone = curves()
    assert together.drop(columns="value").equals(alone.drop(columns="value"))
    assert (together["value"] - alone["value"]).abs().max() < 1e-6
    for one, run in zip(weights, seedsweep.load_runs("latest")["run"], strict=True):
        for left, right in zip(one.parameters(), seedsweep.load_model(run).parameters(), strict=True):
            assert torch.allclose(left, right, atol=1e-5)


@pytest.mark.slow
def test_each_reason_is_shown_once(uri: str, models: None) -> None:
    words = ("optimizer=rprop,sgd", "model._target_=somebodys.Dropping,seedsweep.model.LogisticRegression")
    out, err = start("-m", *words, "seed=0,1", "trainer.max_epochs=1").communicate(timeout=100)
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
    for key in ("momentum", "nesterov", "dampening", "weight_decay"):
        words += (f"~optimizer.{key}",) if key in BASE["optimizer"] else ()
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
    assert group([made(override)], JUDGES) == ([], {0: reason})
    ended = train("-m", override, "seed=0,1", "trainer.max_epochs=1")
    assert ended.code == 0, ended.err
    assert set(engines(client).values()) == {"lightning"}


@pytest.mark.parametrize("name", ["rprop", "asgd"])
def test_optimizers_of_torch_that_cannot_join_are_named(name: str) -> None:
    target = made(f"optimizer={name}")["optimizer"]["_target_"]
    fleets, alone = group([made(f"optimizer={name}"), BASE], JUDGES)
    assert [each.tolist() for each in fleets] == [[1]]
    assert alone[0].startswith(f"{target}: ")
