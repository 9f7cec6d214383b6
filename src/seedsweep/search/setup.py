"""From the keys of `hydra.sweeper` and the overrides of a command to a search and its studies, all of it checked."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import optuna
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from hydra.utils import get_method, instantiate
from omegaconf import DictConfig, OmegaConf
from optuna.pruners import NopPruner
from optuna.samplers import GridSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import Trial

from seedsweep.config.application import is_tracked, search_name
from seedsweep.config.overrides import parse_override
from seedsweep.config.planned_run import RECORDING, canonical, leaves
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.search.aggregate import Aggregate
from seedsweep.search.console import print_begun
from seedsweep.search.jobs import check_one, check_space, job_check
from seedsweep.search.option_spaces import read_option_spaces
from seedsweep.search.option_study import OptionStudy
from seedsweep.search.pruning import Pruning
from seedsweep.search.record import end_killed
from seedsweep.search.rounds import Search
from seedsweep.search.samplers import PRUNER, SAMPLER, group_of, make_pruner, make_sampler
from seedsweep.search.shared_study import SharedStudy
from seedsweep.search.spaces import SearchSpace, grid
from seedsweep.search.storages import default_storage, open_storage
from seedsweep.validation import check_choice, check_integer

log = logging.getLogger(__name__)
NAME = 450  # characters of a study's name that every storage takes, and then some
WILCOXON = "seedsweep.wilcoxon.WilcoxonSeedsPruner"
LARGEST = 2**31 - 1  # seed
KEYS = (  # of hydra-optuna-sweeper, and ours
    *("sampler", "direction", "storage", "study_name", "n_trials", "n_jobs", "max_failure_rate", "search_space"),
    *("params", "custom_search_space"),
    *("pruner", "seeds", "aggregate", "risk", "confirm", "confirm_seeds", "per", "studies"),
)
APART = 1_000_003  # between the seeds of the samplers of two studies
SweeperKeys = Mapping[str, Any]  # of hydra.sweeper, plain


def open_search(keys: SweeperKeys, overrides: Sequence[Override], loader: ConfigLoader, config: DictConfig) -> Search:
    """The search that the keys and the overrides ask for; of Optuna only warnings are heard from here on.

    Args:
        keys: of `hydra.sweeper`, plain.
        overrides: of the command line, parsed by Hydra.
        loader: Hydra's, to compose jobs with.
        config: the master configuration.

    Returns:
        A search that asks for the jobs of its first round next.

    Raises:
        ConfigError: something is not allowed; nothing has been recorded by then.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if unknown := sorted(set(keys) - set(KEYS)):
        raise ConfigError(f"hydra.sweeper.{unknown[0]}", keys[unknown[0]], f"no such key; there are {', '.join(KEYS)}")
    for key in ("n_trials", "n_jobs", "studies"):
        check_integer(f"hydra.sweeper.{key}", keys[key], 1)
    rate = keys["max_failure_rate"]
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise ConfigError("hydra.sweeper.max_failure_rate", rate, "must be a fraction from 0 to 1")
    option_spaces = read_option_spaces(keys, overrides, loader, config)
    searched = next(iter(option_spaces.values()))
    directions = _directions(keys["direction"])
    seeds = _seeds(keys["seeds"])
    if seeds is not None and "seed" in (parse_override(key).key for key in searched.order):
        raise ConfigError(
            "hydra.sweeper.seeds", keys["seeds"], "seed is given by an override, too; leave one of them out"
        )
    aggregate, check_job = Aggregate(directions, keys["aggregate"], keys["risk"]), job_check(loader, config)
    if is_tracked(config):
        _check_objective(config, searched, directions)
    for space in option_spaces.values():
        check_space(space, config)
        if not keys["custom_search_space"]:  # of which a job may need its values
            check_one(space, seeds, check_job, rate)
    fresh, pruning = _fresh(seeds, keys), _pruning(keys, searched, aggregate, config)  # before there are studies
    search = Search(
        _studies(keys, option_spaces, directions, seeds, config),
        aggregate=aggregate,
        n_jobs=keys["n_jobs"],
        max_failure_rate=rate,
        confirm=keys["confirm"],
        fresh=fresh if len(directions) == 1 else (),
        pruning=pruning,
        metric=_metric(config, searched) if is_tracked(config) else "value",
        check=check_job,
    )
    if is_tracked(config) and config.tracking.uri is not None:
        end_killed(config.tracking.uri, search)
    print_begun(search)
    return search


def _studies(
    keys: SweeperKeys,
    option_spaces: Mapping[str, SearchSpace],
    directions: Sequence[str],
    seeds: list[int] | None,
    config: DictConfig,
) -> list[OptionStudy]:
    """The studies of each option, which have nothing in common: neither their samplers' seeds nor their runs'."""
    storage = _storage(keys["storage"], config)
    several, values = len(option_spaces) * keys["studies"] > 1, _values(config)
    name = keys["study_name"] or (search_name(config)[:NAME] if is_tracked(config) else None)
    name = name or (f"search {uuid4().hex[:8]}" if several else None)
    studies: list[OptionStudy] = []
    for option, searched in option_spaces.items():
        for repeat in range(keys["studies"]):
            words = [name, option, f"study {repeat + 1}" if keys["studies"] > 1 else ""]
            one = " | ".join(filter(None, words)) or None
            own = None if seeds is None else [seed + repeat * (max(seeds) + 1) for seed in seeds]
            terms = {"seeds": str(own), "aggregate": f"{keys['aggregate']} {keys['risk']}"} | values
            study = _study(keys, searched, directions, storage, one, APART * len(studies), terms, config)
            studies.append(OptionStudy(study, searched, option, own))
    return studies


