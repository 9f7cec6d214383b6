"""A configuration made real for the reference engine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from omegaconf import DictConfig

from seedsweep.config.completeness import Config, resolve
from seedsweep.engine.early_stopping import stopping_rule
from seedsweep.engine.factories import ELSEWHERE, batching, callbacks, decaying, decays_biases, gap, is_own
from seedsweep.engine.scheduling import interval, schedule, steps_taken
from seedsweep.engine.target import target
from seedsweep.engine.validation import check
from seedsweep.outcomes import RunResult
from seedsweep.problem.factories import Data, describe, lightning_module, metrics_of_outputs, minibatches
from seedsweep.problem.splits import MODULE_STREAM

if TYPE_CHECKING:
    from pytorch_lightning import LightningDataModule, LightningModule

    from seedsweep.engine.curves import PruneRun, PublishPoints


@dataclass
class BuiltRun:
    """A configuration made real: what the reference engine needs, and what describes the network in the store."""

    module: "LightningModule"
    data: "LightningDataModule"
    trainer: dict[str, Any]
    splits: Data
    network: dict[str, str]
    order_seed: int

    def train(self, publish: "PublishPoints | None" = None, prune: "PruneRun | None" = None) -> RunResult:
        """Train it by the reference engine; once, as the module is trained in place.

        Args:
            publish: gets the points as they come.
            prune: gets the points of every epoch, and says whether the training ends there.

        Returns:
            Outcome, points and the last weights.
        """
        from seedsweep.engine.lightning import train

        with torch.random.fork_rng(devices=[]):  # for modules that draw in their steps, such as dropout
            torch.manual_seed(MODULE_STREAM + self.order_seed)
            return train(self.module, self.data, publish=publish, prune=prune, **self.trainer)


def build(config: DictConfig | Config) -> BuiltRun:
    """Make everything that the reference engine needs.

    Args:
        config: of one run, composed or plain.

    Returns:
        Module, data and the arguments of `lightning.train`.

    Raises:
        ConfigError: a value is not allowed.
    """
    plain = resolve(config) if isinstance(config, DictConfig) else config
    splits = check(plain)
    make = None if is_own(plain["optimizer"]) else decaying(plain["optimizer"], decays_biases(plain["trainer"]))
    scheduled = plain.get("schedule")
    scheduler = schedule(scheduled, steps_taken(scheduled, plain["data"], plain["trainer"]))
    module = lightning_module(plain, splits, make, scheduler, interval(scheduled))
    batches = minibatches(splits, plain["order_seed"], **batching(plain))
    trainer = {key: value for key, value in plain["trainer"].items() if key not in ELSEWHERE}
    trainer |= {"gap": gap(plain, splits), "callbacks": callbacks(plain["trainer"])}
    trainer |= {"stopping": stopping_rule(plain["trainer"]), "metrics": metrics_of_outputs(plain, splits)}
    trainer["target"] = target(plain["trainer"])
    return BuiltRun(module, batches, trainer, splits, describe(plain, splits), plain["order_seed"])
