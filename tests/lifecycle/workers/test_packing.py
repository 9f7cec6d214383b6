"""What comes back from a worker is what it trained, to the bit."""

import pickle

import numpy as np
import torch

from seedsweep.errors import ConfigError
from seedsweep.lifecycle.workers.packing import Failure, Packed, TrainedFleet, TrainedRun, that_travels
from seedsweep.outcomes import Column, FleetResult, Point, RunResult

EVERYBODY, SOME = np.arange(3), np.array([0, 2])
VALUES = np.array([0.1, np.nan, np.inf])
COLUMNS = [
    Column("train/loss", 7, 0, 123, EVERYBODY, VALUES),
    Column("train/loss", 8, 0, 124, EVERYBODY, VALUES.astype(np.float32).astype(np.float64)),
    Column("val/loss", 8, 0, 125, SOME, np.array([1e-300, -0.0])),
]


def test_a_fleet_comes_back_to_the_bit() -> None:
    weights = {"weight": torch.randn(3, 2, 4), "count": torch.arange(3), "half": torch.randn(3).to(torch.bfloat16)}
    result = FleetResult(["finished", "diverged", "finished"], COLUMNS, weights)
    training = Packed.of(TrainedFleet.of([4, 5, 6], 99, result)).unpack()
    again = training.result()
    assert (training.start, training.jobs) == (99, [4, 5, 6])
    assert again.outcomes == result.outcomes
    for one, other in zip(again.columns, COLUMNS, strict=True):
        assert one[:4] == other[:4]
        assert one.members.tolist() == other.members.tolist()
        assert one.members.dtype == np.int64
        assert one.values.tobytes() == other.values.tobytes()
    assert all(torch.equal(again.weights[name], tensor) for name, tensor in weights.items())


def test_a_run_comes_back_with_the_times_of_its_points() -> None:
    result = RunResult("finished", [], {"weight": torch.randn(2, 4).T})
    points = [(Point("val/loss", 3, 0, 0.1), 1234)]
    training = pickle.loads(pickle.dumps(TrainedRun.of(2, 99, points, result)))
    assert (training.job, training.start, training.points) == (2, 99, points)
    assert torch.equal(training.result().weights["weight"], result.weights["weight"])


class UnspeakableError(Exception):
    """It cannot be made again from its arguments."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


def test_an_error_comes_back_with_where_it_was_raised_and_without_passwords() -> None:
    try:
        raise ConfigError("tracking.uri", "postgresql://me:s3cret@host/db", "is out of reach")
    except ConfigError as error:
        failure = Packed.of(Failure.of(error)).unpack()
    assert isinstance(failure.again(), ConfigError)
    assert "test_packing.py" in str(failure.again().__cause__)
    assert "s3cret" not in f"{failure.again().__cause__}{failure.again()!s}"
    assert str(that_travels(UnspeakableError(1, 2))).endswith("1 and 2")  # Dask has taught pickle to take it as it is


def test_what_is_packed_shows_nothing_of_itself() -> None:
    assert "s3cret" not in repr(Packed.of("s3cret"))
