"""The keywords of `until="sure"`: the keys of `hydra/sweeper=until_sure`, apart from what is swept."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from seedsweep.api.keywords import written
from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError
from seedsweep.until_sure.setup import GROUP, KEYS

SWEEPER = "hydra/sweeper"
Keywords = dict[str, Any]


def sure_keywords(
    keywords: Mapping[str, Any], overrides: Sequence[str], keys: Collection[str] = KEYS
) -> tuple[Keywords | None, Keywords]:
    """What keywords say of until when seeds are bought, and the others.

    Args:
        keywords: as `seedsweep.sweep` takes them.
        overrides: as they are typed.
        keys: that belong to `until="sure"`.

    Returns:
        The keys of `hydra.sweeper` that were given, None where seeds are not bought; and the other keywords.

    Raises:
        ConfigError: `until` is not `sure`, or something else says the seeds or the sweeper.
    """
    others = dict(keywords)
    if "until" not in others:
        return None, others
    if (until := others.pop("until")) != "sure":
        raise ConfigError("until", until, 'must be "sure", or be left out')
    for name in ("seeds", "seed"):
        if name in others:
            allowed = 'are bought by until="sure" as they are needed: first_seeds=10 says how many come first'
            raise ConfigError(name, others[name], allowed)
    for name in keys:
        if isinstance(others.get(name), list):
            raise ConfigError(name, others[name], "must be one value: it is not swept")
    for override in map(parse_override, overrides):
        if override.key == SWEEPER:
            raise ConfigError(SWEEPER, override.value, 'is said by until="sure", too; leave one of them out')
    return {name: others.pop(name) for name in keys if name in others}, others


def sure_overrides(keys: Mapping[str, Any]) -> list[str]:
    """The overrides of a sweep that buys its seeds.

    Args:
        keys: of `hydra.sweeper`.

    Returns:
        As they are typed.
    """
    return [f"{SWEEPER}=until_sure", *(f"{GROUP}.{key}={written(value)}" for key, value in keys.items())]


@contextmanager
def in_keywords() -> Iterator[None]:
    """Around what reads `hydra.sweeper`: its errors name keywords."""
    try:
        yield
    except ConfigError as error:
        key, value, allowed = error.args
        raise ConfigError(key.removeprefix(f"{GROUP}."), value, allowed.replace(f"{GROUP}.", "")) from None
