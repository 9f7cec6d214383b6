"""From a configuration to what trains a network: optimizer, minibatches, callbacks, suboptimality."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from hydra.utils import get_object
from torch.optim import Optimizer

from seedsweep.caching import cached
from seedsweep.config.completeness import Config
from seedsweep.config.instantiation import make
from seedsweep.config.planned_run import SEARCH
from seedsweep.engine.compiler import defer_compiler
from seedsweep.engine.decay import MakeOptimizer, matrices_decay
from seedsweep.errors import ConfigError
from seedsweep.problem.factories import Data
from seedsweep.problem.splits import Splits
from seedsweep.problem.suboptimality import Gap, coupled_decay, gap_of

if TYPE_CHECKING:
    from pytorch_lightning import Callback

# keys of the group trainer that are used elsewhere than in `lightning.train`
ELSEWHERE = ("engine", "max_members", "reshuffle", "suboptimality", "early_stopping", "decay_biases", "target")


# `_target_` of an optimizer that a Lightning module of one's own makes
OWN = "pytorch_lightning.LightningModule.configure_optimizers"


def batching(config: Config) -> dict[str, Any]:
    """How the rows become minibatches, but for the seed of their order."""
    return {
        "batch_size": config["data"]["batch_size"],
        "drop_last": config["data"].get("drop_last", False),
        "reshuffle": config["trainer"].get("reshuffle", True),
    }


def is_own(optimizer_config: Mapping[str, Any]) -> bool:
    """Whether an optimizer is that of a Lightning module's own `configure_optimizers`.

    Args:
        optimizer_config: the group `optimizer`, plain.

    Returns:
        Whether its `_target_` says so.
    """
    return bool(optimizer_config["_target_"] == OWN)


def optimizer(optimizer_config: Mapping[str, Any]) -> Callable[..., Optimizer]:
    """What makes the optimizer of parameters; its argument `lr` overrides the rate of the configuration."""
    make = _optimizer(without_rate(optimizer_config))  # for many learning rates only once
    return partial(make, lr=optimizer_config["lr"]) if "lr" in optimizer_config else make


def decaying(optimizer_config: Mapping[str, Any], decay_biases: bool) -> MakeOptimizer:
    """What makes the optimizer of a model's parameters, as `optimizer` does it.

    Args:
        optimizer_config: the group `optimizer`, plain.
        decay_biases: whether its weight decay acts on all parameters, and not on matrices alone.

    Returns:
        What makes it, of parameters and with a rate.
    """
    make = optimizer(optimizer_config)
    return make if decay_biases else matrices_decay(make)


def decays_biases(trainer: Mapping[str, Any]) -> bool:
    """Whether weight decay acts on all parameters.

    Args:
        trainer: the group of that name, plain.

    Returns:
        Its `decay_biases`.
    """
    return bool(trainer.get("decay_biases", True))


@cached
def without_rate(optimizer_config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of an optimizer without its learning rate and its search space.

    Args:
        optimizer_config: the group `optimizer`, plain.

    Returns:
        The others, with its `_target_`.
    """
    return {key: value for key, value in optimizer_config.items() if key not in ("lr", SEARCH)}


@cached
def _optimizer(optimizer_config: Mapping[str, Any]) -> Callable[..., Optimizer]:
    defer_compiler()
    return partial(_made, make("optimizer", optimizer_config, object, _partial_=True))


def _made(make: Callable[..., Optimizer], *arguments: Any, **keywords: Any) -> Optimizer:
    """The optimizer; one whose step takes no closure, as Lightning's Trainer gives it, calls that before it."""
    made: Any = make(*arguments, **keywords)
    kind: Any = type(made)
    if issubclass(kind, Optimizer) and not _takes_closure(kind):
        made.step = partial(_step_after, made.step)
    return made  # type: ignore[no-any-return]


@cache
def _takes_closure(kind: Any) -> bool:
    return len(inspect.signature(kind.step).parameters) > 1


def _step_after(step: Callable[[], Any], closure: Callable[[], Any] | None = None) -> Any:
    """The loss of the closure, whose gradients the step is then taken by."""
    loss = closure() if closure else None
    step()
    return loss


def callbacks(trainer: Mapping[str, Any]) -> "list[Callback]":
    """The callbacks of Lightning's Trainer that `trainer.callbacks` has the `_target_`s of, new for each run.

    Args:
        trainer: the group of that name, plain.

    Returns:
        Objects that have not been used before.

    Raises:
        ConfigError: it is no list of such, or one of them cannot be made.
    """
    configs = trainer.get("callbacks") or []
    if not isinstance(configs, list) or not all(isinstance(item, dict) and "_target_" in item for item in configs):
        allowed = "must be a list of callbacks such as [{_target_: pytorch_lightning.callbacks.EarlyStopping, …}]"
        raise ConfigError("trainer.callbacks", configs, allowed)
    if not configs:
        return []
    from pytorch_lightning import Callback

    return [make("trainer.callbacks", item, Callback) for item in configs]


def gap(config: Config, splits: Data) -> Gap | None:
    """What measures how far a run is above the minimum of its training loss.

    Args:
        config: of the run, plain and checked.
        splits: its data.

    Returns:
        A measure of weights; None where `trainer.suboptimality` does not ask for it.

    Raises:
        ConfigError: it is asked for, and there is no minimum, or it is not known.
    """
    if not config["trainer"].get("suboptimality"):
        return None
    if not isinstance(splits, Splits):
        raise ConfigError("trainer.suboptimality", "true", "needs data sets of rows, and not a LightningDataModule")
    decay = _coupled_decay(config["optimizer"])
    if decay and not decays_biases(config["trainer"]):
        allowed = "knows the minimum of a decay that acts on the biases too: take trainer.decay_biases=true"
        raise ConfigError("trainer.suboptimality", "true", allowed)
    return gap_of(splits, get_object(config["model"]["_target_"]), decay)


@cached
def _coupled_decay(optimizer_config: Mapping[str, Any]) -> float:
    return coupled_decay(optimizer(optimizer_config))
