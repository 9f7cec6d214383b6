"""The jobs of a search: what is wrong with them is said before there is a study, or fails their trial."""

from collections.abc import Callable, Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig

from seedsweep.config.application import compose_jobs, is_tracked
from seedsweep.config.composition_errors import explained
from seedsweep.config.overrides import parse_override
from seedsweep.config.planned_run import SEEDS
from seedsweep.engine.validation import check
from seedsweep.errors import ConfigError
from seedsweep.problem.factories import data
from seedsweep.search.differences import describe
from seedsweep.search.points import middle
from seedsweep.search.spaces import SearchSpace, as_overrides

CheckJob = Callable[[Sequence[str]], object]  # raises what is wrong with a job of these overrides


def job_check(loader: ConfigLoader, config: DictConfig) -> CheckJob:
    """What composes a job as all will be, and raises what is wrong with it."""
    if not is_tracked(config):
        return len  # whatever an application takes; a job that cannot be composed ends the search
    compose = compose_jobs(loader, config)
    return lambda job: check(compose(job, 0).config)


def data_of(space: SearchSpace, loader: ConfigLoader, config: DictConfig) -> str | None:
    """The fingerprint of the data of a tracked application's job with values from the middle of the space.

    None where such a job cannot be composed, or has no data.
    """
    try:
        job = compose_jobs(loader, config)(as_overrides(middle(space.distributions), space), 0)
        return data(job.config).fingerprint
    except (HydraException, ConfigError):
        return None


def check_seeds(space: SearchSpace) -> None:
    """Raise `ConfigError` where a seed is searched, of which the luckiest would win."""
    for key, distribution in space.distributions.items():
        if parse_override(key).key in SEEDS:
            allowed = "would be searched, and the luckiest seed win; hydra.sweeper.seeds=5 trains every trial with five"
            raise ConfigError(key, describe(distribution), allowed)


def check_middle(space: SearchSpace, seeds: Sequence[int] | None, check_job: CheckJob, may_fail: bool) -> None:
    """Check one job, with values from the middle of the space, unless some trials `may_fail`.

    A job that cannot be composed is an error in any case.
    """
    suggested = as_overrides(middle(space.distributions), space)
    try:
        check_job([*suggested, *(f"seed={seed}" for seed in (seeds or [])[:1])])
    except ConfigError:
        if not may_fail:
            raise
    except ConfigCompositionException as error:
        wrong = explained(error)
        if wrong is None:
            raise
        key, value, allowed = wrong.args
        searched = space.distributions.get(key)  # a value from which nobody has typed
        raise ConfigError(key, describe(searched) if searched else value, allowed) from error
