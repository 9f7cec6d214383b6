"""What each study of a search looks through: all that is searched, or for each option of one key its own space."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from seedsweep.config.application import is_tracked
from seedsweep.config.overrides import parse_override
from seedsweep.config.params import leaves
from seedsweep.config.planned_run import SEARCH
from seedsweep.errors import ConfigError
from seedsweep.search.spaces import SearchSpace, read_space

PER = "hydra.sweeper.per"
USUAL = "optimizer"  # whose own space is searched where nothing else is


def read_option_spaces(
    keys: Mapping[str, Any], overrides: Sequence[Override], loader: ConfigLoader, config: DictConfig
) -> dict[str, SearchSpace]:
    """What is searched, by option of the key `per`; under an empty name, where there is none.

    An option's own space is the block `search` of its configuration, with strings such as `tag(log, interval(1e-4, 1))`
    by key; the configured `params` and the overrides come before it. It is also what is searched of an optimizer where
    nothing else is. Raises `ConfigError` where there is nothing to search.
    """
    per = keys["per"]
    if per is None:
        spaces = {"": _only_space(keys, overrides, loader, config)}
    else:
        spaces = _space_per_option(keys, overrides, loader, config)
    for option, space in spaces.items():
        for key in space.distributions:
            if f".{SEARCH}." in key:
                raise ConfigError(key, None, f"is a string: quote it for the shell, too: \"{key}='interval(0, 1)'\"")
        if not space.distributions and not keys["custom_search_space"]:
            where = f" for {per}={option}" if option else ""
            example = "give interval, range or choice, such as 'optimizer.lr=tag(log, interval(1e-4, 1))'"
            raise ConfigError("hydra.sweeper.params", None, f"nothing is searched{where}; {example}")
    return spaces


def _only_space(
    keys: Mapping[str, Any], overrides: Sequence[Override], loader: ConfigLoader, config: DictConfig
) -> SearchSpace:
    """What is searched together; of the chosen optimizer its own space, where nothing else is."""
    parser, params = OverridesParser.create(config_loader=loader), dict(keys["params"] or {})
    space = read_space(overrides, params, keys["search_space"], parser)
    if space.distributions or keys["custom_search_space"] or not is_tracked(config):
        return space
    return read_space(overrides, _block(USUAL, space, loader, config) | params, None, parser)


def _space_per_option(
    keys: Mapping[str, Any], overrides: Sequence[Override], loader: ConfigLoader, config: DictConfig
) -> dict[str, SearchSpace]:
    """What is searched with each option chosen, its own space included."""
    parser, params, legacy = (
        OverridesParser.create(config_loader=loader),
        dict(keys["params"] or {}),
        keys["search_space"],
    )
    per, has_block = keys["per"], not keys["custom_search_space"] and not (legacy and not params)
    typed_key, options = _options(per, overrides, params, parser)
    common = [override for override in overrides if parse_override(override.get_key_element()).key != per]
    params = {key: value for key, value in params.items() if parse_override(key).key != per}
    spaces = {}
    for option in options:
        choosing = [*parser.parse_overrides([f"{typed_key}={option}"]), *common]
        space = read_space(choosing, params, legacy, parser)
        block = _block(per, space, loader, config) if has_block else {}
        spaces[option] = read_space(choosing, block | params, legacy, parser)
    return spaces


def _options(
    per: str, overrides: Sequence[Override], params: Mapping[str, Any], parser: OverridesParser
) -> tuple[str, list[str]]:
    """The key as it is typed, and its options, on the command line or else among the params."""
    configured = [f"{key}={value}" for key, value in params.items() if parse_override(key).key == per]
    for override in (*overrides, *parser.parse_overrides(configured)):
        if parse_override(override.get_key_element()).key == per:
            if not override.is_sweep_override():
                return override.get_key_element(), [override.get_value_element_as_str()]
            if override.is_discrete_sweep():
                return override.get_key_element(), list(dict.fromkeys(override.sweep_string_iterator()))
            raise ConfigError(PER, per, f"needs options, such as {per}=sgd,adam, and not {override.get_value_string()}")
    raise ConfigError(PER, per, f"must be given options, each of which gets a study of its own: {per}=sgd,adam")


def _block(group: str, space: SearchSpace, loader: ConfigLoader, config: DictConfig) -> dict[str, Any]:
    """What the option of a group, which is chosen by what is fixed, says is worth searching: strings by key."""
    fixed = [key if value is None else f"{key}={value}" for key, value in space.fixed.items()]
    node = group.replace("/", ".")
    block = OmegaConf.select(loader.load_sweep_config(config, fixed), f"{node}.{SEARCH}", default=None)
    if block is None:
        return {}
    if not OmegaConf.is_dict(block):
        allowed = "must have strings by key, such as lr: tag(log, interval(1e-4, 1))"
        raise ConfigError(f"{node}.{SEARCH}", block, allowed)
    typed = {parse_override(key).key for key in space.order}
    entries = leaves(OmegaConf.to_container(block, resolve=True), f"{node}.")
    return {key: entry for key, entry in entries if key not in typed}
