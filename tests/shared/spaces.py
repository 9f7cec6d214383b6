"""Overrides as Hydra parses them, and the spaces that they mean."""

from collections.abc import Sequence
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import BaseDistribution

from seedsweep import ConfigError
from seedsweep.search.spaces import SearchSpace, read_space

PARSER = OverridesParser.create()


def read(*overrides: str, **options: Any) -> SearchSpace:
    return read_space(PARSER.parse_overrides(list(overrides)), **options)


def only(text: str) -> BaseDistribution:
    return read(f"x={text}").distributions["x"]


def values_of(overrides: Sequence[str]) -> dict[str, Any]:
    return {override.get_key_element(): override.value() for override in PARSER.parse_overrides(list(overrides))}


def same(value: Any, expected: Any) -> bool:
    """Whether two values are equal, and of the same type: 1 is neither 1.0 nor true."""
    return type(value) is type(expected) and repr(value) == repr(expected)


def refused(*overrides: str, **options: Any) -> str:
    with pytest.raises(ConfigError) as error:
        read(*overrides, **options)
    return str(error.value)
