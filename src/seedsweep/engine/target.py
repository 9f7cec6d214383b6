"""A value that a metric is to reach, as `trainer.target` has it, and what it took to get there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seedsweep.engine.monitored import check_monitored, checked_keys, monitored
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric

GROUP = "trainer.target"


@dataclass(frozen=True)
class Target:
    """A run has reached it with the first epoch whose `metric` is `value` or better."""

    metric: Metric
    value: float

    def reached(self, values: Any) -> Any:
        """Whether values of the metric, a number or an array, are good enough."""
        return self.metric.as_loss(values) <= self.metric.as_loss(np.float64(self.value))


def target(trainer: Mapping[str, Any]) -> Target | None:
    """The target of runs.

    Args:
        trainer: the group of that name, plain and checked.

    Returns:
        It; None where `target.value` is null.
    """
    keys = trainer.get("target") or {}
    return None if keys.get("value") is None else Target(monitored(keys), float(keys["value"]))


def check_target(trainer: Mapping[str, Any], measured: Collection[str]) -> None:
    """Check the keys of `trainer.target`.

    Args:
        trainer: the group of that name, plain.
        measured: the metrics that there will be.

    Raises:
        ConfigError: a key or value is not allowed, or the metric is not measured, or has no known direction.
    """
    keys = checked_keys(GROUP, trainer.get("target"), "value")
    if keys is None:
        return
    value = keys["value"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ConfigError(f"{GROUP}.value", value, "must be a number, or null: there is none")
    check_monitored(GROUP, keys, measured)
