"""Runs as others record them, in tables whose columns have other names than ours."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.comparison.question import Question
from seedsweep.sources.files import runs_of_files
from seedsweep.sources.prepared import Prepared, prepared
from seedsweep.sources.recorded_runs import Named

LEVELS = {"adam": 0.3, "sgd": 0.4}


def results(seeds: int = 8, rates: tuple[float, ...] = (0.01, 0.1)) -> pd.DataFrame:
    """A row a run of two optimizers, adam being the better one at each rate."""
    generator = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "optim": optimizer,
            "lr": rate,
            "random_state": seed,
            "loss": level + rate / 10 + 0.02 * generator.normal(),
            "accuracy": 1 - level + 0.02 * generator.normal(),
        }
        for optimizer, level in LEVELS.items()
        for rate in rates
        for seed in range(seeds)
    )


def points(runs: pd.DataFrame, epochs: int = 3) -> pd.DataFrame:
    """The same runs with a row an epoch, whose last loss is theirs."""
    late = [runs.assign(epoch=epoch, loss=runs["loss"] + 0.1 * (epochs - 1 - epoch)) for epoch in range(epochs)]
    return pd.concat(late, ignore_index=True).drop(columns="accuracy")


def prepare(path: Any, query: str | None = None, seeds: Any = None, **question: Any) -> Prepared:
    """What the command makes of a file or a folder."""
    asked = {"metric": Question.metric} | question
    at = tuple(question["at"]) if "at" in question else None
    named = Named(asked["metric"], question.get("by"), at, tuple(seeds) if seeds else None)
    return prepared(runs_of_files(path, named), asked, named, query)


def answer(path: Any, **question: Any) -> Comparison:
    """The comparison of a file or a folder."""
    ready = prepare(path, **question)
    return compare(ready.runs, ready.curves, **ready.question)


def written(table: pd.DataFrame, folder: Path, name: str = "results.csv", **options: Any) -> str:
    """The path of a CSV file with that table."""
    table.to_csv(folder / name, **{"index": False} | options)
    return str(folder / name)
