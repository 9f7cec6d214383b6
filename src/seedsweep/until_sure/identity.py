"""What a sweep that buys its seeds is known by, and seeds that no earlier sweep of the same cells has seen."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.tracking.recorded_sweeps import RecordedSweep, find_tagged
from seedsweep.until_sure.purchase import Purchase

GROWING = ("max_seeds", "confirm_seeds")  # keys that may change when the sweep goes on


def purchase_tags(purchase: Purchase, keys: Mapping[str, Any]) -> dict[str, str]:
    """The tags of the sweep's parent run: the cells and all numbers on which the decisions depend.

    Args:
        purchase: that begins.
        keys: of `hydra.sweeper`.

    Returns:
        Strings by name, without the prefix `seedsweep.`.
    """
    shown = {"by": purchase.cells.by, "most_runs": str(purchase.most_runs), "max_seeds": str(keys["max_seeds"])}
    shown |= {"cells": " ".join(sorted(_short(purchase.cells.keys))), "first_seed": str(purchase.first_seed)}
    identity = _identity(purchase, keys, purchase.first_seed)
    return {"until_sure": identity, "question": _question(purchase)} | shown


def settle_first_seed(purchase: Purchase, keys: Mapping[str, Any], uri: str) -> None:
    """Have a purchase begin with seeds that no earlier sweep has seen, since cells may have been chosen by what it saw.

    The same cells with the same numbers go on with the sweep that they were.

    Args:
        purchase: that begins; gets its first seed.
        keys: of `hydra.sweeper`; with a first seed among them, it is that one.
        uri: address of the store.

    Raises:
        ConfigError: an earlier sweep has seen the seeds that were asked for, or the looks of a strict test are fixed.
    """
    asked, earlier = keys["first_seed"], find_tagged(uri, "question", _question(purchase))
    for former in earlier:
        first_seed = int(former.tags.get("seedsweep.first_seed", 0))
        identity = _identity(purchase, keys, first_seed)
        if asked in (None, first_seed) and former.tags["seedsweep.until_sure"] == identity:
            _check_looks(former, keys)
            purchase.first_seed = first_seed
            return
    cells = _short(purchase.cells.keys)
    seen = {_unseen(former): former for former in earlier if cells & set(former.tags["seedsweep.cells"].split())}
    unseen = max(seen, default=0)
    if unseen <= purchase.first_seed:
        return
    seen_by = f"sweep {seen[unseen].run_id[:8]}"
    if asked is not None:
        which = f"{seen_by} has compared some of these cells with others, on seeds up to {unseen - 1}"
        allowed = f"{which}; cells that are chosen after that need fresh seeds: hydra.sweeper.first_seed={unseen}"
        raise ConfigError("hydra.sweeper.first_seed", asked, allowed)
    purchase.first_seed, purchase.seen_by = unseen, seen_by


def _check_looks(former: RecordedSweep, keys: Mapping[str, Any]) -> None:
    """Raise `ConfigError` where a strict test that has begun would get other looks."""
    most = int(former.tags["seedsweep.max_seeds"])
    if keys["test"] == "strict" and _unseen(former) and most != keys["max_seeds"]:
        allowed = f"was {most}, which the looks of a strict test are fixed by: test=betting goes on with more"
        raise ConfigError("hydra.sweeper.max_seeds", keys["max_seeds"], allowed)


def _unseen(former: RecordedSweep) -> int:
    """The first seed that a sweep has not judged by."""
    return int(former.tags.get("seedsweep.seen_seeds", 0))


def _identity(purchase: Purchase, keys: Mapping[str, Any], first_seed: int) -> str:
    fixed = sorted((key, str(value)) for key, value in {**keys, "first_seed": first_seed}.items() if key not in GROWING)
    return _digest([purchase.cells.keys, purchase.cells.by, str(purchase.metric), fixed])


def _question(purchase: Purchase) -> str:
    """What does not choose the cells nor the seeds: sweeps that differ in these alone have seen one another's runs."""
    return _digest([purchase.cells.by, str(purchase.metric), sorted(purchase.cells.jobs)])


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _short(keys: Sequence[str]) -> set[str]:
    """Keys of which a tag holds 555."""
    return {key[:8] for key in keys}
