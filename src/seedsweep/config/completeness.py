"""From a composed configuration to its plain content, in which nothing that everything else relies on is missing."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seedsweep.caching import cached
from seedsweep.config.planned_run import SEEDS, leaves
from seedsweep.errors import ConfigError

Config = Mapping[str, Any]  # plain and resolved
GROUPS = ("data", "model", "optimizer", "trainer", "tracking", "objective")
REQUIRED = (
    *(f"{group}._target_" for group in ("data", "model", "optimizer")),
    *("data.batch_size", "tracking.uri", "tracking.sweep", "tracking.labels", "experiment"),
    *("objective.metric", "objective.select", *SEEDS),
)


def resolve(config: DictConfig) -> dict[str, Any]:
    """The plain content of a composed configuration; raises `ConfigError` if something in it is missing."""
    _check_groups({key: config.get(key) for key in GROUPS})
    check_complete(OmegaConf.to_container(config))  # type: ignore[arg-type]
    return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]


def check_complete(config: Config) -> None:
    """Raise `ConfigError` if a group or a key that everything else relies on is missing, or a value."""
    _check_groups(config)
    for key, part in config.items():
        if isinstance(part, dict):
            _check_part(key, part)
        elif part == "???":
            raise ConfigError(key, part, f"a value is required: {key}=…")
    for key in REQUIRED:
        if key not in config and "." not in key:
            raise ConfigError(key, None, f"a value is required: {key}=…")


@cached
def _check_part(key: str, part: Config) -> None:
    values = dict(leaves(part, f"{key}."))
    for name in REQUIRED:
        if name.startswith(f"{key}.") and name not in values:
            raise ConfigError(name, None, f"a value is required: {name}=…")
    for name, value in values.items():
        if value == "???":
            raise ConfigError(name, value, f"a value is required: {name}=…")


def _check_groups(config: Config) -> None:
    for group in GROUPS:
        if not isinstance(config.get(group), dict | DictConfig):
            raise ConfigError(group, config.get(group), "a group of keys is required; see python train.py --help")
