"""Whether a module's steps can be vectorised without changing its results: by taking them both ways."""

from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seedsweep.engine.fleet.step import Batch, Logged
from seedsweep.engine.fleet.vectorize import Vectorized

# what a Lightning module may have of its own: what a fleet calls itself, or never needs
UNDERSTOOD = {f"{stage}_{thing}" for stage in ("test", "predict") for thing in ("step", "dataloader")}
UNDERSTOOD |= {"training_step", "validation_step", "train_dataloader", "val_dataloader", "configure_optimizers"}
UNDERSTOOD |= {"example_input_array", "automatic_optimization"}


class NotVectorizedError(ValueError):
    """Why a module's steps cannot be vectorised without changing its results."""


def try_out(modules: Sequence[LightningModule], batch: Batch) -> int:
    """Take each step once for two modules, alone and vectorised; the bytes of a member in a training step, at most.

    Raises `NotVectorizedError` with the reason: running statistics, parameters that are not to be trained, random
    numbers, anything else that a module keeps to itself, or whatever vmap refuses.
    """
    if hooks := _hooks(type(modules[0])):
        raise NotVectorizedError(f"{type(modules[0]).__name__}.{hooks[0]} is for Lightning's Trainer alone")
    if not modules[0].automatic_optimization:
        raise NotVectorizedError(f"{type(modules[0]).__name__} takes its optimizer's steps itself")
    vectorized = Vectorized(modules[0])
    trained = dict(modules[0].named_parameters(remove_duplicate=False))
    if kept := [name for name in modules[0].state_dict() if name not in trained]:  # other buffers are constants
        raise NotVectorizedError(f"the model keeps {kept[0]} besides its parameters, as batch norm does")
    if kept := [name for name, value in modules[0].named_parameters() if not value.requires_grad]:
        raise NotVectorizedError(f"the model keeps {kept[0]} as it is, which would be trained too")
    try:
        vectors = torch.stack([vectorized.vector(module) for module in modules]).unsqueeze(1)
        before, constants = _attributes(modules[0]), [value.clone() for value in modules[0].buffers()]
        columns = [tensor.unsqueeze(0) for tensor in batch]
        with _Bytes() as allocated:
            vectorized.gradients(vectors, *columns)
        vectorized.train(vectors.flip(0), tuple(columns))  # traced with values that differ from those below
        losses, _, gradients = vectorized.train(vectors, tuple(columns))
        equal = _attributes(modules[0]) == before and all(map(torch.equal, modules[0].buffers(), constants))
        for position, module in enumerate(modules):
            loss, logged = _alone(module, "training_step", batch)
            alone = torch.autograd.grad(loss, list(module.parameters()))
            equal &= _close(loss, losses[position, 0])
            equal &= _close(torch.cat([tensor.flatten() for tensor in alone]), gradients[position, 0])
            for step in ("validation_step", "test_step"):
                logged = _alone(module, step, batch)[1]
                logged_together = vectorized.evaluate(step, vectors[:, 0], batch)
                equal &= all(_close(value, logged_together[name][position]) for name, value in logged.items())
    except Exception as error:  # whatever a third party's module, or vmap, raises
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "random" in reason:
            reason = "it draws random numbers in its steps, as dropout does"
        raise NotVectorizedError(f"the model cannot be vectorised: {reason}") from error
    if not equal:
        raise NotVectorizedError("the model keeps something besides its parameters, which members cannot share")
    return int(allocated.total) // 2 + 16 * vectors[0].nbytes  # an optimizer's state, and what it computes with


def _hooks(kind: type[LightningModule]) -> list[str]:
    """What a class has in place of Lightning's own that only the Trainer calls."""
    of_its_own = {name for base in kind.__mro__[: kind.__mro__.index(LightningModule)] for name in vars(base)}
    return sorted(of_its_own & (set(dir(LightningModule)) - set(dir(nn.Module))) - UNDERSTOOD)


def _alone(module: LightningModule, step: str, batch: Batch) -> tuple[Tensor, Logged]:
    """The step of a module with its own parameters."""
    return Vectorized(module).call(step, dict(module.named_parameters()), batch)


def _attributes(module: nn.Module) -> list[dict[str, Any]]:
    """The plain attributes of a module and of the modules in it, such as a number of calls."""
    plain = bool, int, float, str, tuple
    return [
        {key: value for key, value in vars(child).items() if isinstance(value, plain)} for child in module.modules()
    ]


def _close(expected: Tensor, actual: Tensor) -> bool:
    return torch.allclose(expected.detach(), actual, rtol=1e-3, atol=1e-5, equal_nan=True)


class _Bytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the sizes of all tensors that are made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self.total += sum(value.nbytes for value in tree_leaves(result) if isinstance(value, Tensor))
        return result