def _check_objective(config: DictConfig, searched: SearchSpace, directions: Sequence[str]) -> None:
    """The direction is that of the metric that a run returns."""
    metric = _metric(config, searched)
    right = Metric(metric).direction or "minimize"
    if list(directions) != [right]:
        raise ConfigError("hydra.sweeper.direction", ", ".join(directions), f"objective.metric={metric} needs {right}")


def _directions(given: Any) -> list[str]:
    """`minimize` or `maximize`, as text or enumeration, one or several."""
    several = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    directions = [str(getattr(direction_or_name, "name", direction_or_name)) for direction_or_name in several]
    for direction in directions:
        check_choice("hydra.sweeper.direction", direction, ("minimize", "maximize"))
    return directions


def _seeds(given: Any) -> list[int] | None:
    if given is None:
        return None
    if isinstance(given, int) and not isinstance(given, bool):
        check_integer("hydra.sweeper.seeds", given, 1, note="how many")
        return list(range(given))
    seeds = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    for seed in seeds:
        check_integer("hydra.sweeper.seeds", seed, 0, LARGEST)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError("hydra.sweeper.seeds", seeds, "must be different seeds, at least one")
    return seeds


def _fresh(seeds: Sequence[int] | None, keys: SweeperKeys) -> Sequence[int]:
    """The seeds after those of the search, which no trial was chosen by."""
    check_integer("hydra.sweeper.confirm", keys["confirm"], 0)
    count = keys["confirm_seeds"]
    if count is not None:
        check_integer("hydra.sweeper.confirm_seeds", count, 1)
    if seeds is None:
        return ()
    first = (max(seeds) + 1) * keys["studies"]
    fresh = range(first, first + (len(seeds) if count is None else count))
    most = (LARGEST + 1 - len(fresh)) // keys["studies"] - 1
    check_integer("hydra.sweeper.seeds", max(seeds), 0, most, "after which there is room for fresh ones")
    return fresh


def _pruning(keys: SweeperKeys, searched: SearchSpace, aggregate: Aggregate, config: DictConfig) -> Pruning | None:
    if make_pruner(keys["pruner"]) is None:
        return None
    kinds = [pruner.get("_target_") for pruner in (keys["pruner"], keys["pruner"].get("wrapped_pruner") or {})]
    return Pruning(_measured(config, searched), aggregate, by_seed=WILCOXON in kinds)


def _metric(config: DictConfig, searched: SearchSpace) -> str:
    return str(searched.fixed.get("objective.metric") or config.get("objective", {}).get("metric"))


def _measured(config: DictConfig, searched: SearchSpace) -> str:
    """The metric that a pruner looks at; raises `ConfigError` where there is none after every epoch."""
    metric = _metric(config, searched)
    if not is_tracked(config) or metric.startswith("test/"):
        raise ConfigError(PRUNER, f"objective.metric={metric}", "a pruner needs a metric of every epoch, as val/loss")
    return metric


def _study(
    keys: SweeperKeys,
    searched: SearchSpace,
    directions: Sequence[str],
    storage: BaseStorage,
    name: str | None,
    apart: int,
    terms: Mapping[str, str],
    config: DictConfig,
) -> SharedStudy:
    sampler_config, pruner = dict(group_of(SAMPLER, keys["sampler"])), make_pruner(keys["pruner"])
    if isinstance(sampler_config.get("seed"), int):  # a study that goes on would get its first suggestions again
        sampler_config["seed"] += apart + _trials(storage, name)
    sampler = make_sampler(sampler_config, searched.distributions)
    n_trials = keys["n_trials"]
    if isinstance(sampler, GridSampler):
        n_trials = min(n_trials, math.prod(len(values) for values in grid(searched.distributions).values()))
    suggest = _conditional(keys["custom_search_space"], searched, config)
    pruner = pruner or NopPruner()
    return SharedStudy(name, storage, directions, sampler, pruner, searched.distributions, n_trials, suggest, terms)


def _values(config: DictConfig) -> dict[str, str]:
    """What stands in the files of a tracked application's configuration, and decides what a trial is, by key."""
    if not is_tracked(config):
        return {}
    raw: Any = OmegaConf.to_container(config, resolve=False)
    kept = {key: value for key, value in raw.items() if key not in ("hydra", *RECORDING) or key == "objective"}
    return {key: canonical(value) for key, value in leaves(kept)}


def _trials(storage: BaseStorage, name: str | None) -> int:
    """How many trials a study has, 0 if it is new."""
    try:
        return storage.get_n_trials(storage.get_study_id_from_name(str(name)))
    except KeyError:
        return 0


def _storage(given: Any, config: DictConfig) -> BaseStorage:
    if isinstance(given, Mapping):  # as hydra-optuna-sweeper takes one
        made: BaseStorage = instantiate(given)
        return made
    if given is not None:
        return open_storage(given)
    kept = is_tracked(config) and config.tracking.uri is not None
    return open_storage(default_storage()) if kept else InMemoryStorage()


def _conditional(path: str | None, searched: SearchSpace, config: DictConfig) -> Callable[[Trial], None] | None:
    """The application's own function of its configuration and a trial, which finds there what is fixed."""
    if path is None:
        return None
    try:
        extend = get_method(path)
    except (ImportError, ValueError) as error:
        raise ConfigError("hydra.sweeper.custom_search_space", path, str(error)) from error

    def suggest(trial: Trial) -> None:
        for key, text in searched.fixed.items():
            trial.set_user_attr(key, text)
        extend(config, trial)

    return suggest
