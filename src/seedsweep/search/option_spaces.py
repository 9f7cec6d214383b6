"""What each study of a search looks through: all that is searched, or for each option of one key its own space."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from seedsweep.config.application import is_tracked
from seedsweep.config.overrides import parse_override
from seedsweep.config.planned_run import SEARCH, leaves
from seedsweep.errors import ConfigError
from seedsweep.search.spaces import SearchSpace, read_space

PER = "hydra.sweeper.per"
USUAL = "optimizer"  # whose own space is searched where nothing else is


def read_option_spaces(
    keys: Mapping[str, Any], overrides: Sequence[Override], loader: ConfigLoader, config: DictConfig
) -> dict[str, SearchSpace]:
    """What is searched, by option of the key `per`; under an empty name, where there is none.

    An option's own space is the block `search` of its configuration, with texts such as `tag(log, interval(1e-4, 1))`
    by key; the configured `params` and the overrides come before it. It is also what is searched of an optimizer where
    nothing else is. Raises `ConfigError` where there is nothing to search.
    """
    parser = OverridesParser.create(config_loader=loader)
    params, legacy, per = dict(keys["params"] or {}), keys["search_space"], keys["per"]
    if per is None:
        searched = read_space(overrides, params, legacy, parser)
        if not searched.distributions and not keys["custom_search_space"] and is_tracked(config):
            searched = read_space(overrides, _block(USUAL, searched, loader, config) | params, None, parser)
        spaces = {"": searched}
    else:
        spaces = {}
        key, options = _options(per, overrides, params, parser)
        for option in options:
            (chosen,) = parser.parse_overrides([f"{key}={option}"])
            given = [
                chosen,
                *(typed for typed in overrides if parse_override(typed.get_key_element()).key != per),
            ]
            others = {key: value for key, value in params.items() if parse_override(key).key != per}
            searched = read_space(given, others, legacy, parser)
            own = not keys["custom_search_space"] and not (legacy and not params)
            block = _block(per, searched, loader, config) if own else {}
            spaces[option] = read_space(given, block | others, legacy, parser)
    for option, searched in spaces.items():
        for key in searched.distributions:
            if f".{SEARCH}." in key:
                raise ConfigError(key, None, f"is a text: quote it for the shell, too: \"{key}='interval(0, 1)'\"")
        if not searched.distributions and not keys["custom_search_space"]:
            what = f"nothing is searched for {per}={option}" if option else "nothing is searched"
            example = "'optimizer.lr=tag(log, interval(1e-4, 1))'"
            raise ConfigError(
                "hydra.sweeper.params", None, f"{what}; give interval, range or choice, such as {example}"
            )
    return spaces


def _options(
    per: Any, overrides: Sequence[Override], params: Mapping[str, Any], parser: OverridesParser
) -> tuple[str, list[str]]:
    """The key as it is given, and its options, on the command line or else among the params."""
    configured = [f"{key}={value}" for key, value in params.items() if parse_override(key).key == per]
    for override in (*overrides, *parser.parse_overrides(configured)):
        if parse_override(override.get_key_element()).key == per:
            if not override.is_sweep_override():
                return override.get_key_element(), [override.get_value_element_as_str()]
            if override.is_discrete_sweep():
                return override.get_key_element(), list(dict.fromkeys(override.sweep_string_iterator()))
            raise ConfigError(PER, per, f"needs options, such as {per}=sgd,adam, and not {override.get_value_string()}")
    raise ConfigError(PER, per, f"must be given options, each of which gets a study of its own: {per}=sgd,adam")


def _block(group: str, searched: SearchSpace, loader: ConfigLoader, config: DictConfig) -> dict[str, Any]:
    """What the option of a group, which is chosen by what is fixed, says is worth searching: texts by key."""
    fixed = [key if text is None else f"{key}={text}" for key, text in searched.fixed.items()]
    node = group.replace("/", ".")
    block = OmegaConf.select(loader.load_sweep_config(config, fixed), f"{node}.{SEARCH}", default=None)
    if block is None:
        return {}
    if not OmegaConf.is_dict(block):
        raise ConfigError(f"{node}.{SEARCH}", block, "must have texts by key, such as lr: tag(log, interval(1e-4, 1))")
    given = {parse_override(key).key for key in searched.order}
    texts = leaves(OmegaConf.to_container(block, resolve=True), f"{node}.")
    return {key: text for key, text in texts if key not in given}
