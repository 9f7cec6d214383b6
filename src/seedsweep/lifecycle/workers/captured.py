"""What a worker does in place of recording: its trainings are kept, and sent to its parent when their chunk is over."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seedsweep.config.composing import Composed
from seedsweep.lifecycle.workers.packing import Failure, TrainedFleet, TrainedRun
from seedsweep.outcomes import Column, FleetResult, Point, RunResult
from seedsweep.problem.factories import Data


def _now() -> int:
    return int(time.time() * 1000)


class Captured:
    """Keeps the trainings of jobs, which are known by their indices in the chunk.

    Args:
        jobs: of the chunk.
    """

    def __init__(self, jobs: Sequence[Composed]):
        self.trained: list[TrainedFleet | TrainedRun] = []
        self._indices = {id(job): index for index, job in enumerate(jobs)}

    def fleet(self, jobs: Sequence[Composed], splits: Data) -> "CapturedFleet":
        return CapturedFleet(self, [self._indices[id(job)] for job in jobs])

    def run(self, job: Composed, splits: Data) -> "CapturedRun":
        return CapturedRun(self, self._indices[id(job)])


class CapturedFleet:
    """A fleet in training; nothing stays of one that fails, since its members are trained again."""

    def __init__(self, keeper: Captured, jobs: Sequence[int]):
        self._keeper, self._jobs, self._start = keeper, jobs, _now()

    def __enter__(self) -> "CapturedFleet":
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def publish(self, columns: Sequence[Column]) -> None:
        """The result has them, too."""

    def finish(self, result: FleetResult, describe: Mapping[str, str]) -> None:
        self._keeper.trained.append(TrainedFleet.of(self._jobs, self._start, result))


class CapturedRun:
    """A run in training; one that raises is a failure to be recorded."""

    def __init__(self, keeper: Captured, job: int):
        self._keeper, self._job, self._start = keeper, job, _now()
        self._points: list[tuple[Point, int]] = []

    def __enter__(self) -> "CapturedRun":
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception):
            failed = TrainedRun(self._job, self._start, self._points, None, b"", Failure.of(error))
            self._keeper.trained.append(failed)

    def publish(self, points: Iterable[Point]) -> None:
        now = _now()
        self._points += [(point, now) for point in points]

    def finish(self, result: RunResult, describe: Mapping[str, str]) -> None:
        self._keeper.trained.append(TrainedRun.of(self._job, self._start, self._points, result))
