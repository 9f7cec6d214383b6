"""A sweep of any function: `seedsweep.sweep(train, optimizer=["sgd", "adam"], lr=[0.1], seeds=10)`."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seedsweep.api.function_grid import FunctionGrid, function_grid, unwrapped
from seedsweep.api.keywords import seed_list, seeds_override
from seedsweep.api.sure_function import OWN_KEYS, sweep_until_sure
from seedsweep.api.until_sure import in_keywords, sure_keywords
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.function_calls import ComposedCall
from seedsweep.lifecycle.opening import open_function_sweep
from seedsweep.tracking.sweep_writer import SweepRecord


def sweep_function(
    function: Callable[..., Any], overrides: Sequence[str], processes: int | None, keywords: Mapping[str, Any]
) -> SweepRecord:
    """Call a function with every combination of values and seeds, and record each call as a run.

    Args:
        function: takes the keywords, `seed`, and `log(name, value, step)` if it logs curves.
        overrides: of `tracking` and `experiment`, as they are typed.
        processes: how many calls are made at once; None: as many as there are cores.
        keywords: a value or a list of values for each argument, and `seeds`, or `until="sure"` with its keys.

    Returns:
        The record of the sweep.

    Raises:
        ConfigError: the function does not take these arguments, or a value is not allowed; nothing was called.
        FailedRunsError: some calls raised, or with `until="sure"` all; the others are recorded.
    """
    own = inspect.signature(unwrapped(function)[0]).parameters
    bought, arguments = (None, dict(keywords)) if "until" in own else sure_keywords(keywords, overrides, OWN_KEYS)
    for name in set(own) & set(bought or ()):
        allowed = 'is an argument of the function and a key of until="sure"; give the argument another name'
        raise ConfigError(name, keywords[name], allowed)
    if bought is None:
        seeds = seed_list(arguments.pop("seeds", 1))
        return _sweep_seeds(function_grid(function, overrides, processes, arguments), seeds)
    with in_keywords():
        return sweep_until_sure(function_grid(function, overrides, processes, arguments), bought)


def _sweep_seeds(grid: FunctionGrid, seeds: Sequence[int]) -> SweepRecord:
    """Every combination with every seed."""

    def compose(_: Sequence[str], number: int) -> ComposedCall:
        combination, seed = divmod(number, len(seeds))
        return grid.job(combination, seeds[seed], number)

    jobs, title = grid.combinations * len(seeds), f"{grid.title} {seeds_override(seeds)}"
    with (
        TemporaryDirectory() as folder,
        open_function_sweep(title, jobs, compose, Path(folder), grid.labels) as sweep,
    ):
        sweep.run(grid.function, grid.processes)
    return sweep.record  # type: ignore[return-value]  # which it has: the store was looked for
