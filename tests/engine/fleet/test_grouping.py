"""Which runs train together, by the values of their configurations."""

from collections.abc import Mapping
from typing import Any

import pytest
from shared.commands import config

import seedsweep
from seedsweep.config.completeness import Config
from seedsweep.engine.fleet.grouping import ASKED, group


def resolved(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config(*overrides))


BASE = resolved()


def changed(key: str, value: Any) -> dict[str, Any]:
    """The usual configuration but for one value."""
    group_name, _, name = key.partition(".")
    return BASE | {group_name: BASE[group_name] | {name: value}} if name else BASE | {key: value}


def positions(configs: list[Config]) -> tuple[list[list[int]], dict[int, str]]:
    """The fleets by what can be read from values, and the reasons of the others."""
    fleets, alone = group(configs, ())
    return [fleet.tolist() for fleet in fleets], alone


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
    assert positions([BASE, resolved(*words.split())]) == ([[0, 1]], {})


@pytest.mark.parametrize("words", SPLITTING)
def test_runs_that_differ_in_it_are_in_two_fleets(words: str) -> None:
    assert positions([BASE, resolved(*words.split())]) == ([[0], [1]], {})


def test_networks_of_other_sizes_are_in_two_fleets() -> None:
    assert len(group([resolved("model=mlp", f"model.hidden=[{size}]") for size in (2, 3)], ())[0]) == 2


REASONS = {
    ("trainer.engine", "lightning"): ASKED,
    ("trainer.accumulate_grad_batches", 2): "trainer.accumulate_grad_batches is for Lightning's Trainer alone",
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
    [
        ("trainer.accumulate_grad_batches", None),
        ("trainer.gradient_clip_val", 1.0),
        ("trainer.precision", "32"),
        ("trainer.precision", 64),
    ],
)
def test_run_that_does_not_need_the_trainer_is_in_a_fleet(key: str, value: Any) -> None:
    assert positions([changed(key, value)]) == ([[0]], {})


def test_first_refusal_is_the_reason() -> None:
    def odd(run: Mapping[str, Any]) -> str | None:
        return "its rate is odd" if run["optimizer"]["lr"] % 2 else None

    def large(run: Mapping[str, Any]) -> str | None:
        return "its rate is large" if run["optimizer"]["lr"] > 2 else None

    fleets, alone = group([changed("optimizer.lr", rate) for rate in range(5)], (odd, large))
    assert [fleet.tolist() for fleet in fleets] == [[0, 2]]
    assert alone == {1: "its rate is odd", 3: "its rate is odd", 4: "its rate is large"}


def test_fleets_and_their_members_are_in_the_order_of_the_runs() -> None:
    small, large = changed("data.batch_size", 8), changed("data.batch_size", 64)
    by_wish = changed("trainer.engine", "lightning")
    assert positions([large, small, by_wish, large, BASE, small]) == ([[0, 3], [1, 5], [4]], {2: ASKED})


def test_no_runs_are_no_fleets() -> None:
    assert group([], ()) == ([], {})
