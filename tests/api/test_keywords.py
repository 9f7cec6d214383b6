"""Keywords of a call, and the overrides that mean the same on the command line."""

from typing import Any

import numpy as np
import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser

from seedsweep.api.keywords import overrides_of, written
from seedsweep.errors import ConfigError

KEYS = ("optimizer.lr", "optimizer.search.lr", "trainer.max_epochs", "model.hidden", "seed")


@pytest.mark.parametrize(
    ("keywords", "overrides"),
    [
        ({"optimizer": ["sgd", "adam"], "data": "iris"}, ["optimizer=sgd,adam", "data=iris"]),
        ({"lr": [0.01, 0.1]}, ["optimizer.lr=0.01,0.1"]),
        ({"max_epochs": 3}, ["trainer.max_epochs=3"]),
        ({"hidden": [(8, 8), (4,)]}, ["model.hidden=[8,8],[4]"]),
        ({"seeds": 10}, ["seed=range(0,10)"]),
        ({"seeds": [3, 5]}, ["seed=3,5"]),
        ({"seeds": range(4, 7)}, ["seed=range(4,7)"]),
        ({"seed": 3}, ["seed=3"]),
        ({"optimizer.lr": np.float64(0.5)}, ["optimizer.lr=0.5"]),
        ({"schedule": None}, ["schedule=null"]),
    ],
)
def test_keywords_are_overrides(keywords: dict[str, Any], overrides: list[str]) -> None:
    assert overrides_of(keywords, KEYS) == overrides


@pytest.mark.parametrize(
    "value",
    [1e-5, -3, True, None, "a b", "it's", "true", "1", "back\\slash", "a,b", "${x}", [1, [2, "x"]], {"a": 1}, "ü", ""],
)
def test_a_value_is_read_by_hydra_as_it_was(value: object) -> None:
    override = OverridesParser.create().parse_override(f"key={written(value)}")
    assert override.value() == value
    assert not override.is_sweep_override()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"learning": 1}, "learning=1: there is no such key"),
        ({"seeds": 0}, "seeds=0: must be how many"),
        ({"seeds": [1, "a"]}, "must be how many"),
        ({"lr": []}, "at least one value"),
        ({"trainer": object()}, "must be the name of an option"),
        ({"lr": torch.nn.Linear}, "must be a number"),
    ],
)
def test_what_is_no_key_or_no_value_is_refused(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        overrides_of(keywords, KEYS)
