"""Objects in place of names: what is given becomes an option of its group, as a file in `conf` would be."""

import hashlib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from seedsweep.api.data_objects import data_node
from seedsweep.config.given import dotted_path
from seedsweep.config.home import shipped
from seedsweep.errors import ConfigError
from seedsweep.problem.lightning_classes import is_lightning_data, is_lightning_module

RATE = 0.01  # of an optimizer whose class has no default, as in the files of `conf/optimizer`
OURS = ("features", "classes", "generator")  # arguments that seedsweep gives a model
PLAIN = (bool, int, float, str, list, tuple, type(None))


_stored: list[tuple[str, str]] = []  # group and name of the options that the objects of a call have become


@contextmanager
def options_of_objects() -> Iterator[None]:
    """A context at whose end the options that were made of objects in it are gone."""
    try:
        yield
    finally:
        while _stored:
            group, name = _stored.pop()
            options = ConfigStore.instance().repo
            del options[group][f"{name}.yaml"]
            if not options[group]:  # which would be a group of other people's applications, too
                del options[group]


def option(group: str, value: Any) -> str:
    """Make an object an option of its group.

    Args:
        group: `optimizer`, `schedule`, `model` or `data`.
        value: a class, or a `functools.partial` of one with plain keywords; for `data` a LightningDataModule's class,
            or what `data_node` takes.

    Returns:
        The name of the option.

    Raises:
        ConfigError: it is nothing of these.
    """
    made, keywords = (value.func, value.keywords) if isinstance(value, partial) else (value, {})
    if group == "data" and not is_lightning_data(made):
        return _store("data", *data_node(value))
    if (not inspect.isclass(made) and not inspect.isfunction(made)) or (isinstance(value, partial) and value.args):
        allowed = "must be the name of an option, a class, or a functools.partial of one with keywords"
        raise ConfigError(group, value, allowed)
    node = {"_target_": dotted_path(made)} | _defaults(group, made) | dict(keywords)
    for key, argument in node.items():
        if not isinstance(argument, PLAIN):
            raise ConfigError(f"{group}.{key}", argument, "must be a plain value: a number, a string or a list of them")
    if group in ("model", "data"):
        node = {"name": made.__name__} | node
    return _store(group, made.__name__, node)


def metric(value: Any) -> Any:
    """One of the `metrics` as a configuration has it.

    Args:
        value: a name, or a class of `torchmetrics.Metric`, or a `functools.partial` of one with plain keywords.

    Returns:
        The name, or a mapping with its `_target_`.

    Raises:
        ConfigError: it is nothing of these.
    """
    made, keywords = (value.func, value.keywords) if isinstance(value, partial) else (value, {})
    if inspect.isclass(made):
        return {"_target_": dotted_path(made)} | dict(keywords)
    if not isinstance(value, str | dict):
        raise ConfigError("metrics", value, "must be a name, a class of torchmetrics.Metric, or a partial of one")
    return value


def own_optimizer(groups: Mapping[str, Any]) -> dict[str, str]:
    """The optimizer of Lightning modules, unless another one is named.

    Args:
        groups: values by the groups of the configuration.

    Returns:
        `optimizer`: `own`, if the models are Lightning modules that make an optimizer of their own; else nothing.
    """
    given = groups.get("model")
    models = given if isinstance(given, list) else [given]
    classes: list[Any] = [model.func if isinstance(model, partial) else model for model in models]
    if not all(is_lightning_module(one) for one in classes):
        return {}
    base = sys.modules["pytorch_lightning"].LightningModule.configure_optimizers
    return {"optimizer": "own"} if all(one.configure_optimizers is not base for one in classes) else {}


def _defaults(group: str, made: Any) -> dict[str, Any]:
    """The arguments that a sweep may vary, and their defaults: of an optimizer its rate, of a model all."""
    try:
        parameters = inspect.signature(made).parameters.values()
    except (TypeError, ValueError):  # of a class written in C
        return {}
    named = {parameter.name: parameter.default for parameter in parameters if parameter.name not in OURS}
    if group == "optimizer":
        rate = named.get("lr")
        return {"lr": rate if isinstance(rate, int | float) else RATE} if "lr" in named else {}
    if group == "model":
        return {key: default for key, default in named.items() if isinstance(default, PLAIN)}
    if group == "data":
        return {"batch_size": None} | {key: default for key, default in named.items() if isinstance(default, PLAIN)}
    return {}


def _store(group: str, name: str, node: Mapping[str, Any] | Any) -> str:
    """Keep an option for Hydra to find; the name gets a digest where another option has it."""
    name = re.sub(r"\W", "_", name)
    content = OmegaConf.to_yaml(node if OmegaConf.is_config(node) else OmegaConf.create(dict(node)))
    options = ConfigStore.instance()
    taken = (shipped("conf") / group / f"{name}.yaml").exists() or (Path("conf") / group / f"{name}.yaml").exists()
    stored = options.repo.get(group, {}).get(f"{name}.yaml")
    if taken or (stored is not None and OmegaConf.to_yaml(stored.node) != content):
        name = f"{name}_{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    if (group, name) not in _stored:
        options.store(group=group, name=name, node=OmegaConf.create(content), provider="seedsweep")
        _stored.append((group, name))
    return name
