"""From a configuration to data and network."""

import json
from typing import Any

import torch
from shared.commands import config

import seedsweep
from seedsweep.problem.factories import data, describe, network
from seedsweep.problem.models import MLP


def resolved(*overrides: str) -> dict[str, Any]:
    return seedsweep.resolve(config(*overrides))


def test_runs_share_the_data_that_they_have_in_common() -> None:
    first, second = (data(resolved(f"seed={seed}")) for seed in range(2))
    assert first is second
    assert data(resolved("data.split_seed=1")) is not first


def test_weights_are_those_of_the_seed_whatever_was_sampled_before() -> None:
    values = resolved("model=mlp")
    splits = data(values)
    first = network(values, splits)
    torch.rand(7)
    state = torch.get_rng_state()
    again, different = network(values, splits), network(values | {"init_seed": 1}, splits)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, first.parameters(), again.parameters()))
    assert not torch.equal(next(first.parameters()), next(different.parameters()))


def test_description_makes_the_network_again() -> None:
    values = resolved("data=iris", "model=mlp", "model.hidden=[5,3]")
    splits = data(values)
    described = describe(values, splits)
    again = MLP(**json.loads(described["arguments"]))
    assert described["class"] == values["model"]["_target_"]
    assert {name: value.shape for name, value in again.state_dict().items()} == {
        name: value.shape for name, value in network(values, splits).state_dict().items()
    }
    assert json.loads(described["classes"]) == list(splits.classes)
