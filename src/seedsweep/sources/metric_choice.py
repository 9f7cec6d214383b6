"""Which metric is compared: the one that is asked for, or the one that is meant where nobody says."""

from collections.abc import Sequence
from typing import NamedTuple

from seedsweep.comparison.question import Question
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.sources.column_names import plain
from seedsweep.sources.recorded_runs import no_such, one_of

DEFAULT = Question.metric
VALIDATION = ("val_loss", "valid_loss", "validation_loss", "dev_loss", "eval_loss", "val_loss_epoch")


class ChosenMetric(NamedTuple):
    """A metric, and why it is that one where that was guessed."""

    name: str
    reason: str | None


def chosen_metric(asked: str, metrics: Sequence[str], others: Sequence[str]) -> ChosenMetric:
    """The metric that is compared.

    Args:
        asked: as the question has it; the default stands for none.
        metrics: of the runs.
        others: columns of numbers that were measured besides, such as times.

    Returns:
        The metric.

    Raises:
        ConfigError: there is no such metric, or several could be meant.
    """
    if asked in (*metrics, *others):
        return ChosenMetric(asked, None)
    if asked != DEFAULT:
        raise no_such("metric", asked, "a metric of these runs", [*metrics, *others])
    for names, reason in (
        ([name for name in metrics if plain(name) in VALIDATION], "the only loss on validation rows"),
        ([name for name in metrics if plain(name) == "loss"], "its name"),
        ([name for name in metrics if _is_of_validation(name)], "the only one on validation rows"),
        (metrics, "the only one"),
    ):
        if len(names) == 1:
            return ChosenMetric(names[0], reason)
        if names:
            break
    if not metrics:
        raise ConfigError("metric", None, f"no column was measured; say which: metric=NAME. There are {one_of(others)}")
    raise ConfigError("metric", None, f"which of them is compared? metric=NAME of {one_of(metrics)}")


def _is_of_validation(name: str) -> bool:
    metric = Metric(name)
    return metric.split_name == "val" and metric.direction is not None
