"""From a composed configuration to its plain content, in which no required group, key or value is missing."""

import re
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)

from seedsweep.caching import cached
from seedsweep.config.home import command
from seedsweep.config.params import leaves
from seedsweep.config.planned_run import SEEDS
from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean

Config = Mapping[str, Any]  # plain and resolved
# what says, beside the seeds, what a run does: the runs of a sweep have few different values of these
NODES = ("data", "model", "optimizer", "schedule", "trainer", "objective", "metrics")
GROUPS = ("data", "model", "optimizer", "trainer", "tracking", "objective")
REQUIRED = (
    *(f"{group}._target_" for group in ("data", "model", "optimizer")),
    *("data.batch_size", "tracking.uri", "tracking.sweep", "tracking.labels", "experiment"),
    *("objective.metric", "objective.select", *SEEDS),
)


def resolve(config: DictConfig) -> dict[str, Any]:
    """The plain content of a composed configuration.

    Args:
        config: as Hydra composes it, with or without its interpolations resolved.

    Returns:
        Nested dictionaries and lists of plain values, with all interpolations resolved.

    Raises:
        ConfigError: a required group, key or value is missing, or what an interpolation refers to.
    """
    _check_groups({key: config.get(key) for key in GROUPS})
    raw: Any = OmegaConf.to_container(config)
    check_complete(raw)
    try:
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    except InterpolationKeyError as error:
        key, values = str(error.full_key), dict(leaves(raw))
        missing = str(error).split("'")[1]  # Interpolation key 'sed' not found
        allowed = f"there is no key {missing}{did_you_mean(missing, [name for name in values if name != key])}"
        raise ConfigError(key, values.get(key), allowed) from error
    except (InterpolationResolutionError, UnsupportedInterpolationType) as error:
        key = str(error.full_key)
        raise unresolved(key, dict(leaves(raw)).get(key), error) from error


def unresolved(key: str, value: Any, error: OmegaConfBaseException) -> ConfigError:
    """The error of a value that a resolver cannot make.

    Args:
        key: its dotted key.
        value: as it was written.
        error: OmegaConf's.

    Returns:
        An error that says why: most often a variable of the environment that is not set.
    """
    reason = str(error).splitlines()[0]
    if variable := re.search(r"Environment variable '(.*)' not found", reason):
        reason = f"the environment has no {variable[1]}: set it, or give a default: ${{oc.env:{variable[1]},DEFAULT}}"
    elif isinstance(error, UnsupportedInterpolationType):
        reason += "; there are oc.env, oc.select, now and hydra"
    return ConfigError(key, value, reason)


def check_complete(config: Config) -> None:
    """Check that a configuration has every required group, key and value.

    Args:
        config: its plain content, in which missing values are "???".

    Raises:
        ConfigError: one is missing.
    """
    _check_groups(config)
    for key, value in config.items():
        if isinstance(value, dict):
            _check_node(key, value)
        elif value == "???":
            raise ConfigError(key, value, f"a value is required: {key}=…")
    for key in REQUIRED:
        if key not in config and "." not in key:
            raise ConfigError(key, None, f"a value is required: {key}=…")


@cached
def _check_node(key: str, node: Config) -> None:
    values = dict(leaves(node, f"{key}."))
    for name in REQUIRED:
        if name.startswith(f"{key}.") and name not in values:
            raise ConfigError(name, None, f"a value is required: {name}=…")
    for name, value in values.items():
        if value == "???":
            raise ConfigError(name, value, f"a value is required: {name}=…")


def _check_groups(config: Config) -> None:
    for group in GROUPS:
        if not isinstance(config.get(group), dict | DictConfig):
            raise ConfigError(group, config.get(group), f"a group of keys is required; see {command('train')} --help")
