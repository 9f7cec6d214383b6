"""Whether every value of a run's configuration is allowed."""

import json
import logging
import math
from collections.abc import Mapping
from typing import Any

import torch
from hydra.utils import get_object
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, ReduceLROnPlateau

from seedsweep.caching import cached
from seedsweep.config.completeness import NODES, Config, check_complete
from seedsweep.config.detail import check_detail
from seedsweep.config.instantiation import TRAINER, check_kind, check_numbers, refusal
from seedsweep.config.params import leaves
from seedsweep.config.planned_run import SEARCH, SEEDS
from seedsweep.engine.dry_batch import check_step, metrics_of
from seedsweep.engine.early_stopping import check_early_stopping, stopping_rule
from seedsweep.engine.factories import ELSEWHERE, OWN, callbacks, decays_biases, gap, is_own, optimizer, without_rate
from seedsweep.engine.scheduling import INTERVALS, interval, rates, schedule, steps_taken
from seedsweep.engine.target import check_target, target
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.outcomes import SELECT, SUBOPTIMALITY, TO_TARGET
from seedsweep.problem.epoch_metrics import CLASSIFICATION, REGRESSION
from seedsweep.problem.factories import Data, data
from seedsweep.problem.lightning_classes import is_lightning_module
from seedsweep.validation import check_boolean, check_choice, check_integer, check_keys, check_positive

log = logging.getLogger(__name__)
ENGINES = ("fleet", "lightning")
ANY_RATE = 1e-3  # at which an optimizer is tried, once for all rates
# of trainer; the rest is Lightning's
PLAIN = {"accelerator": "cpu", "devices": 1, "precision": "32-true"}  # what Lightning's Trainer takes anywhere
PLAIN |= dict.fromkeys(("gradient_clip_val", "gradient_clip_algorithm", "callbacks"))
NOT_TAKEN = {  # keys of Lightning's Trainer: the one value that each may have, and why
    "num_nodes": (1, "a run is trained by one process, and would wait for others; hydra/launcher/workers has several"),
    "overfit_batches": (
        0,
        "would read single rows in the place of minibatches: +trainer.limit_train_batches=N trains on N",
    ),
    "barebones": (False, "measures nothing that could be compared"),
}
OURS = (*ELSEWHERE, "max_epochs", "log_every_n_steps", "divergence_threshold", "norms")


