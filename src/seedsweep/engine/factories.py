"""From a configuration to what the engines need: every value checked, and data, network and optimizer made."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from seedsweep.caching import cached
from seedsweep.config.completeness import Config, check_complete, resolve
from seedsweep.config.planned_run import SEARCH, SEEDS, leaves
from seedsweep.engine.lightning import make_trainer
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.outcomes import SELECT, SUBOPTIMALITY
from seedsweep.problem.data_module import DataModule, Splits, prepare
from seedsweep.problem.datasets import Dataset
from seedsweep.problem.module import METRICS, Classifier, own_loss
from seedsweep.problem.suboptimality import Gap, coupled_decay, gap_of
from seedsweep.validation import check_boolean, check_choice, check_integer, check_positive

ENGINES = ("fleet", "lightning")
# Of the group trainer, these keys are checked and used here, the first of them elsewhere; the rest is Lightning's.
ELSEWHERE = ("engine", "max_members", "reshuffle", "suboptimality")
OURS = (*ELSEWHERE, "max_epochs", "log_every_n_steps", "divergence_threshold")


@dataclass
class Job:
    """A configuration made real: what the reference engine needs, and what describes the network in the store."""

    module: Classifier
    data: DataModule
    trainer: dict[str, Any]
    splits: Splits
    network: dict[str, str]


def check(config: Config) -> Splits:
    """The data of a run whose every value is allowed; raises `ConfigError` on the first that is not."""
    check_complete(config)
    if not isinstance(config["experiment"], str) or not 0 < len(config["experiment"]) <= 200:
        raise ConfigError("experiment", config["experiment"], "must be a name of 1 to 200 characters")
    for key in SEEDS:
        check_integer(key, config[key], 0, 2**31 - 1)
    check_choice("objective.select", config["objective"]["select"], SELECT)
    splits = data(config)
    measured = _check_model(config["model"], *_shape(splits).values())
    check_choice("objective.metric", config["objective"]["metric"], measured)
    _check_optimizer(config["optimizer"])
    _check_trainer(config["trainer"])
    if gap(config, splits) is None and config["objective"]["metric"] == SUBOPTIMALITY:
        raise ConfigError("objective.metric", SUBOPTIMALITY, "is measured only with trainer.suboptimality=true")
    if config.get("schedule"):
        _check_schedule(config["optimizer"], config["schedule"], config["trainer"]["max_epochs"])
    return splits


def build(config: DictConfig | Config) -> Job:
    """Make everything that the reference engine needs; raises `ConfigError` on the first value that is not allowed."""
    plain = resolve(config) if isinstance(config, DictConfig) else config
    splits = check(plain)
    module = Classifier(network(plain, splits), optimizer(plain["optimizer"]), schedule(plain.get("schedule")))
    batches = DataModule(splits, order_seed=plain["order_seed"], **batching(plain))
    trainer = {key: value for key, value in plain["trainer"].items() if key not in ELSEWHERE}
    trainer["gap"] = gap(plain, splits)
    return Job(module, batches, trainer, splits, describe(plain, splits))


def data(config: Config) -> Splits:
    """The data of a run, read and split once for all that have it in common."""
    return prepare(_dataset(config["data"]))


def batching(config: Config) -> dict[str, Any]:
    """How the rows become minibatches, but for the seed of their order."""
    part, reshuffle = config["data"], config["trainer"].get("reshuffle", True)
    return {"batch_size": part["batch_size"], "drop_last": part.get("drop_last", False), "reshuffle": reshuffle}


def network(config: Config, splits: Splits) -> torch.nn.Module:
    """The network with the initial weights of a run, whichever generator it draws them from."""
    options = {key: value for key, value in config["model"].items() if key not in ("name", "_target_")}
    make = get_object(config["model"]["_target_"])
    with torch.random.fork_rng(devices=[]):  # for layers that draw from the global one, as torch's own do
        torch.manual_seed(config["init_seed"])
        generator = torch.Generator().manual_seed(config["init_seed"])
        made: torch.nn.Module = make(**options, **_shape(splits), generator=generator)
    return made


def optimizer(part: Mapping[str, Any]) -> Callable[..., Optimizer]:
    """What makes the optimizer of parameters; another `lr` can be given."""
    make = _optimizer(without_rate(part))  # for many learning rates only once
    return partial(make, lr=part["lr"]) if "lr" in part else make


@cached
def without_rate(part: Mapping[str, Any]) -> dict[str, Any]:
    """What makes an optimizer but for its learning rate: its keys without that and what may be searched."""
    return {key: value for key, value in part.items() if key not in ("lr", SEARCH)}


@cached
def _optimizer(part: Mapping[str, Any]) -> Callable[..., Optimizer]:
    return _make("optimizer", part, object, _partial_=True)  # type: ignore[no-any-return]


@cached
def schedule(part: Mapping[str, Any] | None) -> Callable[[Optimizer], LRScheduler] | None:
    """What makes the schedule of an optimizer's learning rate, a step an epoch; None if it is constant."""
    return _make("schedule", part, object, _partial_=True) if part else None


def gap(config: Config, splits: Splits) -> Gap | None:
    """What measures how far a run is above the minimum of its training loss, if that is asked for."""
    if not config["trainer"].get("suboptimality"):
        return None
    return gap_of(splits, get_object(config["model"]["_target_"]), _coupled_decay(config["optimizer"]))


@cached
def _coupled_decay(part: Mapping[str, Any]) -> float:
    return coupled_decay(optimizer(part))


