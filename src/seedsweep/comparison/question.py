"""What is asked of the runs of a sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from seedsweep.comparison.groups import Criterion
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.validation import check_integer

SAME, BEST = "at the same setting", "each at its best"  # how the options are compared


@dataclass(frozen=True)
class Question:
    """The keys of `conf/compare.yaml` that determine a comparison, and the arguments of `compare`.

    Args:
        metric: what is compared.
        direction: `minimize` or `maximize`; None: what the end of the metric's name says.
        select: `last`, `best` or `auc` (the mean over the training) of its curve.
        by: the param whose options are compared; None: `optimizer`, or the first param that was swept where all runs
            have the same optimizer.
        at: the params whose values make a setting; None: all others that were swept.
        baseline: one of the options, to compare the others with it alone.
        confidence: of verdicts and intervals, at least 0.5 and less than 1: 0.95 names a false winner, or a false tie,
            in at most 5 % of the comparisons.
        margin: a difference that is surely smaller, as a fraction of the leader's mean, is a tie; 0: there are none.
        target: of the time to target, in units of the metric; None: the median of the best group's last values.
        seed: of the bootstrap and of the random signs.
    """

    metric: str = "val/loss"
    direction: str | None = None
    select: str = "last"
    by: str | None = None
    at: Sequence[str] | None = None
    baseline: str | None = None
    confidence: float = 0.95
    margin: float = 0.01
    target: float | None = None
    seed: int = 0

    @property
    def measure(self) -> Metric:
        """The metric with its direction."""
        return Metric(self.metric, self.direction)

    @property
    def claim(self) -> Metric:
        """The metric of claims about choices made by `metric`: measured on rows that the choice has not seen."""
        return self.measure.on_split("test") if self.measure.split_name == "val" else self.measure

    def criterion(self, metric: Metric) -> Criterion:
        """By what the options are compared, if it is by that metric."""
        return Criterion(metric, self.confidence, self.baseline, self.seed, self.margin)


def checked_question(arguments: Mapping[str, Any]) -> Question:
    """The question with these fields.

    Args:
        arguments: values by the names of fields.

    Returns:
        The question, with `at` as a list.

    Raises:
        ConfigError: there is no such key, or a value is not allowed.
    """
    keys = [field.name for field in fields(Question)]
    for key in arguments:
        if key not in keys:
            raise ConfigError(key, arguments[key], f"there is no such key; there are {', '.join(keys)}")
    question = Question(**arguments)
    for key, types in {"metric": str, "select": str, "direction": str | None, "by": str | None}.items():
        if not isinstance(getattr(question, key), types):
            raise ConfigError(key, getattr(question, key), "must be a name")
    at = [question.at] if isinstance(question.at, str) else question.at
    if not (at is None or (isinstance(at, Sequence) and all(isinstance(name, str) for name in at))):
        raise ConfigError("at", at, "must be the names of params: [optimizer.lr,data.batch_size]")
    if not isinstance(question.confidence, int | float) or not 0.5 <= question.confidence < 1:
        raise ConfigError("confidence", question.confidence, "must be at least 0.5 and less than 1")
    if not isinstance(question.margin, int | float) or not 0 <= question.margin < 1:
        raise ConfigError("margin", question.margin, "must be a fraction of the leader's mean: at least 0, less than 1")
    if not isinstance(question.target, int | float | None):
        raise ConfigError("target", question.target, "must be a number")
    Metric(question.metric, question.direction)
    check_integer("seed", question.seed, 0, 2**31 - 1)
    return replace(question, at=at)
