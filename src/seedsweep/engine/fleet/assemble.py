"""From the configurations of runs that train together to fleets, in chunks that fit into memory."""

import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD

from seedsweep.caching import cached
from seedsweep.config.completeness import Config
from seedsweep.engine.decay import MakeOptimizer, undecayed
from seedsweep.engine.early_stopping import stopping_rule
from seedsweep.engine.factories import batching, decays_biases, gap, is_own, optimizer, without_rate
from seedsweep.engine.fleet.clipping import clipping
from seedsweep.engine.fleet.grouping import PRECISIONS
from seedsweep.engine.fleet.members import Fleet, Member
from seedsweep.engine.fleet.memory import bytes_at_once
from seedsweep.engine.fleet.shared_optimizer import (
    STEPS,
    NotProportionalError,
    OptimizerRows,
    Start,
    probe,
    probe_apart,
    probe_steps,
)
from seedsweep.engine.fleet.step import Batch, Tensors
from seedsweep.engine.fleet.vectorizability import NotVectorizedError, try_out
from seedsweep.engine.fleet.vectorize import Vectorized
from seedsweep.engine.scheduling import Rate, optimizer_steps, rates, steps_taken
from seedsweep.engine.target import target
from seedsweep.problem.factories import data, learner, metrics_of_outputs
from seedsweep.problem.own_batches import OwnBatches
from seedsweep.problem.splits import Splits

PROBE_SECONDS = 5.0  # of an optimizer, if it is so slow that as many steps as it will take would take longer
MAX_MEMBERS = 8192  # of a chunk: larger ones are not quicker
# Where fewer members of a fleet than these are quick together on a CPU, they are no quicker than one by one.
FEWEST = 5

GroupConfig = Mapping[str, Any]  # of a configuration


def refuse_model(config: Config) -> str | None:
    """Why the steps of a run's module cannot be vectorised, or had better not be.

    Args:
        config: of the run, plain and checked.

    Returns:
        A reason; None where they can.
    """
    tried = _try_model(config["model"], config["data"])
    if isinstance(tried, str):
        return tried
    trainer = config["trainer"]
    if _device(trainer.get("accelerator", "auto")) == "cuda":
        drops = _drops(config["model"], config["data"])
        return "its dropout samples other masks on a GPU than a fleet can" if drops else None
    quick_together = bytes_at_once("cpu") // bytes_of_step(config["model"], config["data"], _precision(config))
    if quick_together < FEWEST and not trainer.get("max_members"):
        return (
            "its steps have so much to compute that a fleet is no quicker; trainer.max_members makes one all the same"
        )
    return None


def refuse_optimizer(config: Config) -> str | None:
    """Why one step of a run's optimizer, under its schedule, cannot serve several learning rates.

    Args:
        config: of the run, plain and checked.

    Returns:
        A reason; None where it can.
    """
    if is_own(config["optimizer"]):
        return "the model's own configure_optimizers is for Lightning's Trainer alone"
    tried = _try_optimizer(without_rate(config["optimizer"]), decays_biases(config["trainer"]), _probe_steps(config))
    if isinstance(tried, str):
        return f"{config['optimizer']['_target_']}: {tried}"
    if _rates(config) is None:
        return f"{config['schedule']['_target_']} changes more than learning rates"
    return None


