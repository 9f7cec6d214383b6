"""One call of somebody's function, made and recorded in whatever process: what a worker imports, without torch."""

import inspect
import math
import pickle
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from seedsweep.config.planned_call import Call
from seedsweep.config.planned_run import SEEDS, PlannedRun
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.progress import advance
from seedsweep.metrics import Metric
from seedsweep.outcomes import RUN_COLUMNS, Point, RunResult
from seedsweep.tracking.run_writer import record_run

UNNAMEABLE = re.compile(r"[^\w\-. :/]|^/|^\.+/|/$")  # by MLflow's rules
# names that neither arguments nor metrics can have
RESERVED = (*RUN_COLUMNS, *SEEDS, "key", "experiment", "function", "log")
ENGINE = "function"  # in the tags of its runs
RETURNED = "objective"  # the metric that a number is which a function returns


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
        self._given: dict[str, str] = {}  # the name that the function gave each metric

    def __call__(self, name: str, value: Any, step: int | None = None) -> None:
        """Record a value of a curve.

        Args:
            name: of the metric, such as `val/loss`; what MLflow does not take in a name becomes _, and the name of an
                argument or of a column of the table of runs gets `_value` at its end.
            value: what `float` takes.
            step: of the training; None: how many values of the metric there were.

        Raises:
            ConfigError: another metric has that name in MLflow.
        """
        given = str(name)
        name = UNNAMEABLE.sub("_", given) or "_"
        name += "_value" * (name in self._taken)
        if (other := self._given.setdefault(name, given)) != given:
            raise ConfigError("metric", given, f"would be {name} in MLflow, as {other} is: name one of them otherwise")
        count = self._counts.get(name, 0)
        step = count if step is None else int(step)
        self._counts[name], self.last[name] = count + 1, float(value)
        if self._publish:
            self._publish([Point(name, step, step, float(value))])


def make_call(
    function: Callable[..., Any],
    call: Call,
    planned: PlannedRun,
    tracking: Mapping[str, Any],
    progress: Path,
    metric: str | None = None,
) -> tuple[float | Exception, str | None]:
    """Call a function once and record the run.

    Args:
        function: that is called.
        call: its values.
        planned: how the run is known.
        tracking: where it is recorded.
        progress: the file that the bar reads.
        metric: that is asked for; None: the one that it logs first.

    Returns:
        The last value of the metric, the worst if the call diverged, or what it raised; and the metric's name.
    """
    taken = {*call.values, *RESERVED}
    log = Log(None, taken)
    try:
        with record_run(tracking, planned, ENGINE, call.digest) as record:
            log = Log(record.publish, taken)
            arguments = {"log": log} if _takes_log(function) else {}
            _take_returned(log, _called(function, {**call.values, "seed": call.seed, **arguments}))
            if not log.last:
                raise ConfigError("function", call.name, "must log a metric, or return a number or several by name")
            metric = metric or next(iter(log.last))
            if metric not in log.last:
                raise ConfigError("metric", metric, f"was not logged by {call.name}; it has {', '.join(log.last)}")
            finite = all(math.isfinite(value) for value in log.last.values())
            record.finish(RunResult("finished" if finite else "diverged"), {})
        return log.last[metric] if finite else Metric(metric).worst, metric
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
        log(RETURNED, returned)


def _that_travels(error: Exception) -> Exception:
    """The error, or one with its words if it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  of our own
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
