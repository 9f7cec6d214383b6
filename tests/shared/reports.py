"""What a report is made of, by hand: the runs and curves of a sweep, and the tables of a search."""

import math
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.report.figures.layers import Chart

EVIL = ("<script>alert(1)</script>", "</script>\"'\\ ${x} & {{ y }}", "<img src=x onerror=alert(2)>")  # names
MOMENTUM = "optimizer.momentum"


def swept(
    options: tuple[str, ...] = ("sgd", "adam", "adagrad"),
    rates: tuple[float, ...] = (0.01, 0.1, 1.0),
    seeds: int = 8,
    diverged: bool = True,
    problems: tuple[str, ...] = ("wine",),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs and curves as `load_runs` and `load_curves` give them, with curves that are known."""
    draw, runs, curves = np.random.default_rng(0), [], []
    names = [(p, o, r, s) for p in problems for o in options for r in rates for s in range(seeds)]
    for position, (problem, option, rate, seed) in enumerate(names):
        lost = diverged and rate == max(rates) and option == options[0] and seed % 2 == 0
        best = 0.2 + 0.1 * abs(np.log10(rate) + 1 + 0.3 * options.index(option)) + 0.02 * draw.normal()
        values = [best + np.exp(-epoch) for epoch in range(5)]
        about = {"run": f"{position:032x}", "data": problem, "optimizer": option, "optimizer.lr": rate, "seed": seed}
        ends = {"val/loss": np.nan if lost else values[-1], "test/loss": np.nan if lost else values[-1] + 0.01}
        runs.append(about | {"outcome": "diverged" if lost else "finished"} | ends)
        for metric in ("train/loss", "val/loss", "train/suboptimality"):
            points = values[: 2 if lost else 5]
            curves += [(about["run"], metric, 20 * (epoch + 1), epoch, value) for epoch, value in enumerate(points)]
    return pd.DataFrame(runs), pd.DataFrame(curves, columns=["run", "metric", "step", "epoch", "value"])


def searched(options: tuple[str, ...] = ("sgd", "adam"), studies: int = 2) -> list[pd.DataFrame]:
    """Trials, their best on fresh seeds, and importances; the last option searches two params."""
    draw = np.random.default_rng(0)
    trials, confirmed, importances = [], [], []
    for option in options:
        for study in (f"a long name | {option} | study {position}" for position in range(studies)):
            names = {"study": study, "option": option}
            rows: list[dict[str, Any]] = []
            for trial, value in enumerate([0.5, math.inf, math.nan, 0.3, 0.4, 1e9, math.nan, 0.2, 0.6, 0.25, 0.7]):
                state = {2: "failed", 6: "running", 8: "pruned"}.get(trial, "finished")
                row = names | {"number": trial, "state": state, "value": value, "group": ""}
                rows.append(row | {"optimizer.lr": 10 ** draw.uniform(-4, 0)})
                rows[-1] |= {MOMENTUM: draw.uniform()} if option == options[-1] else {}
            trials += rows
            for rank, trial in enumerate((7, 9), start=1):
                about = names | {"number": trial, "rank": rank, "setting": "lr=…", "searched": rows[trial]["value"]}
                confirmed += [about | {"seed": seed, "value": 0.2 + 0.1 * rank + seed / 100} for seed in (5, 6, 7)]
        if option == options[-1]:
            importances += [names | {"param": "optimizer.lr", "importance": 0.9}]
            importances += [names | {"param": MOMENTUM, "importance": 0.1}]
    return [pd.DataFrame(rows) for rows in (trials, confirmed, importances)]


def spec(chart: Chart) -> dict[str, Any]:
    """The specification of a chart; raises if the schema of Vega-Lite forbids it."""
    return dict(chart.to_dict())


def tables(chart: Chart) -> list[pd.DataFrame]:
    """The data of a chart."""
    return [pd.read_csv(StringIO(text)) for text in spec(chart)["datasets"].values()]
