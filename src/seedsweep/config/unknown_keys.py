"""What is said of a key that does not exist: which one was probably meant, or which there are."""

import re
from collections.abc import Iterator, Sequence

from seedsweep.config.existing_keys import ExistingKeys
from seedsweep.config.instantiation import argument_names
from seedsweep.config.overrides import ParsedOverride
from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean

SEEDS = re.compile(r"(n_|num_|number_of_)?seeds")  # with a number, they are how many seeds there are to be


def unknown_key(typed: ParsedOverride, existing: Sequence[ExistingKeys]) -> ConfigError:
    """The error of an override whose key does not exist.

    Args:
        typed: the override.
        existing: the keys that there are with the options that are chosen, then with each option that is swept.

    Returns:
        An error that names the key that was probably meant, or how it is added if it is an argument of a class, or
        the keys that there are.
    """
    return ConfigError(typed.typed_key, typed.value, _what_there_is(typed, existing))


def _what_there_is(typed: ParsedOverride, existing: Sequence[ExistingKeys]) -> str:
    key, chosen, value = typed.key, existing[0], typed.value or ""
    added = f"++{key}={value}"
    if any(key in keys for keys in existing[1:]):
        return f"only some of the options have a key {key}; {added} sets it for all"
    makers, (group, _, argument) = chosen.makers(), key.partition(".")
    if not typed.prefix and group in makers and argument in argument_names(makers[group]):
        return f"is not in the configuration; +{key}={value} adds it as an argument of {makers[group]}"
    missing = f"nothing uses a key {key}" if "+" in typed.prefix else f"there is no key {key}"
    names = list(dict.fromkeys(name for keys in existing for name in keys.names(key)))
    meant = did_you_mean(key, names) or did_you_mean(key, _addable(chosen))
    if SEEDS.fullmatch(key) and value.isdecimal() and "init_seed" in chosen and not meant.endswith("seeds?"):
        return f"{missing}; {value} seeds are 'seed=range(0,{value})', with -m"
    beside = ", ".join(chosen.beside(key))
    option = f"{group}={chosen.choices[group]} has" if "." in key and group in chosen.choices else "there are"
    return missing + (meant or f"; {option} {beside or 'none'}")


def _addable(keys: ExistingKeys) -> Iterator[str]:
    """The arguments that a + adds, as they are typed."""
    for group, maker in keys.makers().items():
        yield from (f"+{group}.{name}" for name in argument_names(maker) if f"{group}.{name}" not in keys)
