"""A sweep whose jobs are calls of somebody's function, each in one of several processes of this machine."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

from hydra.core.utils import JobReturn, JobStatus

from seedsweep.config.composing import Composed
from seedsweep.config.detail import RUNS
from seedsweep.config.planned_call import METRIC, Call, plan_call
from seedsweep.config.planned_run import PlannedRun
from seedsweep.lifecycle.calls import run_calls
from seedsweep.lifecycle.grid_sweep import GridSweep
from seedsweep.lifecycle.one_call import ENGINE, make_call
from seedsweep.lifecycle.progress import advance
from seedsweep.tracking.run_writer import record_run
from seedsweep.tracking.sweep_writer import SweepRecord


@dataclass(frozen=True, slots=True)
class ComposedCall(Composed):
    """A job that is a call."""

    call: Call


class FunctionSweep(GridSweep):
    """Plans calls, has them made in processes of their own, and records each as a run."""

    details: ClassVar[tuple[str, ...]] = (RUNS,)  # each call is recorded where it is made
    unit: ClassVar[str] = "runs"
    compose: Callable[[Sequence[str], int], ComposedCall]
    _is_judged: bool = False  # whether a call has said by what

    def _plan_job(self, job: Composed) -> None:
        assert isinstance(job, ComposedCall)  # noqa: S101  as its own `compose` makes them
        self.first = self.first or job.config
        self.plan.add(self._planned(job))
        self.epochs += 1

    def _planned(self, job: ComposedCall) -> PlannedRun:
        return plan_call(job.call, self.labels, job.config["experiment"], job.number)

    def run(self, function: Callable[..., Any], processes: int) -> None:
        """Make the calls of all jobs that are not in the store, so many at a time.

        Args:
            function: called with the values of a job, `seed`, and if it takes it, `log`.
            processes: at least 1; with 1 the calls are made in this process.
        """
        record = cast(SweepRecord, self.record)  # which it has: without a store it was refused
        tracking = dict(self.first["tracking"]) | {"sweep": record.run_id}
        self.launched.extend(self.left.tolist())
        composed = {number: self.compose((), number) for number in self.launched}
        calls = {
            job.number: partial(make_call, function, job.call, self._planned(job), tracking, self.progress)
            for job in composed.values()
        }
        ended = run_calls(calls, processes, record.remove_running, self._note_metric)
        results = [self._recorded(composed[number], ended[number], tracking) for number in self.launched]
        self.returns.append([self._job_return(result) for result, _ in results])

    def _note_metric(self, ended: tuple[Any, str | None]) -> None:
        """Record what the runs are judged by as soon as a call has logged it."""
        _, logged = ended
        if logged and not self._is_judged:
            self._is_judged = True
            self.first["objective"]["metric"] = logged
            cast(SweepRecord, self.record).write_progress({METRIC: logged}, {}, 0)

    def _recorded(self, job: ComposedCall, ended: Any, tracking: Mapping[str, Any]) -> Any:
        """What a call returned; one that ended its process is recorded as failed."""
        if not isinstance(ended, Exception):
            return ended
        with suppress(RuntimeError), record_run(tracking, self._planned(job), ENGINE, job.call.digest):
            raise ended
        advance(self.progress, 1)
        return ended, None

    def _job_return(self, result: float | Exception) -> JobReturn:
        failed = isinstance(result, Exception)
        returned = JobReturn(status=JobStatus.FAILED if failed else JobStatus.COMPLETED)
        returned._return_value = result
        return returned
