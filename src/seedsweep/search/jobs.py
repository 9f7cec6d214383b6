"""The jobs of a search: what is wrong with them is said before there is a study, or fails their trial."""

from collections.abc import Callable, Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig

from seedsweep.config.application import compose_jobs, is_tracked
from seedsweep.config.overrides import parse_override
from seedsweep.config.planned_run import SEEDS
from seedsweep.engine.validation import check
from seedsweep.errors import ConfigError
from seedsweep.search.spaces import SearchSpace, as_overrides, describe, middle


def job_check(loader: ConfigLoader, config: DictConfig) -> Callable[[Sequence[str]], object]:
    """What composes a job as all will be, and raises what is wrong with it."""
    if not is_tracked(config):
        return len  # whatever an application takes; a job that cannot be composed ends the search
    compose = compose_jobs(loader, config)
    return lambda job: check(compose(job, 0).config)


def check_space(searched: SearchSpace, config: DictConfig) -> None:
    """Raise `ConfigError` where seeds are searched, of which the luckiest would win."""
    for key in searched.distributions:
        if is_tracked(config) and parse_override(key).key in SEEDS:
            allowed = "would be searched, and the luckiest seed win; hydra.sweeper.seeds=5 trains every trial with five"
            raise ConfigError(key, describe(searched.distributions[key]), allowed)


def check_one(
    searched: SearchSpace, seeds: list[int] | None, check_job: Callable[[Sequence[str]], object], rate: float
) -> None:
    """Check one job, with values from the middle of the space: what is wrong shall be said before there is a study."""
    sampled = as_overrides(middle(searched.distributions), searched)
    try:
        check_job([*sampled, *(f"seed={seed}" for seed in (seeds or [])[:1])])
    except ConfigError:
        if not rate:  # else some trials may fail
            raise
    except ConfigCompositionException as error:
        text = str(error)
        for override in map(parse_override, sampled):
            if override.typed_key in searched.distributions:  # nobody has typed the value
                text = text.replace(override.text, f"{override.typed_key}=…")
        raise ConfigCompositionException(text) from error
