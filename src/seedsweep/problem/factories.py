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
    """The data of a run, read and split once for all runs that have it in common.

    Args:
        config: of the run, plain.

    Returns:
        The splits, standardized.

    Raises:
        ConfigError: the data cannot be read.
    """
    return prepare(_dataset(config["data"]))


def network(config: Config, splits: Splits) -> torch.nn.Module:
    """The network with the initial weights of a run, whichever generator it samples them from.

    Args:
        config: of the run, plain and checked.
        splits: its data.

    Returns:
        A module on the CPU.
    """
    options = {key: value for key, value in config["model"].items() if key not in ("name", "_target_")}
    network_class = get_object(config["model"]["_target_"])
    with torch.random.fork_rng(devices=[]):  # for layers that sample from the global one, as torch's do
        torch.manual_seed(config["init_seed"])
        generator = torch.Generator().manual_seed(config["init_seed"])
        net: torch.nn.Module = network_class(**options, **shape(splits), generator=generator)
    return net


def describe(config: Config, splits: Splits) -> dict[str, str]:
    """What a file of weights says of its network.

    Args:
        config: of the run, plain and checked.
        splits: its data.

    Returns:
        Strings by key: what `load_model` needs beside the weights, and names for whoever reads the file.
    """
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
def check_model(model_config: Mapping[str, Any], features: int, classes: int) -> list[str]:
    """Check the model of a run.

    Args:
        model_config: the group `model`, plain.
        features: columns of the data.
        classes: of its target, 0 where there are none.

    Returns:
        The names of the metrics that there will be.

    Raises:
        ConfigError: the model cannot be made, is no module, or does not fit the data.
    """
    options = {key: value for key, value in model_config.items() if key != "name"}
    has_own_loss = own_loss(make("model", options, partial, _partial_=True).func)
    if not classes and not has_own_loss:
        allowed = "needs classes, and the data has none; choose model=quadratic"
        raise ConfigError("model", model_config.get("name", model_config["_target_"]), allowed)
    with torch.random.fork_rng(devices=[]):
        generator = torch.Generator().manual_seed(0)
        net = make("model", options, torch.nn.Module, features=features, classes=classes, generator=generator)
    is_nested = any(key.endswith("._target_") for key, _ in leaves(model_config))
    if is_nested or get_object(model_config["_target_"]) is not type(net):
        allowed = "must be a class that takes plain values, so that load_model can make it again"
        raise ConfigError("model._target_", model_config["_target_"], allowed)
    return [metric for metric in METRICS if not (has_own_loss and Metric(metric).is_maximized)]


def shape(splits: Splits) -> dict[str, int]:
    """The sizes that a network has from its data.

    Args:
        splits: the data.

    Returns:
        `features` and `classes`, by these names.
    """
    return {"features": len(splits.feature_names), "classes": len(splits.classes)}


@cached
def _dataset(data_config: Mapping[str, Any]) -> Dataset:
    dataset: Dataset = make("data", data_config, Dataset)
    return dataset
