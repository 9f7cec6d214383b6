"""What one Hydra job does: check its configuration, train it, record it, and return its objective."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from seedsweep.checks import check_choice, check_positive, check_whole
from seedsweep.classifier import METRICS, Classifier
from seedsweep.data import DataModule, Splits, prepare
from seedsweep.errors import ConfigError
from seedsweep.planning import SEEDS, PlannedRun, leaves, overridden, plan_run
from seedsweep.results import objective
from seedsweep.summary import print_interrupted, print_run
from seedsweep.tracking import record_run
from seedsweep.training import make_trainer, train

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
    job = build(config)
    planned = plan(config, job.splits)
    sweeping = HydraConfig.initialized() and "MULTIRUN" in str(HydraConfig.get().mode)
    if not sweeping:
        job.trainer.setdefault("enable_progress_bar", True)
    try:
        with record_run(config.tracking, planned, "lightning", job.splits.fingerprint) as record:
            with torch.random.fork_rng(devices=[]):  # for modules that draw in their steps, such as dropout
                torch.manual_seed(config.order_seed)
                result = train(job.module, job.data, publish=record.publish, **job.trainer)
            record.finish(result, job.network)
    except KeyboardInterrupt:
        if sweeping:
            raise
        print_interrupted()
        raise SystemExit(130) from None
    if not sweeping:
        print_run(planned, result, record.run_id, config.tracking.uri)
    return objective(result, config.objective.metric, config.objective.select)


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
    for key, value in leaves(OmegaConf.to_container(config)):
        if value == "???":
            raise ConfigError(key, value, f"a value is required: {key}=…")
    _check_values(config)
    splits = prepare(_make(config, "data"))
    generator = torch.Generator().manual_seed(config.init_seed)
    shape = {"features": len(splits.feature_names), "classes": len(splits.classes)}
    net = _make(config, "model", **shape, generator=generator)
    optimizer = _make(config, "optimizer", _partial_=True)
    try:
        optimizer(net.parameters())
    except (TypeError, ValueError) as error:
        raise ConfigError("optimizer", config.optimizer._target_, str(error)) from error
    trainer: dict[str, Any] = OmegaConf.to_container(config.trainer, resolve=True)  # type: ignore[assignment]
    _check_trainer(trainer)
    data = DataModule(splits, config.data.batch_size, config.order_seed)
    return Job(Classifier(net, optimizer), data, trainer, splits, _describe(config, shape, splits))


def _check_values(config: DictConfig) -> None:
    for key in SEEDS:
        check_whole(key, config[key], 0, 2**31 - 1)
    check_choice("objective.metric", config.objective.metric, METRICS)
    check_choice("objective.select", config.objective.select, SELECT)
    if "lr" in config.optimizer:
        check_positive("optimizer.lr", config.optimizer.lr)


def _check_trainer(trainer: Mapping[str, Any]) -> None:
    if str(trainer) in _checked_trainers:
        return
    check_whole("trainer.max_epochs", trainer["max_epochs"], 1)
    check_whole("trainer.log_every_n_steps", trainer["log_every_n_steps"], 1)
    if trainer["divergence_threshold"] is not None:
        check_positive("trainer.divergence_threshold", trainer["divergence_threshold"])
    lightning = {key: value for key, value in trainer.items() if key != "divergence_threshold"}
    try:
        make_trainer(**lightning)
    except Exception as error:  # Lightning raises its MisconfigurationException, ValueError, TypeError, RuntimeError
        raise ConfigError("trainer", json.dumps(lightning), str(error)) from error
    _checked_trainers.add(str(trainer))


def _make(config: DictConfig, group: str, **extra: Any) -> Any:
    """The object that a group's `_target_` makes of its other keys."""
    options = {key: value for key, value in config[group].items() if group != "model" or key != "name"}
    try:
        return instantiate(options, _convert_="all", **extra)
    except InstantiationException as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise ConfigError(group, options.get("_target_"), str(error.__cause__ or error)) from error


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
