"""From a configuration to data and network: both checked, and made."""

import json
from collections.abc import Mapping
from functools import partial
from inspect import isclass, signature
from typing import Any

import torch
from hydra.utils import get_object
from pytorch_lightning import LightningModule

from seedsweep.caching import cached
from seedsweep.config.completeness import Config
from seedsweep.config.instantiation import make
from seedsweep.config.planned_run import leaves
from seedsweep.errors import ConfigError
from seedsweep.problem.data_module import Splits, prepare
from seedsweep.problem.datasets import Dataset
from seedsweep.problem.module import own_loss

TORCHS = (LightningModule, *LightningModule.__mro__)  # which take any arguments, and are given none


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
    arguments, network_class = _arguments(config["model"], splits), get_object(config["model"]["_target_"])
    with torch.random.fork_rng(devices=[]):  # for layers that sample from the global one, as torch's do
        torch.manual_seed(config["init_seed"])
        generator = torch.Generator().manual_seed(config["init_seed"])
        net: torch.nn.Module = network_class(**arguments, **_taken(network_class, {"generator": generator}))
    return net


def describe(config: Config, splits: Splits) -> dict[str, str]:
    """What a file of weights says of its network.

    Args:
        config: of the run, plain and checked.
        splits: its data.

    Returns:
        Strings by key: what `load_model` needs beside the weights, and names for whoever reads the file.
    """
    described = {
        "arguments": _arguments(config["model"], splits),
        "mean": splits.mean.tolist(),
        "scale": splits.scale.tolist(),
        "features": splits.feature_names,
        "classes": splits.classes,
    }
    return {"class": config["model"]["_target_"]} | {key: json.dumps(value) for key, value in described.items()}


def check_model(model_config: Mapping[str, Any], splits: Splits) -> None:
    """Check that the model of a run can be made, now and again by `load_model`.

    Args:
        model_config: the group `model`, plain.
        splits: the data.

    Raises:
        ConfigError: the model cannot be made, is no module, or needs classes that the data has not.
    """
    options = {key: value for key, value in model_config.items() if key != "name"}
    made_by = make("model", options, partial, _partial_=True).func
    if not splits.classes and not own_loss(made_by) and not _is_lightning(made_by):
        allowed = "needs classes, and the data has none; choose model=quadratic"
        raise ConfigError("model", model_config.get("name", model_config["_target_"]), allowed)
    with torch.random.fork_rng(devices=[]):
        given = _sizes(splits) | {"generator": torch.Generator().manual_seed(0)}
        net = make("model", _taken(made_by, given) | options, torch.nn.Module)
    is_nested = any(key.endswith("._target_") for key, _ in leaves(model_config))
    if is_nested or get_object(model_config["_target_"]) is not type(net):
        allowed = "must be a class that takes plain values, so that load_model can make it again"
        raise ConfigError("model._target_", model_config["_target_"], allowed)


def _is_lightning(made_by: Any) -> bool:
    return isclass(made_by) and issubclass(made_by, LightningModule)


def _arguments(model_config: Config, splits: Splits) -> dict[str, Any]:
    """The arguments of a model that are kept with its weights: its options, and the sizes that it has from its data."""
    options = {key: value for key, value in model_config.items() if key not in ("_target_", "name")}
    return _taken(get_object(model_config["_target_"]), _sizes(splits)) | options


def _sizes(splits: Splits) -> dict[str, int]:
    return {"features": len(splits.feature_names), "classes": len(splits.classes)}


def _taken(made_by: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the arguments that a class or function takes by name, or all if it takes any."""
    names, passes_on = set[str](), False
    for function in _initializers(made_by):
        parameters = signature(function).parameters.values()
        names |= {parameter.name for parameter in parameters}
        passes_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        if not passes_on:
            break
    return {name: value for name, value in arguments.items() if passes_on or name in names}


def _initializers(made_by: Any) -> list[Any]:
    """The `__init__` of a class and of those that it may pass its arguments on to; a function is its own."""
    if not isclass(made_by):
        return [made_by]
    return [vars(base)["__init__"] for base in made_by.__mro__ if "__init__" in vars(base) and base not in TORCHS]


@cached
def _dataset(data_config: Mapping[str, Any]) -> Dataset:
    dataset: Dataset = make("data", data_config, Dataset)
    return dataset
