"""A sweep whose jobs are calls of somebody's function, each in one of several processes of this machine."""

import inspect
import math
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.utils import JobReturn, JobStatus

from seedsweep.config.composing import Composed
from seedsweep.config.planned_call import Call, plan_call
from seedsweep.config.planned_run import PlannedRun
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.grid_sweep import GridSweep
from seedsweep.lifecycle.progress import advance
from seedsweep.outcomes import Point, RunResult
from seedsweep.tracking.run_writer import record_run

ENGINE = "function"  # in the tags of its runs
METRIC = "metric"  # the tag of the sweep that says by what its runs are judged: what they log first


@dataclass(frozen=True, slots=True)
class ComposedCall(Composed):
    """A job that is a call."""

    call: Call


class FunctionSweep(GridSweep):
    """Plans calls, has them made by `joblib`, and records each as a run."""

    unit: ClassVar[str] = "runs"

    compose: Callable[[Sequence[str], int], ComposedCall]

    def _plan_job(self, job: Composed) -> None:
        assert isinstance(job, ComposedCall)  # noqa: S101  as its own `compose` makes them
        self.first = self.first or job.config
        self.plan.add(self._planned(job))
        self.epochs += 1

    def _planned(self, job: ComposedCall) -> PlannedRun:
        return plan_call(job.call, self.labels, job.config["experiment"], job.number)

    def run(self, function: Callable[..., Any], jobs: int, processes: int) -> None:
        """Make the calls of all jobs, so many at a time.

        Args:
            function: called with the values of a job, `seed`, and if it takes it, `log`.
            jobs: how many there are.
            processes: at least 1; with 1 the calls are made in this process.
        """
        from joblib import Parallel, delayed, parallel_config

        tracking = dict(self.first["tracking"]) | {"sweep": self.record.run_id if self.record else None}
        calls = (self.compose((), number) for number in range(jobs))
        tasks = (delayed(make_call)(function, job.call, self._planned(job), tracking, self.progress) for job in calls)
        with parallel_config("loky", inner_max_num_threads=1):  # many processes, of which each would use all cores
            ended = list(Parallel(processes)(tasks) if processes > 1 else (task[0](*task[1]) for task in tasks))
        self.returns.append([self._job_return(result) for result, _ in ended])
        logged = next((metric for _, metric in ended if metric), None)
        if logged and self.record:
            self.first["objective"]["metric"] = logged
            self.record.write_progress({METRIC: logged}, {}, 0)

    def _job_return(self, result: float | Exception) -> JobReturn:
        failed = isinstance(result, Exception)
        returned = JobReturn(status=JobStatus.FAILED if failed else JobStatus.COMPLETED)
        returned._return_value = result
        return returned


class Log:
    """What a function is given as `log`: it takes the points of its curves.

    Args:
        publish: what records points.
    """

    def __init__(self, publish: Callable[[list[Point]], None] | None):
        self._publish = publish
        self.last: dict[str, float] = {}  # value of each metric
        self._counts: dict[str, int] = {}

    def __call__(self, name: str, value: Any, step: int | None = None) -> None:
        """Record a value of a curve.

        Args:
            name: of the metric, such as `val/loss`.
            value: what `float` takes.
            step: of the training; None: how many values of the metric there were.
        """
        count = self._counts.get(name, 0)
        step = count if step is None else int(step)
        self._counts[name], self.last[name] = count + 1, float(value)
        if self._publish:
            self._publish([Point(str(name), step, step, float(value))])


def make_call(
    function: Callable[..., Any], call: Call, planned: PlannedRun, tracking: Mapping[str, Any], progress: Path
) -> tuple[float | Exception, str | None]:
    """Call a function once and record the run; its last value, or what it raised, and the first metric's name."""
    log = Log(None)
    try:
        with record_run(tracking, planned, ENGINE, call.digest) as record:
            log = Log(record.publish)
            arguments = {"log": log} if _takes_log(function) else {}
            _take_returned(log, function(**call.values, seed=call.seed, **arguments))
            if not log.last:
                raise ConfigError("function", call.name, "must log a metric, or return a number or several by name")
            finite = all(math.isfinite(value) for value in log.last.values())
            record.finish(RunResult("finished" if finite else "diverged"), {})
        return next(iter(log.last.values())), next(iter(log.last))
    except Exception as error:  # of that run: it is recorded as failed, and the others go on
        return _that_travels(error), next(iter(log.last), None)
    finally:
        advance(progress, 1)


def _takes_log(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters
    return "log" in parameters or any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters.values())


def _take_returned(log: Log, returned: Any) -> None:
    """A number that a function returns is the metric `objective`; a dictionary has metrics by their names."""
    if isinstance(returned, Mapping):
        for name, value in returned.items():
            log(str(name), value)
    elif returned is not None:
        log("objective", returned)


def _that_travels(error: Exception) -> Exception:
    """The error, or one with its words if it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  of our own
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
