"""What identifies a call of somebody's function before it is made: its values in, a `PlannedRun` out."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from seedsweep.config.code_digest import code_digest
from seedsweep.config.demand import ANY_RUN, Demand
from seedsweep.config.given import dotted_path
from seedsweep.config.params import canonical
from seedsweep.config.planned_run import TRAINED_SINCE, PlannedRun
from seedsweep.errors import ConfigError, masked

OPTIMIZER = "optimizer"
SWEPT = "swept"  # the tag of the sweep that names the arguments that vary, as JSON
METRIC, SELECT = "metric", "select"  # those that say by what runs are judged: of calls what they log first
PLAIN = bool | int | float | str | None


@dataclass(frozen=True)
class Call:
    """One call of a function: its `name`, the `digest` of its source, its `values` by argument, and the `seed`."""

    name: str
    digest: str
    values: Mapping[str, Any]
    seed: int


def plan_call(call: Call, labels: Collection[str], experiment: str, job: int, demand: Demand = ANY_RUN) -> PlannedRun:
    """How the run of a call will be known.

    Args:
        call: with values that are plain, lists of plain values, or classes and functions.
        labels: the arguments that its name has besides the optimizer and the seed.
        experiment: that it is recorded in.
        job: its index in the plan.
        demand: what a run must have to be taken for it.

    Returns:
        The run with its name, group, key and params.

    Raises:
        ConfigError: a value is nothing of these.
    """
    params = {"function": call.name} | {name: shown(name, value) for name, value in call.values.items()}
    words = [params[OPTIMIZER]] if OPTIMIZER in params else []
    words += [f"{name}={params[name]}" for name in labels if name != OPTIMIZER]
    group = " ".join(words) or call.name
    identities = sorted((name, _identity(name, value)) for name, value in call.values.items())
    content = json.dumps([call.digest, identities, call.seed, TRAINED_SINCE])
    return PlannedRun(
        job=job,
        name=f"{group} seed={call.seed}",
        group=group,
        key=hashlib.sha256(content.encode()).hexdigest()[:16],
        experiment=experiment,
        shared_params=(params, {"seed": str(call.seed)}),
        demand=demand,
    )


def shown(name: str, value: Any) -> str:
    """A value as params have it.

    Args:
        name: of the argument.
        value: plain, a list of plain values, or a class or function.

    Returns:
        Its string, without passwords; of a class its name.

    Raises:
        ConfigError: it is nothing of these.
    """
    is_list = isinstance(value, list | tuple) and all(isinstance(item, PLAIN) for item in value)
    if isinstance(value, PLAIN) or is_list:
        return masked(canonical(list(value) if is_list else value))
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    raise ConfigError(name, value, "must be a number, a string, a boolean, None, a list of such, or a class")


def _identity(name: str, value: Any) -> str:
    return f"{dotted_path(value)} {code_digest(value)}" if callable(value) else json.dumps(value)


def own_question(tags: Mapping[str, str]) -> dict[str, Any]:
    """How the runs of a function are compared, unless the question says it.

    Args:
        tags: of the sweep, by their full names.

    Returns:
        The keys `metric`, `by` and `at`; none for other sweeps.
    """
    swept = json.loads(tags.get(f"seedsweep.{SWEPT}", "[]"))
    by = OPTIMIZER if OPTIMIZER in swept else next(iter(swept), None)
    if by is None:
        return {}
    return {"metric": tags[f"seedsweep.{METRIC}"], "by": by, "at": [name for name in swept if name != by]}
