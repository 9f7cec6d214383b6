"""Trainings as they travel from a worker to who records them: small, exact, and made of nothing but bytes and names."""

import pickle
import traceback
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seedsweep.errors import masked
from seedsweep.outcomes import Column, FleetResult, Point, RunResult

LEVEL = 1  # of compression: the next one takes twice the time for a hundredth


@dataclass(frozen=True, repr=False)
class Packed:
    """Something that travels; its `repr`, which logs may show, tells nothing of what is in it."""

    content: bytes

    @classmethod
    def of(cls, value: Any) -> "Packed":
        """What is plain, an array, or a class that both sides can import."""
        return cls(zlib.compress(pickle.dumps(value, pickle.HIGHEST_PROTOCOL), LEVEL))

    def unpack(self) -> Any:
        """What was packed."""
        return pickle.loads(zlib.decompress(self.content))  # noqa: S301  of our own workers

    def __repr__(self) -> str:
        return f"<{len(self.content)} bytes>"


@dataclass(frozen=True)
class TrainedFleet:
    """The training of a fleet of jobs, which began then (milliseconds since 1970); `weights` are safetensors."""

    jobs: Sequence[int]
    start: int
    outcomes: Sequence[str]
    columns: Sequence[tuple[Any, ...]]
    weights: bytes

    @classmethod
    def of(cls, jobs: Sequence[int], start: int, result: FleetResult) -> "TrainedFleet":
        """Args: `jobs` are the members' indices among those that were given to the worker."""
        from safetensors.torch import save

        columns = [_pack_column(column, len(result.outcomes)) for column in result.columns]
        return cls(jobs, start, result.outcomes, columns, save(dict(result.weights)))

    def result(self) -> FleetResult:
        """The training, as the fleet gave it."""
        from safetensors.torch import load

        everybody = np.arange(len(self.outcomes))
        columns = [_unpack_column(column, everybody) for column in self.columns]
        return FleetResult(list(self.outcomes), columns, load(self.weights))  # type: ignore[arg-type]


def _pack_column(column: Column, members: int) -> tuple[Any, ...]:
    """Without the members if it is of all of them, and with values of 32 bits where these are the same."""
    narrow = column.values.astype(np.float32)
    with np.errstate(invalid="ignore"):
        is_exact = np.array_equal(narrow.astype(np.float64), column.values, equal_nan=True)
    chosen = None if len(column.members) == members else column.members.astype(np.int32)
    return (*column[:4], chosen, narrow if is_exact else column.values)


def _unpack_column(packed: tuple[Any, ...], everybody: np.ndarray) -> Column:
    metric, step, epoch, time, members, values = packed
    chosen = everybody if members is None else members.astype(np.int64)
    return Column(metric, step, epoch, time, chosen, values.astype(np.float64))


@dataclass(frozen=True)
class TrainedRun:
    """The training of one job, which began then: its points with their times, and its result or what it raised."""

    job: int
    start: int
    points: Sequence[tuple[Point, int]]
    outcome: str | None
    weights: bytes
    error: "Failure | None" = None

    @classmethod
    def of(cls, job: int, start: int, points: Sequence[tuple[Point, int]], result: RunResult) -> "TrainedRun":
        """Args: `job` is the index among those that were given to the worker."""
        from safetensors.torch import save

        tensors = {name: tensor.contiguous() for name, tensor in result.weights.items()}
        return cls(job, start, points, result.outcome, save(tensors) if tensors else b"")

    def result(self) -> RunResult:
        """The training, without the points, which have times of their own."""
        from safetensors.torch import load

        return RunResult(self.outcome, [], load(self.weights) if self.weights else {})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Failure:
    """What a training raised: an error that can be raised again, and its traceback, without passwords."""

    error: Exception
    text: str

    @classmethod
    def of(cls, error: Exception) -> "Failure":
        """Args: `error` was caught, and is sent as its words alone if it cannot be sent as it is."""
        text = masked("".join(traceback.format_exception(error)))
        return cls(that_travels(error), text)

    def again(self) -> Exception:
        """The error, whose cause shows where it was raised."""
        self.error.__cause__ = WorkerError(f"\n{self.text}")
        return self.error


class WorkerError(Exception):
    """Where a training raised its error: the traceback of another process."""


def that_travels(error: Exception) -> Exception:
    """An error as it can be sent to another process.

    Args:
        error: anything that was raised.

    Returns:
        The error, or one with its words.
    """
    try:
        again = pickle.loads(pickle.dumps(error))  # noqa: S301  of our own
    except Exception:
        return RuntimeError(masked(f"{type(error).__name__}: {error}"))
    return error if isinstance(again, Exception) else RuntimeError(masked(str(error)))
