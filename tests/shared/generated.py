"""Sweeps of all shapes, made by a random number generator: what a comparison has to survive."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

OPTIONS = ("adam", "sgd", "rmsprop", "nesterov", "lion", "momentum")
RATES = (0.01, 0.1, 1.0, 10.0)


class Case(NamedTuple):
    """Runs, and what is asked of them."""

    runs: pd.DataFrame
    question: dict[str, Any]


def case(number: int) -> Case:
    """The case of a number: options, rates, seeds, outcomes, ties, scales and the question are all drawn."""
    draw = np.random.default_rng(number)
    options = list(draw.permutation(OPTIONS)[: draw.choice([2, 2, 3, 3, 4, 6])])
    problems = [str(name) for name in ("iris", "wine", "digits")[: draw.choice([1, 1, 1, 1, 2, 3])]]
    rates = RATES[: draw.choice([1, 2, 2, 3, 4])]
    metric, scale = ("val/accuracy", 1.0) if draw.random() < 0.2 else ("val/loss", 10.0 ** draw.choice([0, 0, -9, 7]))
    layout = {"seeds": int(draw.integers(1, 21)), "unequal": draw.random() < 0.3, "ragged": draw.random() < 0.3}
    frames = [_runs(draw, problem, options, rates, metric, scale, layout) for problem in problems]
    runs = pd.concat(frames, ignore_index=True)
    if draw.random() < 0.5:
        runs = _with_lost(draw, runs, metric)
    runs.insert(0, "run", [f"run{index}" for index in range(len(runs))])
    question: dict[str, Any] = {"metric": metric, "confidence": float(draw.choice([0.8, 0.95, 0.95, 0.99]))}
    question["margin"] = float(draw.choice([0, 0.01, 0.1]))
    if draw.random() < 0.25:
        question["baseline"] = options[0]
    return Case(runs, question)


def _runs(
    draw: np.random.Generator,
    problem: str,
    options: list[str],
    rates: tuple[float, ...],
    metric: str,
    scale: float,
    layout: dict[str, Any],
) -> pd.DataFrame:
    """The finished runs on one data set."""
    effect, noise, skewed = draw.choice([0, 0.02, 0.3, 2]), draw.choice([0, 0.05, 0.3]), draw.random() < 0.3
    common = draw.normal(size=40)
    digits = int(draw.choice([1, 15]))
    rows = []
    for option in options:
        for rate in rates if not layout["ragged"] else draw.permutation(rates)[: draw.integers(1, len(rates) + 1)]:
            level, first = 3 + effect * draw.normal(), 0
            count = layout["seeds"]
            if layout["unequal"]:
                first, count = int(draw.choice([0, 0, 5, 20])), int(draw.integers(1, layout["seeds"] + 1))
            for seed in range(first, first + count):
                own = draw.lognormal(sigma=1.5) if skewed else draw.normal()
                value = round(level + noise * (common[seed] + 0.5 * own), digits)
                value = 1 / (1 + np.exp(value - 3)) if metric.endswith("accuracy") else scale * value
                values = {metric: value, metric.replace("val", "test"): value + 0.01 * scale * noise * draw.normal()}
                rows.append(
                    {"data": problem, "optimizer": option, "optimizer.lr": rate, "seed": seed, "outcome": "finished"}
                    | values
                )
    return pd.DataFrame(rows)


def _with_lost(draw: np.random.Generator, runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The runs, some of which have diverged, failed, are missing or were pruned: single ones, and whole cells."""
    cells = runs.groupby(["data", "optimizer", "optimizer.lr"], sort=False).ngroup().to_numpy()
    share = np.where(draw.random(cells.max() + 1) < 0.4, draw.choice([0.05, 0.3, 1], size=cells.max() + 1), 0.0)
    outcome = draw.choice(["diverged", "diverged", "failed", "missing", "pruned"], size=cells.max() + 1)
    lost = draw.random(len(runs)) < share[cells]
    runs.loc[lost, "outcome"] = outcome[cells[lost]]
    runs.loc[lost, [metric, metric.replace("val", "test")]] = np.nan
    return runs
