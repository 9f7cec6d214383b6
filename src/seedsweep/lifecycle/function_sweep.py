"""A sweep whose jobs are calls of somebody's function, each in one of several processes of this machine."""

from collections.abc import Callable
from typing import Any

from seedsweep.lifecycle.calls import Processes
from seedsweep.lifecycle.function_calls import FunctionCalls, job_return
from seedsweep.lifecycle.grid_sweep import GridSweep


class FunctionSweep(FunctionCalls, GridSweep):
    """All calls are known before the first one is made."""

    def run(self, function: Callable[..., Any], processes: int) -> None:
        """Make the calls of all jobs that are not in the store, so many at a time.

        Args:
            function: called with the values of a job, `seed`, and if it takes it, `log`.
            processes: at least 1; with 1 the calls are made in this process.
        """
        left = self.left.tolist()
        self.launched.extend(left)
        with Processes(min(processes, len(left))) as pool:
            ended = self.make(function, [self.compose((), number) for number in left], pool)
        self.returns.append([job_return(result) for result, _ in ended])