def check(config: Config) -> Data:
    """Check every value of a run's configuration.

    Args:
        config: plain and resolved.

    Returns:
        The data of the run, which had to be read for it.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    check_complete(config)
    if not isinstance(config["experiment"], str) or not 0 < len(config["experiment"]) <= 200:
        raise ConfigError("experiment", config["experiment"], "must be a name of 1 to 200 characters")
    for key in SEEDS:
        check_integer(key, config[key], 0, 2**31 - 1)
    check_detail(config["tracking"].get("detail"))
    splits = data(config)
    _check_nodes(splits.fingerprint, *(config.get(key) for key in NODES))
    return splits


@cached  # of which the runs of a sweep have few
def _check_nodes(_fingerprint: str, *nodes: Any) -> None:
    """Check what does not depend on seeds: the values of `NODES`."""
    config = dict(zip(NODES, nodes, strict=True))
    _check_class(config["model"]["_target_"])
    if has_own_optimizer := is_own(config["optimizer"]):
        _check_own_optimizer(config)
    else:
        _check_optimizer(config["optimizer"])
        _say_whose_optimizer(config["model"])
    measured = metrics_of(config["model"], config["data"], has_own_optimizer, config.get("metrics"))
    if not has_own_optimizer:
        decay_biases = decays_biases(config["trainer"])
        at_one_rate = without_rate(config["optimizer"]) | ({"lr": ANY_RATE} if "lr" in config["optimizer"] else {})
        check_step(config["model"], config["data"], at_one_rate, decay_biases)
    _check_objective(config["objective"], config["trainer"], (*measured, *TO_TARGET))
    _check_trainer(config["trainer"])
    check_early_stopping(config["trainer"], measured)
    check_target(config["trainer"], measured)
    gap(config, data(config))
    if config["schedule"]:
        _check_schedule(config["optimizer"], config["schedule"], config["data"], config["trainer"])


def _check_measured(metric: str, measured: tuple[str, ...]) -> None:
    """Refuse a metric that is not measured, and say how one that could be is asked for."""
    quantities, quantity = {name.rpartition("/")[2] for name in measured}, metric.rpartition("/")[2]
    of_task = CLASSIFICATION if "accuracy" in quantities else REGRESSION if quantities & {*REGRESSION} else ()
    if metric not in measured and quantity in of_task:
        raise ConfigError("objective.metric", metric, f"is measured only if it is asked for: metrics=[{quantity}]")
    check_choice("objective.metric", metric, measured)


@cached
def _check_objective(objective: Mapping[str, Any], trainer: Mapping[str, Any], measured: tuple[str, ...]) -> None:
    """The objective is taken of a metric that will be measured."""
    check_keys(objective, ("metric", "select"), "objective")
    check_choice("objective.select", objective["select"], SELECT)
    _check_measured(objective["metric"], measured)
    if Metric(objective["metric"]).direction is None:
        name = objective["metric"]
        allowed = "is it better when larger or smaller? Log it under a name that says so, such as"
        raise ConfigError("objective.metric", name, f"{allowed} {name}_score or {name}_error")
    if objective["select"] == "auc" and stopping_rule(trainer):
        allowed = "is a mean over the training, whose length differs with trainer.early_stopping: take last or best"
        raise ConfigError("objective.select", "auc", allowed)
    if objective["metric"] == SUBOPTIMALITY and not trainer.get("suboptimality"):
        raise ConfigError("objective.metric", SUBOPTIMALITY, "is measured only with trainer.suboptimality=true")
    if objective["metric"] in TO_TARGET and target(trainer) is None:
        allowed = "is measured only with a target: trainer.target.value=…"
        raise ConfigError("objective.metric", objective["metric"], allowed)


@cached
def _check_optimizer(optimizer_config: Mapping[str, Any]) -> None:
    if "lr" in optimizer_config:
        check_positive("optimizer.lr", optimizer_config["lr"])
    for key, value in leaves(optimizer_config, "optimizer."):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(key, value, "must be a finite number")
    check_numbers("optimizer", optimizer_config)
    try:
        tried = optimizer(optimizer_config)([torch.nn.Parameter(torch.zeros(2, 2))])
    except ConfigError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        raise refusal("optimizer", optimizer_config, optimizer_config["_target_"], str(error)) from error
    check_kind("optimizer", optimizer_config["_target_"], tried, Optimizer)


@cached
def _check_class(target: str) -> None:
    """The class or function of a model can be imported."""
    try:
        get_object(target)
    except Exception as error:  # of whatever is imported for it
        reason = " ".join(str(error.__cause__ or error).split())
        raise ConfigError("model._target_", target, f"cannot be imported: {reason}") from error


@cached
def _say_whose_optimizer(model: Mapping[str, Any]) -> None:
    """Say, once, that a model's own optimizer is not the one that trains it."""
    if _has_own_optimizer(model["_target_"]):
        log.warning("%s.configure_optimizers is used with optimizer=own alone, and not with others", model["_target_"])


def _has_own_optimizer(target: str) -> bool:
    kind = get_object(target)
    return is_lightning_module(kind) and kind.configure_optimizers is not get_object(OWN)


def _check_own_optimizer(config: Config) -> None:
    """The model has an optimizer of its own, and nothing is asked of another."""
    target = config["model"]["_target_"]
    if not _has_own_optimizer(target):
        raise ConfigError("optimizer", "own", f"needs a LightningModule with a configure_optimizers: {target} has none")
    for key, value in config["optimizer"].items():
        if key not in ("_target_", SEARCH):
            allowed = f"says nothing to {target}.configure_optimizers; its rate may be an argument of the model"
            raise ConfigError(f"optimizer.{key}", value, allowed)
    if config.get("schedule"):
        raise ConfigError("schedule", config["schedule"]["_target_"], "is not used with optimizer=own")
    if not decays_biases(config["trainer"]):
        raise ConfigError("trainer.decay_biases", "false", "is not used with optimizer=own")


