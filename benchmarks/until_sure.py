"""What rounds cost: a sweep that buys its seeds, against as many runs of the same cells trained as one fleet.

    python benchmarks/until_sure.py [times]

Both from Python, recorded in stores of their own; the fastest of so many times. Results are in docs/performance.md.
"""

import os
import sys
import tempfile
import time

import tables

import seedsweep

TASKS = {
    "logistic regression, 20 epochs": (
        ("trainer.max_epochs=20",),
        {"optimizer": ["sgd", "momentum", "adam", "rmsprop"], "lr": [0.003, 0.01, 0.03, 0.1, 0.3, 1]},
    ),
    "MLP on digits, 10 epochs": (
        ("trainer.max_epochs=10", "data=digits", "model=mlp"),
        {"optimizer": ["sgd", "adam", "rmsprop"], "lr": [0.003, 0.01, 0.03, 0.1]},
    ),
    "CNN on digits, 3 epochs": (
        ("trainer.max_epochs=3", "data=digits", "model=cnn"),
        {"optimizer": ["sgd", "adam"], "lr": [0.01, 0.03, 0.1]},
    ),
}
TIMES = 3


def timed(folder: str, *words: str, **keywords: object) -> tuple[float, int]:
    """The seconds of a sweep in a new store, and its runs."""
    file = tempfile.mktemp(".db", dir=folder)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{file}"
    seedsweep.sweep("trainer.max_epochs=1", optimizer="sgd", seeds=1)  # which makes the store
    start = time.perf_counter()
    results = seedsweep.sweep(*words, **keywords)
    seconds = time.perf_counter() - start
    return seconds, len(results.runs)


def main(times: int) -> None:
    table = tables.Table(
        "task", "cells", "runs, in rounds", "ms a run", "runs, as one fleet", "ms a run", "to one fleet"
    )
    sure = ("hydra/sweeper=until_sure", "hydra.sweeper.confirm_seeds=0")
    for name, (words, grid) in TASKS.items():
        cells = len(grid["optimizer"]) * len(grid["lr"])
        with tempfile.TemporaryDirectory() as folder:
            rounds = [timed(folder, *words, *sure, **grid) for _ in range(times)]
            seeds = max(1, round(rounds[0][1] / cells))
            fleets = [timed(folder, *words, seeds=seeds, **grid) for _ in range(times)]
        (bought, runs), (at_once, count) = min(rounds), min(fleets)
        cost, floor = bought / runs * 1e3, at_once / count * 1e3
        table.row(name, cells, f"{runs:,}", f"{cost:.2f}", f"{count:,}", f"{floor:.2f}", tables.times(cost, floor))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TIMES)
