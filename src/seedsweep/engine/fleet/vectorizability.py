"""Whether a module's steps can be vectorised without changing its results: by taking them both ways."""

import traceback
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seedsweep.engine.fleet.dropout import Masked
from seedsweep.engine.fleet.step import Batch, Logged, Tensors
from seedsweep.engine.fleet.vectorize import Trained, Vectorized
from seedsweep.problem.lightning_classes import is_lightning_module

# what a Lightning module may have of its own: what a fleet calls itself, or never needs
UNDERSTOOD = {f"{stage}_{thing}" for stage in ("test", "predict") for thing in ("step", "dataloader")}
UNDERSTOOD |= {"training_step", "validation_step", "train_dataloader", "val_dataloader", "configure_optimizers"}
UNDERSTOOD |= {"example_input_array", "automatic_optimization"}


class NotVectorizedError(ValueError):
    """Why a module's steps cannot be vectorised without changing its results."""


def try_out(modules: Sequence[nn.Module], batch: Batch) -> int:
    """Take each step once for two modules, alone and vectorised; the bytes of a member in a training step, at most.

    Raises `NotVectorizedError` with the reason: hooks that only the Trainer calls, random numbers, anything that a
    module keeps beside its state dict, or whatever vmap refuses.
    """
    if hooks := _hooks(type(modules[0])):
        raise NotVectorizedError(f"{type(modules[0]).__name__}.{hooks[0]} is for Lightning's Trainer alone")
    if not getattr(modules[0], "automatic_optimization", True):
        raise NotVectorizedError(f"{type(modules[0]).__name__} takes its optimizer's steps itself")
    try:
        trial = _Trial(modules, batch)
        before, constants = _attributes(modules[0]), _constants(modules[0])
        with _Bytes() as allocated:
            trial.train(vectorized=False)
        trial.train(flipped=True)  # traced with other values than those below
        together = trial.train()
        equal = _attributes(modules[0]) == before and all(map(torch.equal, _constants(modules[0]), constants))
        equal &= all(trial.equals_alone(index, together) for index in range(len(modules)))
    except Exception as error:  # whatever a third party's module, or vmap, raises
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "random" in reason:
            reason = "it draws random numbers in its steps other than those of dropout layers"
        raise NotVectorizedError(f"the model cannot be vectorised: {_where(error, modules[0])}{reason}") from error
    if not equal:
        raise NotVectorizedError("the model keeps something besides its state dict, which members cannot share")
    return int(allocated.total) // 2 + 16 * trial.vectors[0].nbytes  # an optimizer's state, and what it computes with


class _Trial:
    """Steps of two modules on one batch, together in a column and alone."""

    def __init__(self, modules: Sequence[nn.Module], batch: Batch):
        self.modules, self.batch, self.vectorized = modules, batch, Vectorized(modules[0])
        self.vectors = torch.stack([self.vectorized.vector(module) for module in modules]).unsqueeze(1)
        self.kept = self.vectorized.stacked([self.vectorized.kept(module) for module in modules])
        generator = torch.Generator().manual_seed(0)
        of_one = {name: value[0] for name, value in self.kept.items()}
        masks = self.vectorized.masks(self.vectors[0, 0], of_one, batch)
        self.masks = [mask.sample(generator) for mask in masks]

    def train(self, *, vectorized: bool = True, flipped: bool = False) -> Trained:
        """The training step of both together, traced or not, or of the second in the place of the first."""
        vectors, kept = self.vectors, {name: value.unsqueeze(1) for name, value in self.kept.items()}
        if flipped:
            vectors, kept = vectors.flip(0), {name: value.flip(0) for name, value in kept.items()}
        step = self.vectorized.train if vectorized else self.vectorized.gradients
        batch, masks = (tuple(value.unsqueeze(0) for value in values) for values in (self.batch, self.masks))
        return step(vectors, kept, batch, masks)

    def equals_alone(self, index: int, together: Trained) -> bool:
        """Whether all steps of one module give alone what they give together."""
        module, (losses, _, gradients, after) = self.modules[index], together
        loss, _, kept = self._alone(module, "training_step")
        own = dict(module.named_parameters())
        alone = torch.autograd.grad(loss, [own[name] for name in self.vectorized.shapes])
        equal = _close(loss, losses[index, 0])
        equal &= _close(
            torch.cat([tensor.flatten() for tensor in alone]), gradients[index, 0, : self.vectorized.parameters]
        )
        equal &= all(_close(value, after[name][index, 0]) for name, value in kept.items())
        for step in ("validation_step", "test_step"):
            logged = self._alone(module, step)[1]
            logged_together = self.vectorized.evaluate(step, self.vectors[:, 0], self.kept, self.batch)
            equal &= all(_close(value, logged_together[name][index]) for name, value in logged.items())
        return equal

    def _alone(self, module: nn.Module, step: str) -> tuple[Tensor, Logged, Tensors]:
        """The step of a module with its own parameters, and the same masks of dropout."""
        vectorized, parameters = Vectorized(module), dict(module.named_parameters())
        own: Tensors = {name: parameters[name] for name in vectorized.shapes}
        with Masked(self.masks):
            return vectorized.call(step, own, vectorized.kept(module), self.batch)


def _where(error: Exception, module: nn.Module) -> str:
    """The layer in which an error was raised, such as `net.layers.2 (LSTM): `; nothing where it was in none."""
    names = {id(layer): name for name, layer in module.named_modules() if name not in ("", "net")}
    owners = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
    layer = next((owner for owner in reversed(owners) if id(owner) in names), None)
    return "" if layer is None else f"{names[id(layer)]} ({type(layer).__name__}): "


def _hooks(kind: type[nn.Module]) -> list[str]:
    """What a class has in place of Lightning's own that only the Trainer calls."""
    if not is_lightning_module(kind):
        return []
    from pytorch_lightning import LightningModule

    of_its_own = {name for base in kind.__mro__[: kind.__mro__.index(LightningModule)] for name in vars(base)}
    return sorted(of_its_own & (set(dir(LightningModule)) - set(dir(nn.Module))) - UNDERSTOOD)


def _attributes(module: nn.Module) -> list[dict[str, Any]]:
    """The plain attributes of a module and of the modules in it, such as a number of calls."""
    plain = bool, int, float, str, tuple
    return [
        {key: value for key, value in vars(child).items() if isinstance(value, plain)} for child in module.modules()
    ]


def _constants(module: nn.Module) -> list[Tensor]:
    """Copies of the buffers that are not in the state dict."""
    kept = module.state_dict()
    return [value.clone() for name, value in module.named_buffers() if name not in kept]


def _close(expected: Tensor, actual: Tensor) -> bool:
    return torch.allclose(expected.detach().double(), actual.double(), rtol=1e-3, atol=1e-5, equal_nan=True)


class _Bytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the sizes of all tensors that are made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self.total += sum(value.nbytes for value in tree_leaves(result) if isinstance(value, Tensor))
        return result
