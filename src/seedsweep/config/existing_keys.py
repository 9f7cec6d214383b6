"""The keys that a configuration has by its options alone, before any value is typed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from seedsweep.config.completeness import GROUPS
from seedsweep.config.instantiation import TRAINER

ABSENT = object()
HYDRAS_GROUPS = (  # as keys
    *("hydra.sweeper", "hydra.launcher", "hydra.sweeper.sampler", "hydra.sweeper.pruner", "hydra.launcher.workers"),
)
MANY = 3  # options that are named
TYPED_IN_HYDRA = ("hydra.sweeper.", "hydra.launcher.", "hydra/sweeper", "hydra/launcher")  # meant by a bare name, too


@dataclass(frozen=True)
class ExistingKeys:
    """The content of a configuration, its interpolations unresolved, and its options by group, None if not chosen."""

    content: Mapping[str, Any]
    choices: Mapping[str, str | None]
    loader: ConfigLoader | None = None  # that knows the options which are not chosen

    def __contains__(self, key: str) -> bool:
        """Whether there is a key or a group of that name, or an interpolation that may lead to it."""
        return self.node(key) is not ABSENT or key in self.choices

    def node(self, key: str) -> Any:
        """What stands at a key, which is `ABSENT` if nothing does; an interpolation on the way to it stands for it."""
        node: Any = self.content
        for name in key.split("."):
            if isinstance(node, str) and "${" in node:
                return node
            items = dict(enumerate(node)) if isinstance(node, list) else node if isinstance(node, Mapping) else {}
            node = items.get(int(name) if isinstance(node, list) and name.isdecimal() else name, ABSENT)
        return node

    def names(self, typed: str) -> list[str]:
        """The keys and groups that may be meant by a name; all of Hydra's own are where it begins with that."""
        names = dict.fromkeys([*_keys(self.content), *self.choices])
        if re.split("[./]", typed)[0] == "hydra":
            return list(names)
        return [name for name in names if not name.startswith("hydra") or name.startswith(TYPED_IN_HYDRA)]

    def elsewhere(self, typed: str) -> str:
        """Which options that are not chosen have a key whose last word was typed; empty if none has."""
        *parents, last = typed.split(".")
        having = dict[str, list[str]]()
        for group in self.choices:
            key = f"{group.replace('/', '.')}.{last}"
            if not parents or key == typed:
                having |= {key: options} if (options := self._options_with(group, last)) else {}
        if not having:
            return ""
        return " and ".join(
            f"{', '.join(options[:MANY])} {'have' if options[1:] else 'has'} {key}"
            for key, options in list(having.items())[:2]
        )

    def _options_with(self, group: str, name: str) -> list[str]:
        """The options of a group that have a key of that name, as they are chosen."""
        repository = getattr(self.loader, "repository", None)
        if repository is None:
            return []
        options = []
        for option in repository.get_group_options(group):
            loaded = repository.load_config(f"{group}/{option}")
            if loaded and OmegaConf.is_dict(loaded.config) and name in list(loaded.config):
                options.append(f"{group}={option}")
        return options

    def beside(self, typed: str) -> list[str]:
        """The keys that stand where a key would stand."""
        parent, dot, _ = typed.rpartition(".")
        if not parent:
            groups = [group for group in self.choices if "/" not in group]
            return [name for name in dict.fromkeys([*self.content, *groups]) if name != "hydra"]
        node = self.node(parent)
        if not isinstance(node, Mapping):
            return [] if parent in self.choices else self.beside(parent)
        return [parent + dot + name for name in node if not name.startswith("_")]

    def makers(self) -> dict[str, str]:
        """The dotted names of what takes the keys of a group as arguments, by group."""
        nodes = {group: node for group, node in self.content.items() if isinstance(node, Mapping) and group != "hydra"}
        makers = {group: str(node["_target_"]) for group, node in nodes.items() if "_target_" in node}
        return makers | ({"trainer": TRAINER} if nodes.keys() >= set(GROUPS) else {})


def existing_keys(loader: ConfigLoader, config_name: str | None, overrides: Sequence[str]) -> list[ExistingKeys]:
    """The keys that there are before any value is typed.

    Args:
        loader: Hydra's.
        config_name: of the primary configuration.
        overrides: as they are typed, of which those count that choose options.

    Returns:
        The keys with the options that are chosen, then those with each option that is swept.
    """
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
    paths = [str(override.input_line) for override in parsed if override.get_key_element() == "hydra.searchpath"]
    chosen, swept = list(paths), list[list[str]]()
    for override in parsed:
        if not loader.get_group_options(override.key_or_group, None, config_name, paths):
            continue
        if override.is_discrete_sweep():
            swept += [[f"{override.get_key_element()}={option}"] for option in override.sweep_string_iterator()]
        elif not isinstance(override.value(), dict):
            chosen.append(str(override.input_line))
    try:
        return [_compose(loader, config_name, [*chosen, *option]) for option in ([], *swept)]
    except HydraException:  # options that do not go together
        return [_compose(loader, config_name, paths)]


def _compose(loader: ConfigLoader, config_name: str | None, options: list[str]) -> ExistingKeys:
    config = loader.load_configuration(config_name, options, RunMode.MULTIRUN, validate_sweep_overrides=False)
    content: Any = OmegaConf.to_container(config, resolve=False)
    not_chosen = dict.fromkeys(loader.list_groups(""))
    return ExistingKeys(content, not_chosen | dict(config.hydra.runtime.choices), loader)


def _keys(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted keys of a node, also of the nodes in it, but for those such as `_target_`."""
    for name, value in node.items():
        if not str(name).startswith("_"):
            yield f"{prefix}{name}"
            if isinstance(value, Mapping):
                yield from _keys(value, f"{prefix}{name}.")
