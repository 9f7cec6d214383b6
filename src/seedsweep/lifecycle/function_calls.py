"""What sweeps of calls of somebody's function share: each call is planned, made in some process, and recorded."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

from hydra.core.utils import JobReturn, JobStatus

from seedsweep.config.composing import Composed
from seedsweep.config.demand import ANY_RUN, Demand
from seedsweep.config.detail import RUNS
from seedsweep.config.planned_call import METRIC, Call, plan_call
from seedsweep.config.planned_run import PlannedRun
from seedsweep.lifecycle.calls import Processes, run_calls
from seedsweep.lifecycle.one_call import ENGINE, make_call
from seedsweep.lifecycle.progress import advance
from seedsweep.lifecycle.sweep import Overrides, Sweep
from seedsweep.tracking.run_writer import record_run
from seedsweep.tracking.sweep_writer import SweepRecord

Ended = tuple[float | Exception, str | None]  # what a call came to, and the name of the metric that this is of


@dataclass(frozen=True, slots=True)
class ComposedCall(Composed):
    """A job that is a call."""

    call: Call


class FunctionCalls(Sweep):
    """Plans calls, has them made in processes of their own, and records each as a run.

    They are judged by the metric that one of them has logged first, unless `asked` names another.
    """

    details: ClassVar[tuple[str, ...]] = (RUNS,)  # each call is recorded where it is made
    unit: ClassVar[str] = "runs"
    compose: Callable[[Overrides, int], ComposedCall]
    asked: str | None = None
    is_judged: bool = False  # whether it is known by what

    def _plan_job(self, job: Composed) -> None:
        assert isinstance(job, ComposedCall)  # noqa: S101  as its own `compose` makes them
        self.first = self.first or job.config
        self._enter(self._planned(job))
        self.epochs += 1

    def _planned(self, job: ComposedCall) -> PlannedRun:
        demand = Demand((self.asked,)) if self.asked else ANY_RUN
        return plan_call(job.call, self.labels, job.config["experiment"], job.number, demand)

    def _depends_on_number(self, job: Overrides, number: int) -> bool:
        return False

    def make(self, function: Callable[..., Any], jobs: Sequence[ComposedCall], processes: Processes) -> list[Ended]:
        """Make calls and record each.

        Args:
            function: called with the values of a job, `seed`, and if it takes it, `log`.
            jobs: with their numbers in the plan.
            processes: in which they are made.

        Returns:
            What each came to.
        """
        record = cast(SweepRecord, self.record)  # which it has: without a store it was refused
        tracking = dict(self.first["tracking"]) | {"sweep": record.run_id}
        calls = {
            job.number: partial(make_call, function, job.call, self._planned(job), tracking, self.progress, self.asked)
            for job in jobs
        }
        ended = run_calls(calls, processes, record.remove_running, self._note)
        return [self._recorded(job, ended[job.number], tracking) for job in jobs]

    def _note(self, ended: Ended) -> None:
        """Record what the runs are judged by as soon as a call has logged it."""
        _, logged = ended
        if logged and not self.is_judged:
            self._judge_by(logged)

    def _judge_by(self, metric: str) -> None:
        self.is_judged = True
        self.first["objective"]["metric"] = metric
        cast(SweepRecord, self.record).write_progress({METRIC: metric}, {}, 0)

    def _recorded(self, job: ComposedCall, ended: Any, tracking: Mapping[str, Any]) -> Ended:
        """What a call came to; one that ended its process is recorded as failed."""
        if not isinstance(ended, Exception):
            return cast(Ended, ended)
        with suppress(RuntimeError), record_run(tracking, self._planned(job), ENGINE, job.call.digest):
            raise ended
        advance(self.progress, 1)
        return ended, None


def job_return(result: float | Exception) -> JobReturn:
    """What a call came to, as launchers say it."""
    failed = isinstance(result, Exception)
    returned = JobReturn(status=JobStatus.FAILED if failed else JobStatus.COMPLETED)
    returned._return_value = result
    return returned
