"""Which runs train together: configurations in, fleets out, and for each run that cannot join one the reason."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from seedsweep.caching import cached
from seedsweep.config.completeness import NODES, Config
from seedsweep.engine.fleet.clipping import KEYS as CLIPPING
from seedsweep.outcomes import SECONDS_TO_TARGET
from seedsweep.problem.initializers import INITIALIZERS

RefuseRun = Callable[[Config], str | None]  # why runs with these values of NODES cannot join a fleet, if so

# What the fleet does as Lightning's Trainer would; with any other key of the trainer the Trainer itself is needed.
UNDERSTOOD = {"max_epochs", "accelerator", "devices", "precision", "log_every_n_steps", "divergence_threshold"}
UNDERSTOOD |= {"reshuffle", "suboptimality", "early_stopping", "norms", "decay_biases", "target", *CLIPPING}
UNDERSTOOD |= {"engine", "max_members"}  # that are not for a Trainer
PRECISIONS = {"32-true": torch.float32, "32": torch.float32, "64-true": torch.float64, "64": torch.float64}
ACCELERATORS = ("cpu", "auto", "gpu", "cuda")
ASKED = "trainer.engine=lightning"


def group(configs: Iterable[Config], refusals: Sequence[RefuseRun]) -> "tuple[list[array[int]], dict[int, str]]":
    """The fleets of the runs that can train together.

    They may differ in their seeds, in how their weights are sampled (`model.init`), in the optimizer, the schedule and
    their hyperparameters, and in the number of epochs.

    Args:
        configs: plain and checked, one a run.
        refusals: reasons that cannot be read from the keys of `trainer`; the first one counts.

    Returns:
        The fleets, as positions in `configs`, and the reason of each run that is in none, by its position.
    """
    fleets: dict[str, array[int]] = {}
    alone: dict[int, str] = {}
    chosen = tuple(refusals)
    for position, config in enumerate(configs):
        reason, common = _place(chosen, *(config.get(key) for key in NODES))
        if reason:
            alone[position] = reason
        else:
            fleets.setdefault(common, array("q")).append(position)
    return list(fleets.values()), alone


@cached  # of which the runs of a sweep have few
def _place(refusals: tuple[RefuseRun, ...], *nodes: Any) -> tuple[str | None, str]:
    """Why the runs with these values of `NODES` cannot join a fleet, and what those of one fleet have in common."""
    config = dict(zip(NODES, nodes, strict=True))
    reason = next(filter(None, (refuse(config) for refuse in (_refuse_trainer, *refusals))), None)
    return reason, "" if reason else _common(config)


def _refuse_trainer(config: Config) -> str | None:
    trainer = config["trainer"]
    if trainer.get("engine") == "lightning":
        return ASKED
    for key, value in trainer.items():
        if key not in UNDERSTOOD and value is not None:
            return f"trainer.{key} is for Lightning's Trainer alone"
    if config["objective"]["metric"] == SECONDS_TO_TARGET:
        return f"{SECONDS_TO_TARGET} are those of runs that train alone"
    if str(trainer.get("precision", "32-true")) not in PRECISIONS:
        return f"trainer.precision={trainer['precision']} is not {' or '.join(PRECISIONS)}"
    if trainer.get("accelerator", "auto") not in ACCELERATORS:
        return f"trainer.accelerator={trainer['accelerator']} is not {', '.join(ACCELERATORS)}"
    return None


def _common(config: Config) -> str:
    """What the runs of a fleet have in common."""
    model = {key: value for key, value in config["model"].items() if key != "name"}
    if model.get("init") in INITIALIZERS:
        del model["init"]
    trainer = {key: value for key, value in config["trainer"].items() if key != "max_epochs"}
    return repr((config["data"], sorted(model.items()), sorted(trainer.items(), key=str), config.get("metrics")))
