"""Calls of somebody's function, whose seeds are bought until it is sure which option wins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedsweep.errors import ConfigError, StoreError
from seedsweep.lifecycle.calls import Processes
from seedsweep.lifecycle.function_calls import ComposedCall, FunctionCalls, job_return
from seedsweep.lifecycle.one_call import RETURNED
from seedsweep.lifecycle.sure_sweep import SureSweep
from seedsweep.lifecycle.sweep import Overrides
from seedsweep.metrics import Direction, Metric


@dataclass
class SureFunctionSweep(FunctionCalls, SureSweep):
    """A number that calls return is minimized unless `direction` says otherwise; of others the name says it."""

    compose: Callable[[Overrides, int], ComposedCall]
    asked: str | None = None
    direction: Direction | None = None

    def __post_init__(self) -> None:
        self.is_judged = self.asked is not None

    @property
    def metric(self) -> Metric:
        """By which the calls are judged."""
        return judged(self.first["objective"]["metric"], self.direction)

    def call(self, function: Callable[..., Any], jobs: Sequence[Overrides], processes: Processes) -> None:
        """Make the calls of the jobs that were planned last and are not in the store.

        Args:
            function: called with the values of a job, `seed`, and if it takes it, `log`.
            jobs: the overrides of each.
            processes: in which they are made.

        Raises:
            ConfigError: nobody knows whether what they log is better when larger or smaller.
        """
        for _, launched in self.rounds(jobs):
            calls = [self.compose(job, number) for number, job in zip(self._trained, launched, strict=True)]
            ended = self.make(function, calls, processes)
            self.returns.append([job_return(self._of_metric(*one)) for one in ended])

    def _judge_by(self, metric: str) -> None:
        judged(metric, self.direction)
        super()._judge_by(metric)

    def _of_metric(self, result: float | Exception, logged: str | None) -> float | Exception:
        """What a call came to; one that has logged another metric first than others has failed."""
        if isinstance(result, Exception) or logged == self.metric:
            return result
        return ConfigError("function", logged, f"was logged first, by other calls {self.metric}: say metric=…")

    def _read(self, runs: Mapping[int, str]) -> None:
        """Where no call was made, runs that were made before say by what they are judged."""
        if runs and not self.is_judged:
            self._judge_as(next(iter(runs.values())))
        if self.is_judged:
            super()._read(runs)

    def _judge_as(self, run: str) -> None:
        assert self.record  # noqa: S101  from which the run is
        try:
            metric = self.record.judged_by(run)
        except StoreError:  # of a copy whose origin was deleted
            return
        if metric and self.record.read_results([run], metric)[run].points:
            self._judge_by(metric)

    def _length(self) -> int:
        return 1


def judged(metric: str, direction: Direction | None = None) -> Metric:
    """A metric by which calls are judged, with its direction.

    Args:
        metric: its name.
        direction: that is asked for, if any.

    Returns:
        The metric; what calls return is minimized unless it is said.

    Raises:
        ConfigError: nobody knows whether larger or smaller is better.
    """
    judged = Metric(metric, direction or ("minimize" if metric == RETURNED else None))
    judged.check_direction("metric", 'direction="maximize"')
    return judged
