"""What a search is after: the metric that a job returns, and whether smaller or larger values of it are better."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from seedsweep.errors import ConfigError
from seedsweep.metrics import DIRECTIONS, Metric
from seedsweep.search.spaces import SearchSpace
from seedsweep.validation import check_choice

KEY = "hydra.sweeper.direction"


def read_directions(value: Any) -> list[str]:
    """The directions of `hydra.sweeper.direction`, which are strings or members of an enumeration: one, or a list."""
    listed = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    directions = [str(getattr(direction, "name", direction)) for direction in listed]
    for direction in directions:
        check_choice(KEY, direction, DIRECTIONS)
    return directions


def objective_metric(config: DictConfig, space: SearchSpace) -> str:
    """The metric that the jobs of a tracked application return."""
    return str(space.fixed.get("objective.metric") or config.get("objective", {}).get("metric"))


def check_direction(metric: str, directions: Sequence[str]) -> None:
    """Raise `ConfigError` where the search does not go the way of the metric."""
    needed = Metric(metric).direction or "minimize"  # of one that is not measured: that is for its own check to say
    if list(directions) != [needed]:
        allowed = f"objective.metric={metric} needs {needed}"
        raise ConfigError(KEY, ", ".join(directions), allowed)
