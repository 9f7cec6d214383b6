"""What is said of a key that does not exist: which one was probably meant, or which there are."""

import re
from collections.abc import Iterator, Mapping, Sequence

from seedsweep.config.existing_keys import ExistingKeys
from seedsweep.config.instantiation import argument_names
from seedsweep.config.overrides import ParsedOverride
from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean

SEEDS = re.compile(r"(n|num|number_of|nb)?_?seeds?")  # with a number, they are how many seeds there are to be
HABITS = {  # how other tools call what is meant, where no name is near
    "batch": "data.batch_size",
    "dataset": "data",
    "learningrate": "optimizer.lr",
    "iterations": "trainer.max_epochs",
    "net": "model",
    "network": "model",
    "arch": "model",
    "gpu": "trainer.accelerator",
    "gpus": "trainer.accelerator",
    "normalize": "data.standardize",
    "scale": "data.standardize",
    "shuffle": "trainer.reshuffle",
    "random_state": "seed",
    "output_dir": "hydra.run.dir",
    "out": "hydra.run.dir",
    "workers": "hydra/launcher",
}


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
    if key == "seeds" and "hydra.sweeper.seeds" in chosen:  # of a search
        return f"{missing}; did you mean hydra.sweeper.seeds?"
    if key != "seed" and SEEDS.fullmatch(key) and value.isdecimal() and "init_seed" in chosen:
        return f"{missing}; {value} seeds are 'seed=range(0,{value})', with -m"
    return missing + (_meant(key, existing) or _beside(key, chosen))


def _meant(key: str, existing: Sequence[ExistingKeys]) -> str:
    """Which key is meant: one of these options by its last word, of other options, by habit, or the nearest."""
    chosen = existing[0]
    names = list(dict.fromkeys(name for keys in existing for name in keys.names(key) if name != key))
    last = re.split("[./]", key)[-1]
    habit = HABITS.get(last, "")
    values = [name for name in names if name in chosen.choices or not isinstance(chosen.node(name), Mapping)]
    if any(re.split("[./]", name)[-1] == last for name in values):
        return did_you_mean(key, values)
    if habit in chosen:
        return f"; did you mean {habit}?"
    if any(name.rpartition(".")[2] == last for name in _addable(chosen)):
        return did_you_mean(key, _addable(chosen))
    if not SEEDS.fullmatch(key) and (elsewhere := chosen.elsewhere(key)):
        return f"; {elsewhere}"
    return did_you_mean(key, names) or did_you_mean(key, _addable(chosen))


def _beside(key: str, chosen: ExistingKeys) -> str:
    """The keys that there are where it would stand."""
    beside = ", ".join(chosen.beside(key)) or "none"
    parent = key.rpartition(".")[0]
    groups = [group for group in (parent.replace(".", "/"), parent.partition(".")[0]) if chosen.choices.get(group)]
    return f"; {groups[0]}={chosen.choices[groups[0]]} has {beside}" if groups else f"; there are {beside}"


def _addable(keys: ExistingKeys) -> Iterator[str]:
    """The arguments that a + adds, as they are typed."""
    for group, maker in keys.makers().items():
        yield from (f"+{group}.{name}" for name in argument_names(maker) if f"{group}.{name}" not in keys)
