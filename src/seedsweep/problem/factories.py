"""From a configuration to data and network: both checked, and made."""

import json
from collections.abc import Mapping
from functools import partial
from inspect import isclass
from typing import TYPE_CHECKING, Any

import torch
from hydra.utils import get_object

from seedsweep.caching import cached
from seedsweep.config.completeness import Config
from seedsweep.config.instantiation import accepted, make
from seedsweep.config.params import leaves
from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import Dataset
from seedsweep.problem.epoch_metrics import EpochMetrics, epoch_metrics
from seedsweep.problem.lightning_classes import is_lightning_data, is_lightning_module
from seedsweep.problem.module import Learner, MakeOptimizer, MakeSchedule, as_lightning, own_loss
from seedsweep.problem.own_batches import OwnBatches, own_batches
from seedsweep.problem.splits import Splits, prepare
from seedsweep.problem.torch_rows import TorchDataset

if TYPE_CHECKING:
    from pytorch_lightning import LightningDataModule, LightningModule

Data = Splits | OwnBatches
NO_TARGET = "needs a target, and the data has none; choose model=quadratic"


def data(config: Config) -> Data:
    """The data of a run, read and split once for all runs that have it in common.

    Args:
        config: of the run, plain.

    Returns:
        The splits, standardized; or the minibatches of a LightningDataModule of one's own.

    Raises:
        ConfigError: the data cannot be read.
    """
    dataset = _dataset(config["data"])
    return dataset if isinstance(dataset, OwnBatches) else prepare(dataset)


def minibatches(rows: Data, order_seed: int, **batching: Any) -> "LightningDataModule":
    """The minibatches of a run.

    Args:
        rows: the data.
        order_seed: of the order of the training rows.
        batching: further arguments of `DataModule`.

    Returns:
        A data module; a LightningDataModule of one's own is made anew, and batches and shuffles as it will.
    """
    if isinstance(rows, OwnBatches):
        return rows.make()
    from seedsweep.problem.data_module import DataModule

    return DataModule(rows, order_seed=order_seed, **batching)


def network(config: Config, splits: Data) -> torch.nn.Module:
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
        net: torch.nn.Module = network_class(**arguments, **accepted(network_class, {"generator": generator}))
    return net


def lightning_module(
    config: Config,
    splits: Data,
    optimizer: MakeOptimizer | None,
    schedule: MakeSchedule | None = None,
    interval: str = "epoch",
) -> "LightningModule":
    """The Lightning module of a run, with its initial weights, for Lightning's Trainer.

    Args:
        config: of the run, plain and checked.
        splits: its data.
        optimizer: makes the optimizer of parameters; None for that of a Lightning module's own `configure_optimizers`.
        schedule: makes the schedule of the learning rate, if there is one.
        interval: when the schedule takes a step, after each `epoch` or each `step` of the optimizer.

    Returns:
        A `LightningLearner` around the network, or the Lightning module that it is.
    """
    return as_lightning(network(config, splits), optimizer, schedule, interval, **_of_learner(config, splits))


def learner(config: Config, splits: Data, optimizer: MakeOptimizer) -> torch.nn.Module:
    """The module of a run whose steps are taken without Lightning's Trainer, with its initial weights.

    Args:
        config: of the run, plain and checked.
        splits: its data.
        optimizer: makes the optimizer of parameters.

    Returns:
        A `Learner` around the network, or the Lightning module that it is.
    """
    net = network(config, splits)
    if is_lightning_module(type(net)):
        return as_lightning(net, optimizer)
    return Learner(net, optimizer, **_of_learner(config, splits))


def _of_learner(config: Config, splits: Data) -> dict[str, Any]:
    keeps = bool(metrics_of_outputs(config, splits))
    return {"is_regression": splits.is_regression, "class_weights": splits.class_weights, "keeps_outputs": keeps}


def metrics_of_outputs(config: Config, splits: Data) -> EpochMetrics:
    """The metrics of a run that are computed of all its outputs for a split.

    Args:
        config: of the run, plain.
        splits: its data.

    Returns:
        Those that `metrics` names, or that are usual.

    Raises:
        ConfigError: there is no such metric, or the outputs of the model are not known to be logits or predictions.
    """
    asked, kind = config.get("metrics"), get_object(config["model"]["_target_"])
    if (
        isinstance(splits, Splits)
        and len(splits.train.tensors) > 1
        and not own_loss(kind)
        and not is_lightning_module(kind)
    ):
        return _epoch_metrics(asked, config["data"])
    if asked:
        allowed = f"are of a network's logits for rows of known classes; {config['model']['_target_']}"
        allowed += " logs its own" if is_lightning_module(kind) else " is trained on others, or by a loss of its own"
        raise ConfigError("metrics", asked, allowed)
    return EpochMetrics({})


