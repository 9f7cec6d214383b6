"""From a configuration to data and network: both checked, and made."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from hydra.utils import get_object

from seedsweep.caching import cached
from seedsweep.config.completeness import Config
from seedsweep.config.instantiation import make
from seedsweep.config.planned_run import leaves
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.problem.data_module import Splits, prepare
from seedsweep.problem.datasets import Dataset
from seedsweep.problem.module import METRICS, own_loss


def data(config: Config) -> Splits:
    """The data of a run, read and split once for all that have it in common."""
    return prepare(_dataset(config["data"]))


def network(config: Config, splits: Splits) -> torch.nn.Module:
    """The network with the initial weights of a run, whichever generator it draws them from."""
    options = {key: value for key, value in config["model"].items() if key not in ("name", "_target_")}
    make = get_object(config["model"]["_target_"])
    with torch.random.fork_rng(devices=[]):  # for layers that draw from the global one, as torch's own do
        torch.manual_seed(config["init_seed"])
        generator = torch.Generator().manual_seed(config["init_seed"])
        made: torch.nn.Module = make(**options, **shape(splits), generator=generator)
    return made


def describe(config: Config, splits: Splits) -> dict[str, str]:
    """What `load_model` needs beside the weights, and the names that a reader of the file wants."""
    arguments = {key: value for key, value in config["model"].items() if key not in ("_target_", "name")}
    described = {
        "arguments": arguments | shape(splits),
        "mean": splits.mean.tolist(),
        "scale": splits.scale.tolist(),
        "features": splits.feature_names,
        "classes": splits.classes,
    }
    return {"class": config["model"]["_target_"]} | {key: json.dumps(value) for key, value in described.items()}


@cached
def check_model(part: Mapping[str, Any], features: int, classes: int) -> list[str]:
    """The metrics that there will be."""
    options = {key: value for key, value in part.items() if key != "name"}
    without_accuracy = own_loss(make("model", options, partial, _partial_=True).func)
    if not classes and not without_accuracy:
        allowed = "needs classes, and the data has none; choose model=quadratic"
        raise ConfigError("model", part.get("name", part["_target_"]), allowed)
    with torch.random.fork_rng(devices=[]):
        given = {"features": features, "classes": classes, "generator": torch.Generator().manual_seed(0)}
        net = make("model", options, torch.nn.Module, **given)
    nested = [key for key, _ in leaves(part) if key.endswith("._target_")]
    if nested or get_object(part["_target_"]) is not type(net):
        allowed = "must be a class that takes plain values, so that load_model can make it again"
        raise ConfigError("model._target_", part["_target_"], allowed)
    return [metric for metric in METRICS if not (without_accuracy and Metric(metric).is_maximized)]


def shape(splits: Splits) -> dict[str, int]:
    return {"features": len(splits.feature_names), "classes": len(splits.classes)}


@cached
def _dataset(part: Mapping[str, Any]) -> Dataset:
    made: Dataset = make("data", part, Dataset)
    return made
