"""The steps of a fleet on a GPU, without one: nothing in them waits for the device, or copies from or to it.

They are taken on torch's meta device, whose tensors have no values: whoever asks for one, as `.item()`, `bool()` and
boolean masks do, raises an error.
"""

from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from shared.fleets import fleet, mlp, proportional, run
from shared.layer_kinds import configuration
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seedsweep.engine.fleet.assemble import assemble
from seedsweep.engine.fleet.clipping import Clipping
from seedsweep.engine.fleet.members import Fleet
from seedsweep.engine.fleet.state import TrainingState
from seedsweep.engine.fleet.vectorize import Vectorized

STEPS = 2
LAYERS = ("Linear", "Conv2d", "MaxPool2d", "BatchNorm2d", "LayerNorm", "LSTM", "Embedding", "TransformerEncoder")


class Copies(TorchDispatchMode):
    """Notes the operations whose tensors are on two devices; a number on the CPU is an argument as any other."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        tensors = [value for value in tree_leaves((args, kwargs, result)) if isinstance(value, Tensor)]
        if len({value.device for value in tensors if value.ndim or value.device.type != "cpu"}) > 1:
            self.noted.append(str(function))
        return result


def copies_of_steps(prepared: Fleet) -> list[str]:
    """What is copied between the devices in some steps of a fleet, of which the first one is traced."""
    prepared.device, prepared.module = "meta", Vectorized(deepcopy(prepared.module.module).to("meta"))
    rows = tuple(column.to("meta") for column in prepared.splits.train.tensors)
    with torch.inference_mode():
        state = TrainingState(prepared, len(rows[0]))
        state.begin_epoch(0, state.layout.members >= 0)
        minibatches = state.minibatches(rows)
        with Copies() as copies:
            for _ in range(STEPS):
                loss, _ = state.step(next(minibatches))
    assert loss.device.type == "meta"
    return copies.noted


def test_a_step_never_waits_for_the_device_whatever_the_optimizer() -> None:
    runs = [run(name, 0.01, seed) for seed, name in enumerate(proportional())]
    assert copies_of_steps(fleet(mlp(), runs, norms=True, clipping=Clipping(1.0, by_value=False))) == []


@pytest.mark.parametrize("kind", LAYERS)
def test_a_step_never_waits_for_the_device_whatever_the_layer(kind: str) -> None:
    assert copies_of_steps(assemble([configuration(kind), configuration(kind, "order_seed=1")])) == []


class Waiting(torch.optim.SGD):
    """SGD that looks at its gradients."""

    def step(self, closure: Any = None) -> Any:
        self.largest = max(value.grad.max().item() for value in self.param_groups[0]["params"])
        return super().step(closure)


class Copying(torch.optim.SGD):
    """SGD with factors of its gradients that it makes on the CPU."""

    def step(self, closure: Any = None) -> Any:
        for value in self.param_groups[0]["params"]:
            value.grad *= torch.ones(value.shape, dtype=value.dtype).to(value.device)
        return super().step(closure)


def test_a_step_that_waits_or_copies_would_be_noticed() -> None:
    with pytest.raises(RuntimeError, match="meta tensors"):
        copies_of_steps(fleet(mlp(), [run(partial(Waiting), 0.01)]))
    assert copies_of_steps(fleet(mlp(), [run(partial(Copying), 0.01)])) == ["aten.to.dtype_layout"] * STEPS
