"""A sweep whose jobs are calls of somebody's function, each in one of several processes of this machine."""

import inspect
import math
import pickle
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

from hydra.core.utils import JobReturn, JobStatus

from seedsweep.config.composing import Composed
from seedsweep.config.planned_call import METRIC, Call, plan_call
from seedsweep.config.planned_run import SEEDS, PlannedRun
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.calls import run_calls
from seedsweep.lifecycle.grid_sweep import GridSweep
from seedsweep.lifecycle.progress import advance
from seedsweep.outcomes import RUN_COLUMNS, Point, RunResult
from seedsweep.tracking.run_writer import record_run
from seedsweep.tracking.sweep_writer import SweepRecord

UNNAMEABLE = re.compile(r"[^\w\-. :/]|^/|^\.+/|/$")  # by MLflow's rules
# names that neither arguments nor metrics can have
RESERVED = (*RUN_COLUMNS, *SEEDS, "key", "experiment", "function", "log")
ENGINE = "function"  # in the tags of its runs


@dataclass(frozen=True, slots=True)
class ComposedCall(Composed):
    """A job that is a call."""

    call: Call


class FunctionSweep(GridSweep):
    """Plans calls, has them made in processes of their own, and records each as a run."""

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
        record = cast(SweepRecord, self.record)  # which it has: without a store it was refused
        tracking = dict(self.first["tracking"]) | {"sweep": record.run_id}
        composed = [self.compose((), number) for number in range(jobs)]
        calls = {
            job.number: partial(make_call, function, job.call, self._planned(job), tracking, self.progress)
            for job in composed
        }
        ended = run_calls(calls, processes, record.remove_running)
        results = [self._recorded(composed[number], ended[number], tracking) for number in range(jobs)]
        self.returns.append([self._job_return(result) for result, _ in results])
        logged = next((metric for _, metric in results if metric), None)
        if logged:
            self.first["objective"]["metric"] = logged
            record.write_progress({METRIC: logged}, {}, 0)

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


class Log:
    """What a function is given as `log`: it takes the points of its curves.

    Args:
        publish: what records points.
        taken: names that metrics cannot have, as columns of the table of runs have them.
    """

    def __init__(self, publish: Callable[[list[Point]], None] | None, taken: Collection[str]):
        self._publish, self._taken = publish, taken
        self.last: dict[str, float] = {}  # value of each metric
        self._counts: dict[str, int] = {}

    def __call__(self, name: str, value: Any, step: int | None = None) -> None:
        """Record a value of a curve.

        Args:
            name: of the metric, such as `val/loss`; what MLflow does not take in a name becomes _, and the name of an
                argument or of a column of the table of runs gets `_value` at its end.
            value: what `float` takes.
            step: of the training; None: how many values of the metric there were.
        """
        name = UNNAMEABLE.sub("_", str(name)) or "_"
        name += "_value" * (name in self._taken)
        count = self._counts.get(name, 0)
        step = count if step is None else int(step)
        self._counts[name], self.last[name] = count + 1, float(value)
        if self._publish:
            self._publish([Point(name, step, step, float(value))])


def make_call(
    function: Callable[..., Any], call: Call, planned: PlannedRun, tracking: Mapping[str, Any], progress: Path
) -> tuple[float | Exception, str | None]:
    """Call a function once and record the run; its last value, or what it raised, and the first metric's name."""
    taken = {*call.values, *RESERVED}
    log = Log(None, taken)
    try:
        with record_run(tracking, planned, ENGINE, call.digest) as record:
            log = Log(record.publish, taken)
            arguments = {"log": log} if _takes_log(function) else {}
            _take_returned(log, _called(function, {**call.values, "seed": call.seed, **arguments}))
            if not log.last:
                raise ConfigError("function", call.name, "must log a metric, or return a number or several by name")
            finite = all(math.isfinite(value) for value in log.last.values())
            record.finish(RunResult("finished" if finite else "diverged"), {})
        return next(iter(log.last.values())), next(iter(log.last))
    except Exception as error:  # of that run: it is recorded as failed, and the others go on
        return _that_travels(error), next(iter(log.last), None)
    finally:
        advance(progress, 1)


def _called(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    try:
        return function(**arguments)
    except SystemExit as end:  # of a script that reads a command line: it is no reason to end the sweep
        raise RuntimeError(f"it called sys.exit({end.code!r})") from end


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