@cached
def rates(part: Mapping[str, Any], scheduled: Mapping[str, Any] | None, epochs: int) -> tuple[float, ...] | None:
    """The learning rate in each epoch, by the real schedule; None if that changes other things too."""
    stepped: Any = optimizer(part)([torch.nn.Parameter(torch.zeros(1))])
    (group,) = stepped.param_groups
    make = schedule(scheduled)
    plan: Any = make(stepped) if make else None
    others = {key: value for key, value in group.items() if key not in ("params", "lr")}
    found = []
    for _ in range(epochs):
        found.append(float(group["lr"]))
        if plan:
            stepped.step()
            plan.step()
    return tuple(found) if all(group[key] == value for key, value in others.items()) else None


def describe(config: Config, splits: Splits) -> dict[str, str]:
    """What `load_model` needs beside the weights, and the names that a reader of the file wants."""
    arguments = {key: value for key, value in config["model"].items() if key not in ("_target_", "name")}
    described = {
        "arguments": arguments | _shape(splits),
        "mean": splits.mean.tolist(),
        "scale": splits.scale.tolist(),
        "features": splits.feature_names,
        "classes": splits.classes,
    }
    return {"class": config["model"]["_target_"]} | {key: json.dumps(value) for key, value in described.items()}


def _shape(splits: Splits) -> dict[str, int]:
    return {"features": len(splits.feature_names), "classes": len(splits.classes)}


@cached
def _dataset(part: Mapping[str, Any]) -> Dataset:
    made: Dataset = _make("data", part, Dataset)
    return made


@cached
def _check_model(part: Mapping[str, Any], features: int, classes: int) -> list[str]:
    """The metrics that there will be."""
    options = {key: value for key, value in part.items() if key != "name"}
    without_accuracy = own_loss(_make("model", options, partial, _partial_=True).func)
    if not classes and not without_accuracy:
        allowed = "needs classes, and the data has none; choose model=quadratic"
        raise ConfigError("model", part.get("name", part["_target_"]), allowed)
    with torch.random.fork_rng(devices=[]):
        given = {"features": features, "classes": classes, "generator": torch.Generator().manual_seed(0)}
        net = _make("model", options, torch.nn.Module, **given)
    nested = [key for key, _ in leaves(part) if key.endswith("._target_")]
    if nested or get_object(part["_target_"]) is not type(net):
        allowed = "must be a class that takes plain values, so that load_model can make it again"
        raise ConfigError("model._target_", part["_target_"], allowed)
    return [metric for metric in METRICS if not (without_accuracy and Metric(metric).is_maximized)]


@cached
def _check_optimizer(part: Mapping[str, Any]) -> None:
    if "lr" in part:
        check_positive("optimizer.lr", part["lr"])
    for key, value in leaves(part, "optimizer."):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(key, value, "must be a finite number")
    try:
        made = optimizer(part)([torch.nn.Parameter(torch.zeros(2, 2))])
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError("optimizer", part["_target_"], str(error)) from error
    _check_kind("optimizer", part["_target_"], made, Optimizer)


@cached
def _check_schedule(part: Mapping[str, Any], scheduled: Mapping[str, Any], epochs: int) -> None:
    """The schedule can be made, and takes all its steps."""
    if "_target_" not in scheduled:
        key, value = next(iter(scheduled.items()))
        raise ConfigError(f"schedule.{key}", value, "is of no schedule; choose one, such as schedule=cosine")
    target, make = scheduled["_target_"], schedule(scheduled)
    try:
        made = make(optimizer(part)([torch.nn.Parameter(torch.zeros(1))])) if make else None
        if not isinstance(made, ReduceLROnPlateau):
            rates(part, scheduled, epochs)
    except Exception as error:  # whatever a schedule raises
        raise ConfigError("schedule", target, f"{type(error).__name__}: {error}") from error
    _check_kind("schedule", target, made, LRScheduler)
    if isinstance(made, ReduceLROnPlateau):
        raise ConfigError("schedule", target, "must be a schedule that needs no metric")


@cached
def _check_trainer(part: Mapping[str, Any]) -> None:
    check_choice("trainer.engine", part.get("engine", "fleet"), ENGINES)
    check_integer("trainer.max_epochs", part.get("max_epochs"), 1)
    check_integer("trainer.log_every_n_steps", part.get("log_every_n_steps"), 1)
    check_boolean("trainer.reshuffle", part.get("reshuffle", True))
    check_boolean("trainer.suboptimality", part.get("suboptimality", False))
    check_choice("trainer.devices", part.get("devices", 1), (1,))  # a second process would record a second run
    if part.get("divergence_threshold") is not None:
        check_positive("trainer.divergence_threshold", part["divergence_threshold"])
    if part.get("max_members") is not None:
        check_integer("trainer.max_members", part["max_members"], 1)
    lightning = {key: value for key, value in part.items() if key not in OURS}
    try:
        make_trainer(**lightning)
    except Exception as error:  # Lightning raises its MisconfigurationException, ValueError, TypeError, RuntimeError
        raise ConfigError("trainer", json.dumps(lightning), str(error)) from error


def _check_kind(group: str, target: Any, made: Any, kind: type) -> None:
    if not isinstance(made, kind):
        raise ConfigError(f"{group}._target_", target, f"must make a {kind.__module__}.{kind.__qualname__}")


def _make(group: str, part: Mapping[str, Any], kind: type, **extra: Any) -> Any:
    """The object, of that kind, that a group's `_target_` makes of its other keys."""
    try:
        made = instantiate(part, _convert_="all", **extra)
    except InstantiationException as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise ConfigError(group, part["_target_"], str(error.__cause__ or error)) from error
    _check_kind(group, part["_target_"], made, kind)
    return made