@cached
def _epoch_metrics(asked: Any, dataset: Mapping[str, Any]) -> EpochMetrics:
    splits = data({"data": dataset})
    assert isinstance(splits, Splits)  # noqa: S101  as its caller has seen to
    return epoch_metrics(asked, splits)


def describe(config: Config, splits: Data) -> dict[str, str]:
    """What a file of weights says of its network.

    Args:
        config: of the run, plain and checked.
        splits: its data.

    Returns:
        Strings by key: what `load_model` needs beside the weights, and names for whoever reads the file.
    """
    described: dict[str, Any] = {
        "arguments": _arguments(config["model"], splits),
        "features": splits.feature_names,
        "classes": splits.classes,
    }
    if isinstance(splits, Splits):
        described |= {"mean": splits.mean.tolist(), "scale": splits.scale.tolist()}
        described |= {"target_scaling": splits.target_scaling} if splits.is_regression else {}
    return {"class": config["model"]["_target_"]} | {key: json.dumps(value) for key, value in described.items()}


def checked_model(model_config: Mapping[str, Any], splits: Data) -> torch.nn.Module:
    """The model of a run, if it can be made, now and again by `load_model`.

    Args:
        model_config: the group `model`, plain.
        splits: the data.

    Returns:
        It, with some weights.

    Raises:
        ConfigError: the model cannot be made, is no module, or needs classes that the data has not.
    """
    options = {key: value for key, value in model_config.items() if key != "name"}
    made_by = make("model", options, partial, _partial_=True).func
    if isclass(made_by) and any(base.__module__.startswith("lightning.pytorch.") for base in made_by.__mro__):
        allowed = "is of the package lightning, whose classes pytorch_lightning has too: import them from there"
        raise ConfigError("model._target_", model_config["_target_"], allowed)
    _check_fits(model_config, made_by, splits)
    with torch.random.fork_rng(devices=[]):
        given = _sizes(splits) | {"generator": torch.Generator().manual_seed(0)}
        net: torch.nn.Module = make("model", accepted(made_by, given) | options, torch.nn.Module)
    is_nested = any(key.endswith("._target_") for key, _ in leaves(model_config))
    if is_nested or get_object(model_config["_target_"]) is not type(net):
        allowed = "must be a class that takes plain values, so that load_model can make it again"
        raise ConfigError("model._target_", model_config["_target_"], allowed)
    return net


def _check_fits(model_config: Mapping[str, Any], made_by: Any, splits: Data) -> None:
    """The rows have what a model's loss needs, and nothing that it would not use."""
    if not isinstance(splits, Splits):
        return
    target, has_own_loss = model_config["_target_"], own_loss(made_by) or is_lightning_module(made_by)
    if len(splits.train.tensors) == 1 and not has_own_loss:
        raise ConfigError("model", model_config.get("name", target), NO_TARGET)
    if splits.class_weights is not None and has_own_loss:
        allowed = f"weigh in the cross-entropy of a network's logits, and {target} has a loss of its own"
        raise ConfigError("data.class_weights", splits.class_weights.tolist(), allowed)


def _arguments(model_config: Config, splits: Data) -> dict[str, Any]:
    """The arguments of a model that are kept with its weights: its options, and the sizes that it has from its data."""
    options = {key: value for key, value in model_config.items() if key not in ("_target_", "name")}
    return accepted(get_object(model_config["_target_"]), _sizes(splits)) | options


def _sizes(splits: Data) -> dict[str, int]:
    """The sizes that a model gets from its data, where they are known."""
    if not isinstance(splits, Splits):
        return {}
    return {"features": len(splits.feature_names), "classes": 1 if splits.is_regression else len(splits.classes)}


@cached
def _dataset(data_config: Mapping[str, Any]) -> Dataset | OwnBatches:
    made_by = make("data", data_config, partial, _partial_=True, _recursive_=False).func
    if is_lightning_data(made_by):
        return own_batches(data_config)
    keeps_config = isclass(made_by) and issubclass(made_by, TorchDataset)  # by which its rows are known, once read
    dataset: Dataset = make("data", data_config, Dataset, _recursive_=not keeps_config)
    return dataset
