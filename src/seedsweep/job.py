"""What one Hydra job does: check its configuration, train it, record it, and return its objective."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf

from seedsweep.checks import check_choice, check_positive, check_whole
from seedsweep.classifier import METRICS, Classifier
from seedsweep.data import MODULE_STREAM, DataModule, Splits, prepare
from seedsweep.datasets import Dataset
from seedsweep.errors import ConfigError
from seedsweep.planning import SEEDS, PlannedRun, leaves, overridden, plan_run
from seedsweep.results import objective
from seedsweep.summary import print_interrupted, print_run
from seedsweep.tracking import record_run
from seedsweep.training import make_trainer, train

OURS = ("max_epochs", "log_every_n_steps", "divergence_threshold")  # checked here; the rest is Lightning's
REQUIRED = (
    *(f"{group}._target_" for group in ("data", "model", "optimizer")),
    *("data.batch_size", "tracking.uri", "tracking.sweep", "tracking.labels", "experiment"),
    *("objective.metric", "objective.select", *SEEDS),
)
SELECT = ("last", "best", "auc")
_checked_trainers: set[str] = set()  # a Trainer takes milliseconds to make, and a sweep has few different ones


@dataclass
class Job:
    """A configuration made real: what the engine needs, and what describes the network in the store."""

    module: Classifier
    data: DataModule
    trainer: dict[str, Any]
    splits: Splits
    network: dict[str, str]


def run(config: DictConfig) -> float:
    """Train and record one run; the value of its `objective`, the worst one if it diverged.

    Raises `ConfigError` before anything is recorded if the configuration is wrong, and what the training raises after
    it has been recorded as failed.
    """
    sweeping = HydraConfig.initialized() and "MULTIRUN" in str(HydraConfig.get().mode)
    left = "nothing had been trained"
    try:
        job = build(config)
        planned = plan(config, job.splits)
        if not sweeping:
            job.trainer.setdefault("enable_progress_bar", True)
        with record_run(config.tracking, planned, "lightning", job.splits.fingerprint) as record:
            left = "what had been trained is recorded" if config.tracking.uri else "nothing is kept"
            with torch.random.fork_rng(devices=[]):  # for modules that draw in their steps, such as dropout
                torch.manual_seed(MODULE_STREAM + config.order_seed)
                result = train(job.module, job.data, publish=record.publish, **job.trainer)
            value = objective(result, config.objective.metric, config.objective.select)
            record.finish(result, job.network)
    except KeyboardInterrupt:
        if sweeping:
            raise
        print_interrupted(left)
        raise SystemExit(130) from None
    if not sweeping:
        print_run(planned, result, config.tracking.uri, record.page)
    return value


def plan(config: DictConfig, splits: Splits) -> PlannedRun:
    """How the run will be known, by what Hydra says of the job where there is one."""
    if not HydraConfig.initialized():
        return plan_run(config, {}, (), splits.fingerprint)
    hydra = HydraConfig.get()
    labels = config.tracking.labels
    if labels is None:
        labels = [overridden(override) for override in hydra.overrides.task]
    number = 0 if OmegaConf.is_missing(hydra.job, "num") else hydra.job.num
    return plan_run(config, hydra.runtime.choices, labels, splits.fingerprint, number)


def build(config: DictConfig) -> Job:
    """Make everything that the training needs; raises `ConfigError` on the first value that is not allowed."""
    _check_shape(config)
    _check_values(config)
    splits = prepare(_make(config, "data", Dataset))
    generator = torch.Generator().manual_seed(config.init_seed)
    shape = {"features": len(splits.feature_names), "classes": len(splits.classes)}
    net = _make(config, "model", torch.nn.Module, **shape, generator=generator)
    nested = [key for key, _ in leaves(OmegaConf.to_container(config.model)) if key.endswith("._target_")]
    if nested or get_object(config.model._target_) is not type(net):
        allowed = "must be a class that takes plain values, so that load_model can make it again"
        raise ConfigError("model._target_", config.model._target_, allowed)
    optimizer = _make(config, "optimizer", object, _partial_=True)
    try:
        made = optimizer(net.parameters())
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError("optimizer", config.optimizer._target_, str(error)) from error
    _check_kind("optimizer", config.optimizer._target_, made, torch.optim.Optimizer)
    trainer: dict[str, Any] = OmegaConf.to_container(config.trainer, resolve=True)  # type: ignore[assignment]
    _check_trainer(trainer)
    data = DataModule(splits, config.data.batch_size, config.order_seed)
    return Job(Classifier(net, optimizer), data, trainer, splits, _describe(config, shape, splits))


def _check_shape(config: DictConfig) -> None:
    """The groups and keys that everything else relies on are there, and have values."""
    for group in ("data", "model", "optimizer", "trainer", "tracking", "objective"):
        if not OmegaConf.is_dict(config.get(group)):
            raise ConfigError(group, config.get(group), "a group of keys is required; see python train.py --help")
    values: dict[str, Any] = dict(leaves(OmegaConf.to_container(config)))
    for key in REQUIRED:
        if key not in values:
            raise ConfigError(key, None, f"a value is required: {key}=…")
    for key, value in values.items():
        if value == "???":
            raise ConfigError(key, value, f"a value is required: {key}=…")


def _check_values(config: DictConfig) -> None:
    if not isinstance(config.experiment, str) or not 0 < len(config.experiment) <= 200:
        raise ConfigError("experiment", config.experiment, "must be a name of 1 to 200 characters")
    for key in SEEDS:
        check_whole(key, config[key], 0, 2**31 - 1)
    check_choice("objective.metric", config.objective.metric, METRICS)
    check_choice("objective.select", config.objective.select, SELECT)
    if "lr" in config.optimizer:
        check_positive("optimizer.lr", config.optimizer.lr)
    for key, value in leaves(OmegaConf.to_container(config.optimizer, resolve=True), "optimizer."):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(key, value, "must be a finite number")


def _check_trainer(trainer: Mapping[str, Any]) -> None:
    if str(trainer) in _checked_trainers:
        return
    check_whole("trainer.max_epochs", trainer.get("max_epochs"), 1)
    check_whole("trainer.log_every_n_steps", trainer.get("log_every_n_steps"), 1)
    check_choice("trainer.devices", trainer.get("devices", 1), (1,))  # a second process would record a second run
    if trainer.get("divergence_threshold") is not None:
        check_positive("trainer.divergence_threshold", trainer["divergence_threshold"])
    lightning = {key: value for key, value in trainer.items() if key not in OURS}
    try:
        make_trainer(**lightning)
    except Exception as error:  # Lightning raises its MisconfigurationException, ValueError, TypeError, RuntimeError
        raise ConfigError("trainer", json.dumps(lightning), str(error)) from error
    _checked_trainers.add(str(trainer))


def _check_kind(group: str, target: Any, made: Any, kind: type) -> None:
    if not isinstance(made, kind):
        raise ConfigError(f"{group}._target_", target, f"must make a {kind.__module__}.{kind.__qualname__}")


def _make(config: DictConfig, group: str, kind: type, **extra: Any) -> Any:
    """The object, of that kind, that a group's `_target_` makes of its other keys."""
    options = {key: value for key, value in config[group].items() if group != "model" or key != "name"}
    try:
        made = instantiate(options, _convert_="all", **extra)
    except InstantiationException as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise ConfigError(group, options["_target_"], str(error.__cause__ or error)) from error
    _check_kind(group, options["_target_"], made, kind)
    return made


def _describe(config: DictConfig, shape: dict[str, int], splits: Splits) -> dict[str, str]:
    """What `load_model` needs beside the weights, and the names that a reader of the file wants."""
    options: dict[str, Any] = OmegaConf.to_container(config.model, resolve=True)  # type: ignore[assignment]
    arguments = {key: value for key, value in options.items() if key not in ("_target_", "name")} | shape
    described = {
        "arguments": arguments,
        "mean": splits.mean.tolist(),
        "scale": splits.scale.tolist(),
        "features": splits.feature_names,
        "classes": splits.classes,
    }
    return {"class": options["_target_"]} | {key: json.dumps(value) for key, value in described.items()}
