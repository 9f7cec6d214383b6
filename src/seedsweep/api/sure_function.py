"""Calls of any function with seeds that are bought until it is sure which option wins."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seedsweep.api.function_grid import FunctionGrid
from seedsweep.config.planned_call import OPTIMIZER, plan_call
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.calls import Processes
from seedsweep.lifecycle.function_calls import ComposedCall
from seedsweep.lifecycle.one_call import RETURNED
from seedsweep.lifecycle.opening import open_sure_function_sweep
from seedsweep.lifecycle.sure_function_sweep import judged
from seedsweep.nearest import did_you_mean
from seedsweep.tracking.sweep_writer import SweepRecord
from seedsweep.until_sure.cells import Cells
from seedsweep.until_sure.identity import purchase_tags
from seedsweep.until_sure.record import record_purchase, show_purchase
from seedsweep.until_sure.setup import DEFAULTS, KEYS, purchase_between

OWN_KEYS = (*KEYS, "direction")  # of `until="sure"`, where a function is called


def sweep_until_sure(grid: FunctionGrid, bought: Mapping[str, Any]) -> SweepRecord:
    """Call a function with every combination of values, and with seeds until it is sure which option wins."""
    keys = DEFAULTS | {"direction": None} | dict(bought)
    metric, direction = keys["metric"], keys["direction"]
    grid.config["objective"]["metric"] = metric or RETURNED  # until a call says it
    cells, uri = _cells(grid, keys["by"]), grid.config["tracking"]["uri"]
    purchase = purchase_between(cells, keys, judged(metric or RETURNED, direction), grid.labels, uri)
    jobs, title = purchase.ask(), f"{grid.title} until sure"
    tags = purchase_tags(purchase, keys)

    def compose(job: Sequence[str], number: int) -> ComposedCall:
        combination, seed = job  # as `_cells` has them
        return grid.job(int(combination), int(seed.removeprefix("seed=")), number)

    with (
        TemporaryDirectory() as folder,
        open_sure_function_sweep(
            title, jobs, compose, Path(folder), grid.labels, purchase.most_runs, tags, metric, direction
        ) as sweep,
        Processes(min(grid.processes, len(jobs))) as processes,
    ):
        while jobs:
            sweep.call(grid.function, jobs, processes)
            values = sweep.values()
            if sweep.failure():  # of all: what the body's end raises
                break
            purchase.metric = sweep.metric
            purchase.tell(values)
            record_purchase(sweep, purchase)
            if jobs := purchase.ask():
                sweep.add(jobs)
    show_purchase(sweep, purchase)
    return sweep.record  # type: ignore[return-value]  # which it has: the store was looked for


def _cells(grid: FunctionGrid, by: str | None) -> Cells:
    """The combinations of the arguments, the options being those of one argument."""
    default = OPTIMIZER if OPTIMIZER in grid.labels else next(iter(grid.labels), OPTIMIZER)
    by = default if by is None else by
    if by not in grid.labels:
        meant = did_you_mean(by, grid.labels) or "; there are " + (", ".join(grid.labels) or "none")
        raise ConfigError("by", by, f"must be an argument with several values, between which is decided{meant}")
    calls = [grid.job(combination, 0, combination).call for combination in range(grid.combinations)]
    runs = [plan_call(call, grid.labels, "", number) for number, call in enumerate(calls)]
    jobs = tuple((str(number),) for number in range(grid.combinations))
    keys = tuple(run.key for run in runs)
    return Cells(by, tuple(run.params[by] for run in runs), tuple(run.group for run in runs), {"": jobs}, keys)
