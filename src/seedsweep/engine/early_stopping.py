"""When a run stops before its last epoch: the rule, as `trainer.early_stopping` has it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seedsweep.engine.monitored import check_monitored, checked_keys, monitored
from seedsweep.metrics import Metric
from seedsweep.validation import check_integer, check_not_negative

GROUP = "trainer.early_stopping"


@dataclass(frozen=True)
class StoppingRule:
    """That of Lightning's `EarlyStopping`: a run ends with the epoch that is the `patience`-th without an improvement.

    Args:
        metric: that is to improve, with its direction.
        patience: epochs in a row, at least 1.
        min_delta: an improvement is more than this, in units of the metric.
    """

    metric: Metric
    patience: int
    min_delta: float = 0.0


class Patience:
    """How long runs have been without an improvement, each by itself.

    Args:
        rule: of all of them.
        runs: how many there are.
    """

    def __init__(self, rule: StoppingRule, runs: int):
        self.rule = rule
        self._best, self._waited = np.full(runs, np.inf), np.zeros(runs, dtype=int)

    def exhausted(self, runs: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Take in an epoch's values of the metric.

        Args:
            runs: their indices (n,).
            values: (n,), of the type in which they were measured, in which they are compared, as Lightning does it.

        Returns:
            Whether each of them stops with this epoch (n,).
        """
        losses = self.rule.metric.as_loss(values)
        better = losses + self.rule.min_delta < self._best[runs]
        self._best[runs] = np.where(better, losses, self._best[runs])
        self._waited[runs] = np.where(better, 0, self._waited[runs] + 1)
        stopping: np.ndarray = self._waited[runs] >= self.rule.patience
        return stopping


def stopping_rule(trainer: Mapping[str, Any]) -> StoppingRule | None:
    """The rule by which runs stop early.

    Args:
        trainer: the group of that name, plain and checked.

    Returns:
        The rule; None where `early_stopping.patience` is null.
    """
    keys = trainer.get("early_stopping") or {}
    if keys.get("patience") is None:
        return None
    return StoppingRule(monitored(keys), keys["patience"], keys.get("min_delta", 0.0))


def check_early_stopping(trainer: Mapping[str, Any], measured: Collection[str]) -> None:
    """Check the keys of `trainer.early_stopping`.

    Args:
        trainer: the group of that name, plain.
        measured: the metrics that there will be; those of the test rows come too late.

    Raises:
        ConfigError: a key or value is not allowed, or the metric is not measured, or has no known direction.
    """
    keys = checked_keys(GROUP, trainer.get("early_stopping"), "patience", ("min_delta",))
    if keys is None:
        return
    check_integer(f"{GROUP}.patience", keys["patience"], 1, note="a number of epochs; null: none stops early")
    check_not_negative(f"{GROUP}.min_delta", keys.get("min_delta", 0.0))
    check_monitored(GROUP, keys, measured)
