"""Optuna's samplers and pruners from their configurations, whichever Optuna is installed."""

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, GridSampler

from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean
from seedsweep.search.distributions import Space
from seedsweep.search.points import grid

SAMPLER, PRUNER = "hydra.sweeper.sampler", "hydra.sweeper.pruner"


def make_sampler(config: Mapping[str, Any], space: Space) -> BaseSampler:
    """The sampler of a configuration with `_target_`, in which null leaves Optuna its own default.

    A sampler of grids gets all values of the space. Raises `ConfigError` for what this Optuna does not have.
    """
    kind = _class(SAMPLER, group_of(SAMPLER, config), BaseSampler)
    extra: dict[str, Any] = {"search_space": grid(space)} if issubclass(kind, GridSampler) else {}
    sampler: BaseSampler = _make(SAMPLER, kind, config, extra)
    return sampler


def make_pruner(config: Mapping[str, Any] | None) -> BasePruner | None:
    """The pruner of a configuration likewise; None for none."""
    if not config or not group_of(PRUNER, config).get("_target_"):
        return None
    extra: dict[str, Any] = {}
    if config.get("wrapped_pruner"):
        extra["wrapped_pruner"] = make_pruner(config["wrapped_pruner"])
    plain = {key: value for key, value in config.items() if key not in extra}
    pruner: BasePruner = _make(PRUNER, _class(PRUNER, config, BasePruner), plain, extra)
    return pruner


def group_of(key: str, config: Any) -> Mapping[str, Any]:
    """The configuration of an option; raises `ConfigError` where its name was given as a value."""
    if not isinstance(config, Mapping):
        raise ConfigError(key, config, f"is a group, whose options are chosen by {key.replace('.', '/')}={config}")
    return config


def _class(key: str, config: Mapping[str, Any], base: type) -> type:
    target = str(config.get("_target_"))
    try:
        module, _, name = target.rpartition(".")
        kind = getattr(get_object(module), name)  # which finds names that were recorded before a move, too
    except (ValueError, ImportError, AttributeError) as error:
        hint = "; tpe does its work" if target.endswith("MOTPESampler") else ""
        allowed = f"is not in Optuna {optuna.__version__}{hint}" if target.startswith("optuna.") else str(error)
        raise ConfigError(f"{key}._target_", target, allowed) from error
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise ConfigError(f"{key}._target_", target, f"must be a subclass of optuna's {base.__name__}")
    return kind


def _make(key: str, kind: type, config: Mapping[str, Any], extra: Mapping[str, Any]) -> Any:
    arguments = {name: value for name, value in config.items() if value is not None and not name.startswith("_")}
    parameters = inspect.signature(kind).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in arguments:
            if name not in parameters:
                meant = did_you_mean(name, parameters)
                allowed = f"{kind.__name__} of Optuna {optuna.__version__} takes {', '.join(parameters)}{meant}"
                raise ConfigError(f"{key}.{name}", arguments[name], allowed)
    try:
        values = {name: instantiate(value) if _is_object(value) else value for name, value in arguments.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # of what somebody has chosen
            return kind(**values, **extra)
    except (TypeError, ValueError, ImportError, InstantiationException) as error:
        raise ConfigError(key, kind.__name__, str(error)) from error


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping) and "_target_" in value
