"""Calls of somebody's function in processes of this machine, which a call may end without the others being lost."""

from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.lifecycle.workers.orphans import end_with
from seedsweep.tracking.processes import this_process

Call = Callable[[], Any]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of many processes


class Processes:
    """So many processes, started when they are first needed and kept from one round of calls to the next.

    Args:
        count: at least 1; with 1 calls are made in this process.
    """

    def __init__(self, count: int):
        self.count = count
        self._executor: Any = None

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.end(kill=kind is not None)

    def executor(self) -> Any:
        """What takes calls."""
        if self._executor is None:
            from loky import ProcessPoolExecutor

            started = {"env": ONE_THREAD, "initializer": end_with, "initargs": (this_process(),)}
            self._executor = ProcessPoolExecutor(self.count, **started)
        return self._executor

    def end(self, kill: bool = False) -> None:
        """End the processes; others are started when they are needed."""
        if self._executor is not None:
            self._executor.shutdown(kill_workers=kill)
        self._executor = None


def run_calls(
    calls: Mapping[int, Call], processes: Processes, forget: Callable[[], None], tell: Callable[[Any], None]
) -> dict[int, Any]:
    """Make calls, as many at a time as there are processes.

    A call whose process ends takes all processes with it. Those that had not returned are then made again, and those
    that may have been in work one by one, so that it shows which of them ends its process.

    Args:
        calls: by their numbers; each returns what it raises.
        processes: in which the calls are made.
        forget: takes back what the calls that were lost have recorded.
        tell: is told what each call returned, as soon as it has.

    Returns:
        What each call returned, by its number; a `RuntimeError` of one that ended its process.

    Raises:
        ConfigError: the processes cannot read the calls, such as those of a module that cannot be imported there.
    """
    ended: dict[int, Any] = {}
    if processes.count == 1:
        for number, call in calls.items():
            ended[number] = call()
            tell(ended[number])
        return ended
    while waiting := {number: call for number, call in calls.items() if number not in ended}:
        suspects = _run_together(waiting, processes, ended, tell)
        if suspects:
            forget()
        for number in suspects:
            with Processes(1) as alone:
                lost = _run_together({number: calls[number]}, alone, ended, tell)
            if lost:
                forget()
                ended[number] = RuntimeError("its process was ended, by itself or for lack of memory")
    return ended


def _run_together(
    calls: Mapping[int, Call], processes: Processes, ended: dict[int, Any], tell: Callable[[Any], None]
) -> list[int]:
    """Add what calls return; the numbers of those that were lost and may have been in work, if a process ended."""
    from loky.process_executor import BrokenProcessPool

    executor = processes.executor()
    numbers = {executor.submit(call): number for number, call in calls.items()}
    try:
        for future in as_completed(numbers):
            ended[numbers[future]] = future.result()
            tell(future.result())
    except BrokenProcessPool as broken:
        processes.end()
        _check_readable(broken, processes)
        ended |= {numbers[done]: done.result() for done in numbers if done.done() and not done.exception()}
        lost = [number for number in calls if number not in ended]
        return lost[: 2 * processes.count + 1]  # as many as loky hands out at a time
    except BaseException:  # Ctrl-C
        for future in numbers:
            future.cancel()
        processes.end(kill=True)
        raise
    return []


def _check_readable(broken: Exception, processes: Processes) -> None:
    """Raise `ConfigError` where a process could not read its call, of which loky has that process's traceback."""
    if broken.__cause__ is not None:
        *_, last = str(broken.__cause__).strip('"\n').splitlines()
        allowed = f"they cannot read the function or its arguments ({last}); processes=1 calls it in this process"
        raise ConfigError("processes", processes.count, allowed) from broken