@cached
def _check_schedule(
    optimizer_config: Mapping[str, Any],
    scheduled: Mapping[str, Any],
    dataset: Mapping[str, Any],
    trainer: Mapping[str, Any],
) -> None:
    """The schedule can be made, and takes all its steps."""
    if "_target_" not in scheduled:
        key, value = next(iter(scheduled.items()))
        raise ConfigError(f"schedule.{key}", value, "is of no schedule; choose one, such as schedule=cosine")
    check_choice("schedule.interval", interval(scheduled), INTERVALS)
    if "max_lr" in scheduled and scheduled["max_lr"] != optimizer_config.get("lr"):
        allowed = "must be ${optimizer.lr}, since OneCycleLR and CyclicLR ignore the optimizer's rate"
        raise ConfigError("schedule.max_lr", scheduled["max_lr"], allowed)
    check_numbers("schedule", scheduled)
    target, steps = scheduled["_target_"], steps_taken(scheduled, dataset, trainer)
    makes = schedule(scheduled, steps)
    try:
        tried = makes(optimizer(optimizer_config)([torch.nn.Parameter(torch.zeros(1))])) if makes else None
        if not isinstance(tried, ReduceLROnPlateau):
            rates(optimizer_config, scheduled, trainer["max_epochs"], steps)
    except Exception as error:  # whatever a schedule raises
        raise refusal("schedule", scheduled, target, f"{type(error).__name__}: {error}") from error
    check_kind("schedule", target, tried, LRScheduler)
    if isinstance(tried, ReduceLROnPlateau):
        raise ConfigError("schedule", target, "must be a schedule that needs no metric")
    if isinstance(tried, CosineAnnealingLR) and (steps or 0) > tried.T_max:
        warning = "schedule.T_max=%g: the rate rises again after so many steps, of which the training has %d"
        log.warning(warning, tried.T_max, steps)


@cached
def _check_trainer(trainer: Mapping[str, Any]) -> None:
    check_choice("trainer.engine", trainer.get("engine", "fleet"), ENGINES)
    check_integer("trainer.max_epochs", trainer.get("max_epochs"), 1)
    check_integer("trainer.log_every_n_steps", trainer.get("log_every_n_steps"), 1)
    check_boolean("trainer.reshuffle", trainer.get("reshuffle", True))
    check_boolean("trainer.decay_biases", trainer.get("decay_biases", True))
    check_boolean("trainer.norms", trainer.get("norms", False))
    check_boolean("trainer.suboptimality", trainer.get("suboptimality", False))
    check_choice("trainer.devices", trainer.get("devices", 1), (1,))  # a second process would record a second run
    for key, (value, why) in NOT_TAKEN.items():
        if trainer.get(key, value) != value:
            raise ConfigError(f"trainer.{key}", trainer[key], why)
    if trainer.get("accumulate_grad_batches") is not None:
        check_integer("trainer.accumulate_grad_batches", trainer["accumulate_grad_batches"], 1)
    if trainer.get("divergence_threshold") is not None:
        check_positive("trainer.divergence_threshold", trainer["divergence_threshold"])
    if trainer.get("max_members") is not None:
        check_integer("trainer.max_members", trainer["max_members"], 1)
    lightning = {key: value for key, value in trainer.items() if key not in OURS}
    if lightning.items() <= PLAIN.items():  # which needs no Trainer to see
        return
    from seedsweep.engine.lightning import make_trainer

    try:
        make_trainer(**lightning | {"callbacks": callbacks(trainer)})
    except ConfigError:
        raise
    except Exception as error:  # Lightning raises its MisconfigurationException, ValueError, TypeError, RuntimeError
        raise refusal("trainer", lightning, TRAINER, str(error), shown=json.dumps(lightning)) from error
