"""Keys that are added with a +: one that nothing uses is refused, since the run would be the same without it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from seedsweep.config.existing_keys import ExistingKeys, existing_keys
from seedsweep.config.interpolations import Keys, overlap, walk
from seedsweep.config.overrides import ParsedOverride, parse_override
from seedsweep.config.unknown_keys import unknown_key

INNERMOST = re.compile(r"\$\{([^{}]*)\}")
CHECKED_LATER = ("data", "model", "optimizer", "schedule", "trainer", "hydra")  # by what takes their keys


def added(overrides: Sequence[str]) -> list[ParsedOverride]:
    """The overrides that add a key which nothing else checks.

    Args:
        overrides: as they are typed.

    Returns:
        Those with a +, but for arguments of classes, which refuse what they do not take.
    """
    additions = [parse_override(text) for text in overrides if text.startswith("+")]
    return [typed for typed in additions if typed.key.partition(".")[0] not in CHECKED_LATER]


def check_additions(
    additions: Sequence[ParsedOverride], config: DictConfig, hydra: DictConfig, loader: ConfigLoader
) -> None:
    """Check that every key that was added is one that exists, or that an interpolation uses it.

    Args:
        additions: those of the overrides of a job that `added` gives.
        config: of the job, as Hydra composes it, with its interpolations.
        hydra: its node `hydra`.
        loader: Hydra's.

    Raises:
        ConfigError: one is used by nothing; names the nearest key that exists.
    """
    content: Any = OmegaConf.to_container(config)
    references = [*_references(content), *_references({"hydra": OmegaConf.to_container(hydra)})]
    unused = [typed for typed in additions if not any(overlap(_path(typed.key), path) for path in references)]
    if unused:
        overrides = [*hydra.overrides.hydra, *hydra.overrides.task]
        existing = existing_keys(loader, hydra.job.config_name, overrides)
        for typed in unused:
            if not _is_taken(typed.key, existing[0]):
                raise unknown_key(typed, existing)


def _is_taken(key: str, existing: ExistingKeys) -> bool:
    """Whether a key exists without being added, is a group of which an option is added, or an argument of a class."""
    path = _path(key)
    nodes = [existing.node(".".join(path[:length])) for length in range(1, len(path))]
    is_argument = any(isinstance(node, Mapping) and "_target_" in node for node in nodes)
    return is_argument or key in existing or key.partition("@")[0] in existing.choices


def _path(key: str) -> Keys:
    return tuple(key.split("."))


def _references(content: Mapping[str, Any]) -> Iterator[Keys]:
    """The keys that the interpolations of a configuration refer to, or that resolvers may, as oc.select does."""
    for path, leaf in walk(content):
        while isinstance(leaf, str) and (found := INNERMOST.search(leaf)):
            reference, leaf = found[1].strip(), leaf[: found.start()] + leaf[found.end() :]
            _, is_resolver, arguments = reference.partition(":")
            for key in re.split(r"[,\s'\"]+", arguments) if is_resolver else [reference]:
                name = key.lstrip(".")
                dots = len(key) - len(name)
                if name:
                    yield (*(path[:-dots] if dots else ()), *_path(name.replace("[", ".").replace("]", "")))
