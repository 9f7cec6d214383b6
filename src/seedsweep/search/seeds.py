"""The seeds of a search: those that every trial is trained with, and fresh ones that no trial was chosen by."""

from collections.abc import Sequence
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.validation import check_integer

KEY = "hydra.sweeper.seeds"
LARGEST = 2**31 - 1


def read_seeds(value: Any) -> list[int] | None:
    """The seeds of `hydra.sweeper.seeds`, which says how many, or which; None for none."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        check_integer(KEY, value, 1, note="how many")
        return list(range(value))
    seeds = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    for seed in seeds:
        check_integer(KEY, seed, 0, LARGEST)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(KEY, seeds, "must be different seeds, at least one")
    return seeds


def seeds_of_study(seeds: Sequence[int] | None, repeat: int) -> list[int] | None:
    """Those of the study with this index among an option's: studies have no seed in common."""
    return None if seeds is None else [seed + repeat * (max(seeds) + 1) for seed in seeds]


def fresh_seeds(
    seeds: Sequence[int] | None, studies: int, confirm: int, confirm_seeds: int | None, most: int | None = None
) -> Sequence[int]:
    """The seeds after those of all the studies of an option; `confirm_seeds` of them, or as many as a study has.

    There are `most` of them where that is given, of which those are the first.
    """
    check_integer("hydra.sweeper.confirm", confirm, 0)
    if confirm_seeds is not None:
        check_integer("hydra.sweeper.confirm_seeds", confirm_seeds, 1)
    if seeds is None:
        return ()
    count = len(seeds) if confirm_seeds is None else confirm_seeds
    if most is not None:
        check_integer("hydra.sweeper.confirm_seeds", count, 2, note="before anything is decided")
        check_integer("hydra.sweeper.confirm_max_seeds", most, count, note="the number of those that come first")
    first = (max(seeds) + 1) * studies
    fresh = range(first, first + (most or count))
    largest = (LARGEST + 1 - len(fresh)) // studies - 1
    check_integer(KEY, max(seeds), 0, largest, "after which there is room for fresh ones")
    return fresh
