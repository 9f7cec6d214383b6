"""Calls of somebody's function in processes of this machine, which a call may end without the others being lost."""

from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from typing import Any

from seedsweep.lifecycle.workers.orphans import end_with
from seedsweep.tracking.processes import this_process

Call = Callable[[], Any]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of many processes


def run_calls(
    calls: Mapping[int, Call], processes: int, forget: Callable[[], None], tell: Callable[[Any], None]
) -> dict[int, Any]:
    """Make calls, so many at a time.

    A call whose process ends takes all processes with it. Those that had not returned are then made again, and those
    that may have been in work one by one, so that it shows which of them ends its process.

    Args:
        calls: by their numbers; each returns what it raises.
        processes: at least 1; with 1 the calls are made in this process.
        forget: takes back what the calls that were lost have recorded.
        tell: is told what each call returned, as soon as it has.

    Returns:
        What each call returned, by its number; a `RuntimeError` of one that ended its process.
    """
    ended: dict[int, Any] = {}
    if processes == 1:
        for number, call in calls.items():
            ended[number] = call()
            tell(ended[number])
        return ended
    while waiting := {number: call for number, call in calls.items() if number not in ended}:
        suspects = _run_together(waiting, processes, ended, tell)
        if suspects:
            forget()
        for number in suspects:
            if _run_together({number: calls[number]}, 1, ended, tell):
                forget()
                ended[number] = RuntimeError("its process was ended, by itself or for lack of memory")
    return ended


def _run_together(
    calls: Mapping[int, Call], processes: int, ended: dict[int, Any], tell: Callable[[Any], None]
) -> list[int]:
    """Add what calls return; the numbers of those that were lost and may have been in work, if a process ended."""
    from loky import ProcessPoolExecutor
    from loky.process_executor import BrokenProcessPool

    started = {"env": ONE_THREAD, "initializer": end_with, "initargs": (this_process(),)}
    with ProcessPoolExecutor(processes, **started) as executor:
        numbers = {executor.submit(call): number for number, call in calls.items()}
        try:
            for future in as_completed(numbers):
                ended[numbers[future]] = future.result()
                tell(future.result())
        except BrokenProcessPool:
            ended |= {numbers[done]: done.result() for done in numbers if done.done() and not done.exception()}
            lost = [number for number in calls if number not in ended]
            return lost[: 2 * processes + 1]  # as many as loky hands out at a time
        except BaseException:  # Ctrl-C
            for future in numbers:
                future.cancel()
            executor.shutdown(kill_workers=True)
            raise
    return []
