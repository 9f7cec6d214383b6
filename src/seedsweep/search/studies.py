"""The studies of a search: for each option one or several, opened or gone on with, each with a sampler of its own."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from hydra.utils import get_method, instantiate
from omegaconf import DictConfig, OmegaConf
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler, GridSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import Trial

from seedsweep.config.application import is_tracked, search_name
from seedsweep.config.params import canonical, leaves
from seedsweep.config.planned_run import RECORDING
from seedsweep.errors import ConfigError
from seedsweep.search.option_study import OptionStudy
from seedsweep.search.points import grid
from seedsweep.search.samplers import SAMPLER, group_of, make_pruner, make_sampler
from seedsweep.search.seeds import seeds_of_study
from seedsweep.search.shared_study import SharedStudy
from seedsweep.search.spaces import SearchSpace
from seedsweep.search.storages import default_storage, open_storage

NAME = 450  # characters of a study's name that every storage takes, and then some
APART = 1_000_003  # between the seeds of the samplers of two studies


def open_studies(
    keys: Mapping[str, Any],
    option_spaces: Mapping[str, SearchSpace],
    directions: Sequence[str],
    seeds: Sequence[int] | None,
    config: DictConfig,
    contents: Mapping[str, str | None],
) -> list[OptionStudy]:
    """The studies of each option, which have nothing in common: neither their samplers' seeds nor their runs'.

    `keys` are those of `hydra.sweeper`, `config` is the master configuration, `contents` has the
    fingerprint of each option's data.
    """
    storage, values = _storage(keys["storage"], config), _configured_values(config)
    search_id = _search_name(keys, len(option_spaces) * keys["studies"], config)
    studies: list[OptionStudy] = []
    for option, space in option_spaces.items():
        content = {"the rows of the data (a fingerprint)": known} if (known := contents.get(option)) else {}
        for repeat in range(keys["studies"]):
            words = (search_id, option, f"study {repeat + 1}" if keys["studies"] > 1 else "")
            name, study_seeds = " | ".join(filter(None, words)) or None, seeds_of_study(seeds, repeat)
            sampler = _sampler(keys["sampler"], space, APART * len(studies) + _count_trials(storage, name))
            shared = SharedStudy(
                name,
                storage,
                directions,
                sampler,
                make_pruner(keys["pruner"]) or NopPruner(),
                space.distributions,
                _budget(keys["n_trials"], sampler, space),
                _conditional(keys["custom_search_space"], space, config),
                {"seeds": str(study_seeds), "aggregate": f"{keys['aggregate']} {keys['risk']}"} | values | content,
            )
            studies.append(OptionStudy(shared, space, option, study_seeds))
    return studies


def _search_name(keys: Mapping[str, Any], studies: int, config: DictConfig) -> str | None:
    """What the names of the studies begin with; None for a single one that nobody has named."""
    name = keys["study_name"] or (search_name(config)[:NAME] if is_tracked(config) else None)
    return name or (f"search {uuid4().hex[:8]}" if studies > 1 else None)


def _sampler(group: Any, space: SearchSpace, offset: int) -> BaseSampler:
    """The sampler, whose seed, if it has one, is moved: a study that goes on would get its first suggestions again."""
    config = dict(group_of(SAMPLER, group))
    if isinstance(config.get("seed"), int):
        config["seed"] += offset
    return make_sampler(config, space.distributions)


def _budget(n_trials: int, sampler: BaseSampler, space: SearchSpace) -> int:
    """How many trials a study gets: no more than its grid has points."""
    if not isinstance(sampler, GridSampler):
        return n_trials
    return min(n_trials, math.prod(map(len, grid(space.distributions).values())))


def _configured_values(config: DictConfig) -> dict[str, str]:
    """What stands in the files of a tracked application's configuration, and decides what a trial is, by key."""
    if not is_tracked(config):
        return {}
    raw: Any = OmegaConf.to_container(config, resolve=False)
    kept = {key: value for key, value in raw.items() if key not in ("hydra", *RECORDING) or key == "objective"}
    return {key: canonical(value) for key, value in leaves(kept)}


def _count_trials(storage: BaseStorage, name: str | None) -> int:
    """How many trials a study has, 0 if it is new."""
    try:
        return storage.get_n_trials(storage.get_study_id_from_name(str(name)))
    except KeyError:
        return 0


def _storage(value: Any, config: DictConfig) -> BaseStorage:
    """What `hydra.sweeper.storage` says: an address, or as hydra-optuna-sweeper takes one, a `_target_`."""
    if isinstance(value, Mapping):
        storage: BaseStorage = instantiate(value)
        return storage
    if value is not None:
        return open_storage(value)
    kept = is_tracked(config) and config.tracking.uri is not None
    return open_storage(default_storage()) if kept else InMemoryStorage()


def _conditional(path: str | None, space: SearchSpace, config: DictConfig) -> Callable[[Trial], None] | None:
    """The application's own function of its configuration and a trial, which has what is fixed as user attributes."""
    if path is None:
        return None
    try:
        extend = get_method(path)
    except (ImportError, ValueError) as error:
        raise ConfigError("hydra.sweeper.custom_search_space", path, str(error)) from error

    def suggest(trial: Trial) -> None:
        for key, value in space.fixed.items():
            trial.set_user_attr(key, value)
        extend(config, trial)

    return suggest
