"""A function with the values of its arguments, of which every combination is called: all of it checked before."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import cloudpickle
import loky
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from seedsweep.api.hydra_sweep import NEEDS_STORE, composed
from seedsweep.api.keywords import needs_until, values_of
from seedsweep.config.code_digest import code_digest
from seedsweep.config.overrides import parse_override
from seedsweep.config.planned_call import Call, shown
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.function_calls import ComposedCall
from seedsweep.lifecycle.one_call import RESERVED
from seedsweep.nearest import did_you_mean
from seedsweep.validation import check_integer

TAKEN = ("tracking", "experiment")  # the keys of the configuration that a function has, too
GIVEN = ("seed", "log")  # the arguments that a function is given
SHOWN = 6  # values of an argument, in the name of a sweep


@dataclass(frozen=True)
class FunctionGrid:
    """A function, the values of its arguments by name, what it has of the configuration, and so many processes."""

    function: Callable[..., Any]
    values: Mapping[str, list[Any]]
    config: dict[str, Any]
    processes: int

    @cached_property
    def digest(self) -> str:
        """Of the function's source."""
        return code_digest(self.function)[:8]

    @property
    def combinations(self) -> int:
        """How many there are."""
        return math.prod(map(len, self.values.values()))

    @property
    def labels(self) -> list[str]:
        """The arguments that vary."""
        return [name for name, values in self.values.items() if len(values) > 1]

    @property
    def title(self) -> str:
        """What a sweep is called, but for its seeds."""
        return " ".join(
            [self.function.__name__, *(f"{name}={_listed(values)}" for name, values in self.values.items())]
        )

    def job(self, combination: int, seed: int, number: int) -> ComposedCall:
        """The call of the combination with this index, where the last argument varies fastest, as a job."""
        values = {}
        for name, options in reversed([*self.values.items()]):
            combination, index = divmod(combination, len(options))
            values[name] = options[index]
        call = Call(self.function.__name__, self.digest, {name: values[name] for name in self.values}, seed)
        return ComposedCall(number, (), self.config, {}, call)


def function_grid(
    function: Callable[..., Any],
    overrides: Sequence[str],
    processes: int | None,
    arguments: Mapping[str, Any],
) -> FunctionGrid:
    """Check what is to be called.

    Args:
        function: takes the arguments, `seed`, and `log(name, value, step)` if it logs curves.
        overrides: of `tracking` and `experiment`, as they are typed.
        processes: how many calls are made at once; None: as many as there are cores.
        arguments: a value or a list of values for each.

    Returns:
        The grid.

    Raises:
        ConfigError: the function does not take these arguments, or a value is not allowed.
    """
    function, fixed = unwrapped(function)
    grid = {name: values_of(name, value) for name, value in {**fixed, **arguments}.items()}
    _check_arguments(function, grid)
    processes = loky.cpu_count() if processes is None else processes
    check_integer("processes", processes, 1)
    _check_travels(function, processes)
    return FunctionGrid(function, grid, _configuration(overrides, function.__name__), processes)


def unwrapped(function: Callable[..., Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A function and the values that a `functools.partial` of it fixes; `ConfigError` for anything else."""
    fixed: dict[str, Any] = {}
    inner: Any = function
    if isinstance(inner, partial):  # of a partial it is one of the innermost function
        if inner.args:
            raise ConfigError("sweep", inner.func.__name__, "a partial must fix arguments by their names")
        inner, fixed = inner.func, dict(inner.keywords)
    if not inspect.isfunction(inner):
        allowed = "must be a function: of an object nobody knows what its results depend on"
        raise ConfigError("sweep", type(inner).__name__, allowed)
    return inner, fixed


def _check_travels(function: Callable[..., Any], processes: int) -> None:
    """Raise `ConfigError` if a function cannot be sent to other processes."""
    if processes > 1:
        try:
            cloudpickle.dumps(function)
        except Exception as error:  # whatever an object of it raises
            allowed = f"cannot be sent to other processes ({error}); processes=1 calls it in this one"
            raise ConfigError("processes", processes, allowed) from error


def _check_arguments(function: Callable[..., Any], grid: Mapping[str, list[Any]]) -> None:
    """Raise `ConfigError` if the function cannot be called with these arguments and a seed."""
    for name, values in grid.items():
        words = [shown(name, value) for value in values]
        if repeated := [word for word in words if words.count(word) > 1]:
            raise ConfigError(
                name, repeated[0], "is what two of its values are called, so that nobody can tell them apart"
            )
        if name in GIVEN:
            raise ConfigError(name, values, "is given to the function; seeds=10, or a list, says which seeds")
        if name in RESERVED:
            raise ConfigError(name, values, "is a column of the table of runs; give the argument another name")
    signature = inspect.signature(function)
    takes_any = any(parameter.kind == parameter.VAR_KEYWORD for parameter in signature.parameters.values())
    if "seed" not in signature.parameters and not takes_any:
        raise ConfigError(
            "sweep", function.__name__, f"needs an argument seed, which {function.__name__}{signature} lacks"
        )
    for name in grid:
        if name not in signature.parameters and not takes_any:
            meant = needs_until(name) or did_you_mean(name, signature.parameters)
            raise ConfigError(name, grid.get(name), f"is no argument of {function.__name__}{signature}{meant}")
    for name, parameter in signature.parameters.items():
        is_open = parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if is_open and parameter.default is parameter.empty and name not in (*grid, *GIVEN):
            raise ConfigError(name, None, f"is an argument of {function.__name__} that needs a value")


def _configuration(overrides: Sequence[str], experiment: str) -> dict[str, Any]:
    """What the configuration has for a function, too."""
    for override in overrides:
        if OverridesParser.create().parse_override(override).is_sweep_override():
            raise ConfigError("sweep", override, "is one for all calls of a function: give it one value")
        if parse_override(override).key.split(".")[0] not in TAKEN:
            raise ConfigError("sweep", override, f"has no effect on a function; there are {', '.join(TAKEN)}")
    composition = composed(overrides)
    config: dict[str, Any] = {
        key: OmegaConf.to_container(composition[key], resolve=True) for key in ("tracking", "objective")
    }
    if config["tracking"]["uri"] is None:
        raise ConfigError("tracking.uri", None, NEEDS_STORE)
    is_named = any(parse_override(override).key == "experiment" for override in overrides)
    return {**config, "experiment": composition.experiment if is_named else experiment, "compare": None}


def _listed(values: Sequence[Any]) -> str:
    """Values as the name of a sweep has them, at most six."""
    words = [getattr(value, "__name__", None) or str(value) for value in values]
    return ",".join(words[:SHOWN]) + f",… {len(words)} in all" * (len(words) > SHOWN)