def chunks(first: Config, runs: np.ndarray) -> Iterator[np.ndarray]:
    """The runs of a fleet, as many at a time as are quick and fit into memory.

    Args:
        first: the configuration of one of them.
        runs: their indices (n,); those that share their minibatches had best be neighbours.

    Returns:
        The chunks (c,), in the order of the indices, all but the last one of the same size.
    """
    number = -(-len(runs) // chunk_size(first))
    size = -(-len(runs) // number)
    for start in range(0, len(runs), size):
        yield runs[start : start + size]


def chunk_size(first: Config) -> int:
    """How many runs of a fleet are quick together and fit into the memory of their device.

    Args:
        first: the configuration of one of them.

    Returns:
        At least 1; `trainer.max_members` where that is set.
    """
    if largest := first["trainer"].get("max_members"):
        return int(largest)
    precision, device = _precision(first), _device(first["trainer"].get("accelerator", "auto"))
    needed = bytes_of_step(first["model"], first["data"], precision) + _bytes_of_outputs(first)
    affordable = bytes_at_once(device) // needed
    return max(1, min(MAX_MEMBERS, affordable))


def bytes_of_step(model: GroupConfig, dataset: GroupConfig, precision: str) -> int:
    """How many bytes a member of a fleet needs in a training step, at most.

    Args:
        model: the group of that name, plain, of a run that can train in a fleet.
        dataset: the group `data`, plain.
        precision: of its trainer.

    Returns:
        The size of all tensors that its operations make, and of what it keeps from step to step.
    """
    return int(_try_model(model, dataset)) * PRECISIONS[precision].itemsize // PRECISIONS["32"].itemsize


def assemble(configs: Sequence[Config]) -> Fleet:
    """The fleet of runs that can be trained together.

    Args:
        configs: plain and checked, of runs that `grouping.group` has put together.

    Returns:
        A fleet whose members are in the order of the configurations.
    """
    first, splits = configs[0], _splits(configs[0])
    trainer = first["trainer"]
    precision, device = _precision(first), _device(trainer.get("accelerator", "auto"))
    module = _module(first["model"], first["data"], first.get("metrics"), precision, device)
    weights: dict[tuple[str, int], tuple[Tensor, Tensors]] = {}
    optimizers: dict[Hashable, Sequence[OptimizerRows]] = {}
    members = []
    for config in configs:
        weights_key = repr(config["model"]), config["init_seed"]
        if weights_key not in weights:
            member = learner(config, splits, SGD)
            weights[weights_key] = module.vector(member), module.kept(member)
        hyperparameters = without_rate(config["optimizer"])
        key = repr(hyperparameters)
        if key not in optimizers:
            optimizers[key] = _parts(hyperparameters, decays_biases(trainer), module, _probe_steps(config))
        rate_by_epoch = _rates(config) or ()
        vector, kept = weights[weights_key]
        members.append(Member(vector, config["order_seed"], key, rate_by_epoch, gap(config, splits), kept))
    return Fleet(
        module=module,
        splits=splits,
        **batching(first),
        optimizers=optimizers,
        members=members,
        log_every_n_steps=trainer["log_every_n_steps"],
        divergence_threshold=trainer.get("divergence_threshold"),
        stopping=stopping_rule(trainer),
        norms=trainer.get("norms", False),
        clipping=clipping(trainer),
        metrics=metrics_of_outputs(first, splits),
        target=target(trainer),
        device=device,
        dtype=PRECISIONS[precision],
    )


def _rates(config: Config) -> tuple[Rate, ...] | None:
    scheduled, trainer = config.get("schedule"), config["trainer"]
    steps = steps_taken(scheduled, config["data"], trainer)
    return rates(config["optimizer"], scheduled, trainer["max_epochs"], steps)


def _probe_steps(config: Config) -> int:
    """How long an optimizer is tried: those that change their ways late must not stay unseen."""
    return probe_steps(optimizer_steps(config["data"], config["trainer"]) or 1)


def _splits(config: Config) -> Splits:
    splits = data(config)
    assert isinstance(splits, Splits)  # noqa: S101  as `refuse_model` has seen to
    return splits


def _bytes_of_outputs(config: Config) -> int:
    """What a member keeps of its outputs in an epoch, for metrics of all of them."""
    splits = _splits(config)
    if not metrics_of_outputs(config, splits):
        return 0
    return 8 * max(1, len(splits.classes)) * (len(splits.train) + max(len(splits.val), len(splits.test)))


def _precision(config: Config) -> str:
    return str(config["trainer"].get("precision", "32-true"))


def _device(accelerator: str) -> str:
    return "cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu"


@cached
def _module(model: GroupConfig, dataset: GroupConfig, metrics: Any, precision: str, device: str) -> Vectorized:
    """The steps of a fleet's module: one object for all chunks and batches of jobs, so that they are traced once."""
    config = {"model": model, "data": dataset, "metrics": metrics, "init_seed": 0}
    bytes_of_row = bytes_of_step(model, dataset, precision) // len(_first_rows(dataset)[0])
    rows_at_once = bytes_at_once(device) // max(1, bytes_of_row)
    return Vectorized(learner(config, _splits(config), SGD).to(device, PRECISIONS[precision]), rows_at_once)


@cached
def _try_model(model: GroupConfig, dataset: GroupConfig) -> int | str:
    """The bytes that a member needs in a step, or why the module cannot be vectorised."""
    if isinstance(data({"data": dataset}), OwnBatches):
        return "its LightningDataModule makes its own minibatches"
    try:
        return try_out(_modules(model, dataset), _first_rows(dataset))
    except NotVectorizedError as error:
        return str(error)


@cached
def _drops(model: GroupConfig, dataset: GroupConfig) -> bool:
    """Whether a module that can be vectorised has dropout."""
    module, rows = _modules(model, dataset)[0], _first_rows(dataset)
    vectorized = Vectorized(module)
    return bool(vectorized.masks(vectorized.vector(module), vectorized.kept(module), rows))


def _modules(model: GroupConfig, dataset: GroupConfig) -> list[nn.Module]:
    """Two modules with weights of their own."""
    configs = [{"model": model, "data": dataset, "init_seed": seed} for seed in (0, 1)]
    return [learner(config, _splits(config), SGD) for config in configs]


def _first_rows(dataset: GroupConfig) -> Batch:
    return tuple(column[: dataset["batch_size"]] for column in _splits({"data": dataset}).train.tensors)


def _parts(
    optimizer_config: GroupConfig, decay_biases: bool, module: Vectorized, steps: int
) -> Sequence[OptimizerRows]:
    """The optimizers of the columns of a fleet's parameters: one, or one of the matrices and one of the others."""
    make, starts = optimizer(optimizer_config), _try_optimizer(optimizer_config, decay_biases, steps)
    if decay_biases:
        return [OptimizerRows(make, *starts)]
    matrices = OptimizerRows(make, starts[0], columns=slice(module.matrices))
    others = OptimizerRows(undecayed(make), starts[1], columns=slice(module.matrices, module.parameters))
    return [rows for rows in (matrices, others) if rows.columns.stop > (rows.columns.start or 0)]


@cached
def _try_optimizer(optimizer_config: GroupConfig, decay_biases: bool, steps: int) -> Any:
    """Where the steps of the optimizers of the columns start from, or why they cannot serve several rates."""
    try:
        make = optimizer(optimizer_config)
        start = time.perf_counter()
        starts = _probed(make, decay_biases, STEPS)
        affordable = int(PROBE_SECONDS / (time.perf_counter() - start) * STEPS)
        if (longer := min(steps, affordable)) > STEPS:
            starts = _probed(make, decay_biases, longer)
        return starts
    except NotProportionalError as error:
        return str(error)


def _probed(make: MakeOptimizer, decay_biases: bool, steps: int) -> Sequence[Start]:
    """Where the steps start from: of the optimizer of all columns, or of the two of `_parts`."""
    return (probe(make, steps),) if decay_biases else probe_apart(make, steps)
