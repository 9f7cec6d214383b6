"""Keywords of a call as the overrides that mean the same on the command line."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seedsweep.api.objects import metric, option
from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean
from seedsweep.until_sure.setup import KEYS

OBJECTS = ("data", "model", "optimizer", "schedule")  # groups that take objects
GROUPS = (*OBJECTS, "trainer", "tracking")
BARE = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
QUOTED = re.compile(r"(\\*)('|$)")  # what ends a quoted string, unless it is escaped
SPECIAL = ("true", "false", "null", "nan", "inf")  # words that are values of their own


def overrides_of(keywords: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """The overrides that keywords stand for.

    Args:
        keywords: values by name: a group, a key, the last component of one (`lr` of `optimizer.lr`), or `seeds`. A
            list is swept; a list in it, or a tuple, is one value, as is that of `metrics`.
        keys: the dotted keys that the configuration has.

    Returns:
        As they are typed.

    Raises:
        ConfigError: there is no such key, or a value cannot be typed.
    """
    if "seeds" in keywords and "seed" in keywords:
        raise ConfigError("seed", keywords["seed"], "is said by seeds, too; leave one of them out")
    return [_override(name, value, keys) for name, value in keywords.items()]


def _override(name: str, value: Any, keys: Sequence[str]) -> str:
    if name == "seeds":
        return seeds_override(seed_list(value))
    if name == "metrics" and value is not None:  # a list of them is one value
        return f"metrics={written([metric(one) for one in (value if isinstance(value, list | tuple) else [value])])}"
    values = values_of(name, value)
    if name in GROUPS:
        return f"{name}={','.join(_choice(name, one) for one in values)}"
    return f"{_key(name, value, keys)}={','.join(map(written, values))}"


def values_of(name: str, value: Any) -> list[Any]:
    """The values that a keyword sweeps.

    Args:
        name: the keyword.
        value: a list, a range, an array or a Series of one dimension; anything else is one value.

    Returns:
        At least one.

    Raises:
        ConfigError: there is none.
    """
    is_array = getattr(value, "ndim", 0) == 1 and hasattr(value, "tolist")
    values = value.tolist() if is_array else list(value) if isinstance(value, list | range) else [value]
    if not values:
        raise ConfigError(name, value, "must have at least one value")
    return [one.item() if isinstance(one, np.generic) else one for one in values]


def _choice(group: str, value: Any) -> str:
    if value is None or isinstance(value, str):
        return "null" if value is None else value
    if group not in OBJECTS:
        raise ConfigError(group, value, "must be the name of an option")
    return option(group, value)


def _key(name: str, value: Any, keys: Sequence[str]) -> str:
    """The key that a keyword means: of several with this last component the shortest."""
    if name in keys or "." in name:
        return name
    ending = sorted((key for key in keys if key.endswith(f".{name}")), key=lambda key: (key.count("."), key))
    if not ending:
        raise ConfigError(name, value, f"there is no such key{needs_until(name) or did_you_mean(name, keys)}")
    if len(ending) > 1 and ending[0].count(".") == ending[1].count("."):
        raise ConfigError(name, value, f"may be {' or '.join(ending[:2])}: say which, as **{{'{ending[0]}': …}}")
    return ending[0]


def needs_until(name: str) -> str:
    """What to say of a name that nothing has.

    Args:
        name: a keyword.

    Returns:
        The end of a sentence; empty but for the keys of `until="sure"`.
    """
    return '; it is of sweeps that buy their seeds: say until="sure", too' if name in KEYS else ""


def seed_list(seeds: Any) -> list[int]:
    """The seeds that are meant.

    Args:
        seeds: how many, from 0 on, or a sequence of them.

    Returns:
        At least one.

    Raises:
        ConfigError: it is neither.
    """
    listed = list(range(seeds)) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds
    listed = listed.tolist() if hasattr(listed, "tolist") else listed
    is_list = isinstance(listed, Sequence) and not isinstance(listed, str) and len(listed) > 0
    if not is_list or not all(isinstance(seed, int) and seed >= 0 for seed in listed):
        raise ConfigError("seeds", seeds, "must be how many seeds, or a list of them")
    return list(listed)


def seeds_override(seeds: Sequence[int]) -> str:
    """The override of seeds.

    Args:
        seeds: at least one.

    Returns:
        As it is typed.
    """
    is_range = len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"seed=range({seeds[0]},{seeds[-1] + 1})" if is_range else f"seed={','.join(map(str, seeds))}"


def written(value: Any) -> str:
    """A value as an override has it.

    Args:
        value: a number, boolean, string, None, or a list, tuple or dictionary of such.

    Returns:
        Its string, which Hydra reads as the same value.

    Raises:
        ConfigError: it is none of these.
    """
    if hasattr(value, "item") and not isinstance(value, str):  # of NumPy or torch
        value = value.item()
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        is_word = BARE.fullmatch(value) and value.lower() not in SPECIAL
        return value if is_word else f"'{QUOTED.sub(_escaped, value)}'"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{written(item)}" for key, item in value.items()) + "}"
    raise ConfigError("value", value, "must be a number, a string, a boolean, None, or a list of such")


def _escaped(end: re.Match[str]) -> str:
    """Hydra takes a backslash for itself, but before a quote."""
    return 2 * end[1] + ("\\'" if end[2] else "")
