"""Metrics by their names: what was measured, on which split, and whether larger or smaller is better."""

import math
import re
from typing import Literal, TypeVar

from seedsweep.errors import ConfigError
from seedsweep.validation import choice_error

Direction = Literal["minimize", "maximize"]
Values = TypeVar("Values")  # a number, an array or a series
DIRECTIONS: tuple[Direction, ...] = ("minimize", "maximize")
TO_TARGET = "_to_target"  # how the names end of what it took to reach a target, infinite where that was missed
# how the names of metrics end, in any case
_MAXIMIZED = (
    *("accuracy", "acc", "auc", "auroc", "f1", "precision", "recall", "specificity", "r2", "score", "kappa"),
    *("matthews_corrcoef", "jaccard", "explained_variance"),
)
_MINIMIZED = (
    *("loss", "error", "err", "mse", "mae", "rmse", "nll", "perplexity", "regret", "suboptimality", "mape", "brier"),
    TO_TARGET,
)
_SPLIT = re.compile(r"(train|val|test)(?:ing|id|idation)?(?=[/_])")  # how they begin
_MOMENT = re.compile(r"(_(step|epoch))?(/dataloader_idx_\d+)?$")  # what Lightning adds to a name
NEGATED = re.compile(r"(^|/)neg_", re.IGNORECASE)  # as scikit-learn names a loss that it has turned to be maximized


def stated_direction(name: str) -> Direction | None:
    """The direction that a metric's name says by its end, in any case.

    Args:
        name: as it was logged.

    Returns:
        `minimize` or `maximize`; None where the name says neither.
    """
    lowered = _MOMENT.sub("", name.lower())
    if NEGATED.search(lowered):
        return None
    return "maximize" if lowered.endswith(_MAXIMIZED) else "minimize" if lowered.endswith(_MINIMIZED) else None


def names_metric(name: str) -> bool:
    """Whether a name ends as those of metrics do, whichever its direction.

    Args:
        name: of a column or a param.

    Returns:
        True also for scikit-learn's `neg_…`.
    """
    return _MOMENT.sub("", name.lower()).endswith((*_MAXIMIZED, *_MINIMIZED))


class Metric(str):
    """The name of a metric as it was logged, such as `val/AUC`, which knows its split and its direction.

    Args:
        name: of the metric; of another `Metric` the direction is taken over, too.
        direction: `minimize` or `maximize`; None: what the end of the name says, if anything.

    Raises:
        ConfigError: there is no such direction.
    """

    direction: Direction | None

    def __new__(cls, name: str, direction: str | None = None) -> "Metric":
        if direction is not None and direction not in DIRECTIONS:
            raise choice_error("direction", direction, DIRECTIONS)
        metric = super().__new__(cls, name)
        inherited = name.direction if isinstance(name, Metric) else stated_direction(name)
        metric.direction = direction or inherited
        return metric

    @property
    def split_name(self) -> str | None:
        """`train`, `val` or `test`, by the beginning of the name, as of `val/loss` or `valid_loss`; else None."""
        beginning = _SPLIT.match(self)
        return beginning[1] if beginning else None

    @property
    def is_maximized(self) -> bool:
        """Whether larger is better."""
        return self.direction == "maximize"

    @property
    def worst(self) -> float:
        """The value of a run that diverged."""
        return -math.inf if self.is_maximized else math.inf

    @property
    def lost(self) -> str:
        """What runs did whose value is infinite: `diverged`, or `missed the target`."""
        return "missed the target" if self.endswith(TO_TARGET) else "diverged"

    def as_loss(self, values: Values) -> Values:
        """The values with the better one smaller: with their signs changed where larger is better."""
        return -values if self.is_maximized else values  # type: ignore[operator]

    def on_split(self, split: str) -> "Metric":
        """The same metric on another split, such as `test/loss` for `val/loss`; itself where its name has no split."""
        beginning = _SPLIT.match(self)
        return Metric(f"{split}{self[beginning.end() :]}", self.direction) if beginning else self

    def check_direction(self, key: str, said: str = "direction=maximize") -> None:
        """Raise `ConfigError` if the direction is not known: `key` gave the metric, and `said` would say it."""
        if self.direction is not None:
            return
        if NEGATED.search(self):
            plain = NEGATED.sub(r"\1", self)
            raise ConfigError(key, self, f"has its sign changed: log {plain}, or say {said}")
        endings = ", ".join((*_MAXIMIZED, *_MINIMIZED))
        allowed = f"is it better when larger or smaller? Its name must end with {endings}; or say {said}"
        raise ConfigError(key, self, allowed)
