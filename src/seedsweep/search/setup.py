"""From the keys of `hydra.sweeper` and the overrides of a command to a search and its studies, all of it checked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import optuna
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from seedsweep.config.application import is_tracked
from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError
from seedsweep.outcomes import TO_TARGET
from seedsweep.search.aggregate import Aggregate
from seedsweep.search.console import print_begun
from seedsweep.search.jobs import CheckJob, check_middle, check_seeds, data_of, job_check
from seedsweep.search.objective import check_direction, objective_metric, read_directions
from seedsweep.search.option_spaces import read_option_spaces
from seedsweep.search.pruning import Pruning
from seedsweep.search.record import end_killed
from seedsweep.search.rounds import Search
from seedsweep.search.samplers import PRUNER, make_pruner
from seedsweep.search.seeds import fresh_seeds, read_seeds
from seedsweep.search.spaces import SearchSpace
from seedsweep.search.studies import open_studies
from seedsweep.validation import check_integer, check_keys

WILCOXON = "seedsweep.wilcoxon.WilcoxonSeedsPruner"
KEYS = (  # of hydra-optuna-sweeper, and ours
    *("sampler", "direction", "storage", "study_name", "n_trials", "n_jobs", "max_failure_rate", "search_space"),
    *("params", "custom_search_space"),
    *("pruner", "seeds", "aggregate", "risk", "confirm", "confirm_seeds", "confirm_max_seeds", "per", "studies"),
)
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
    _check_keys(keys)
    option_spaces = read_option_spaces(keys, overrides, loader, config)
    space = next(iter(option_spaces.values()))  # all options have the same metric and, if it is fixed, the same seed
    directions, seeds = read_directions(keys["direction"]), read_seeds(keys["seeds"])
    if seeds is not None and "seed" in (parse_override(key).key for key in space.order):
        allowed = "seed is given by an override, too; leave one of them out"
        raise ConfigError("hydra.sweeper.seeds", keys["seeds"], allowed)
    aggregate, check_job = Aggregate(directions, keys["aggregate"], keys["risk"]), job_check(loader, config)
    tracked, metric = is_tracked(config), objective_metric(config, space)
    if tracked:
        check_direction(metric, directions)
    _check_spaces(option_spaces.values(), keys, seeds, check_job, tracked)
    first, most = keys["confirm_seeds"] or len(seeds or ()), keys["confirm_max_seeds"]
    if most is not None and (seeds is None or len(directions) > 1):
        allowed = "needs trials of several seeds and one direction: hydra.sweeper.seeds=5 says how many seeds"
        raise ConfigError("hydra.sweeper.confirm_max_seeds", most, allowed)
    fresh = fresh_seeds(seeds, keys["studies"], keys["confirm"], keys["confirm_seeds"], most)
    pruning = _pruning(keys["pruner"], metric, aggregate, tracked)
    contents = {option: data_of(space, loader, config) for option, space in option_spaces.items()} if tracked else {}
    search = Search(
        open_studies(keys, option_spaces, directions, seeds, config, contents),
        aggregate=aggregate,
        n_jobs=keys["n_jobs"],
        max_failure_rate=keys["max_failure_rate"],
        confirm=keys["confirm"],
        fresh=fresh if len(directions) == 1 else (),
        confirm_first=None if most is None else first,
        pruning=pruning,
        metric=metric if tracked else "value",
        check=check_job,
    )
    if tracked and config.tracking.uri is not None:
        end_killed(config.tracking.uri, search)
    print_begun(search)
    return search


def _check_keys(keys: SweeperKeys) -> None:
    check_keys(keys, KEYS, "hydra.sweeper")
    for key in ("n_trials", "n_jobs", "studies"):
        check_integer(f"hydra.sweeper.{key}", keys[key], 1)
    rate = keys["max_failure_rate"]
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise ConfigError("hydra.sweeper.max_failure_rate", rate, "must be a fraction from 0 to 1")


def _check_spaces(
    spaces: Iterable[SearchSpace], keys: SweeperKeys, seeds: Sequence[int] | None, check_job: CheckJob, tracked: bool
) -> None:
    """Raise what is wrong with the spaces, or with a job in the middle of each, before there is a study."""
    for space in spaces:
        if tracked:
            check_seeds(space)
        if not keys["custom_search_space"]:  # of which a job may need its values
            check_middle(space, seeds, check_job, may_fail=keys["max_failure_rate"] > 0)


def _pruning(config: Any, metric: str, aggregate: Aggregate, tracked: bool) -> Pruning | None:
    """What ends the runs of trials that Optuna's pruner gives up; None where there is no pruner.

    Raises `ConfigError` where the metric is not there after every epoch.
    """
    if make_pruner(config) is None:
        return None
    if not tracked or metric.startswith("test/") or metric in TO_TARGET:
        raise ConfigError(PRUNER, f"objective.metric={metric}", "a pruner needs a metric of every epoch, as val/loss")
    targets = [pruner.get("_target_") for pruner in (config, config.get("wrapped_pruner") or {})]
    return Pruning(metric, aggregate, by_seed=WILCOXON in targets)
