"""Overrides as they are typed, such as `+optimizer.lr=0.1`: prefix, key and value, without Hydra's parser."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from omegaconf import OmegaConf

PREFIXES = "+~"  # of a key that is added (+ or ++) or deleted (~)


@dataclass(frozen=True, slots=True)
class ParsedOverride:
    """An override as it is typed: `text` is `prefix` and `key`, then, unless `value` is None, = and that."""

    text: str
    prefix: str
    key: str
    value: str | None

    @property
    def typed_key(self) -> str:
        """What stands before the =, with the prefix."""
        return self.prefix + self.key

    @property
    def param(self) -> str:
        """The name under which runs record the key: MLflow takes no @ in a name."""
        return self.key.replace("@", ".")


def as_typed(overrides: Sequence[str]) -> list[str]:
    """The overrides of a command or a job, in which interpolations stand as they were typed.

    Args:
        overrides: `hydra.overrides.task` or `hydra.overrides.hydra`, whose interpolations are looked up by a loop.

    Returns:
        Their texts.
    """
    texts: Any = OmegaConf.to_container(overrides, resolve=False)
    return list(texts)


@lru_cache(maxsize=4_096)
def parse_override(text: str) -> ParsedOverride:
    """Take an override apart; whether it is right is for Hydra to say.

    Args:
        text: an override as it is typed, such as `+optimizer.lr=0.1` or `~schedule`, or its key alone.

    Returns:
        The override by its components; its value is the text after the first =, None where there is none.
    """
    typed_key, equals, value = text.partition("=")
    key = typed_key.lstrip(PREFIXES)
    return ParsedOverride(text, typed_key[: len(typed_key) - len(key)], key, value if equals else None)


def varied(jobs: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """The params in which the jobs of a sweep differ, and the classes that stand for chosen options.

    Args:
        jobs: the overrides of each job, as they are typed.

    Returns:
        The names of the params, in the order of the overrides.
    """
    texts: dict[str, set[str]] = {}
    for job in jobs:
        for override in job:
            texts.setdefault(parse_override(override).param, set()).add(override)
    return tuple(param for param, values in texts.items() if len(values) > 1 or param.endswith("._target_"))
