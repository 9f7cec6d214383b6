"""What the runs show besides who wins: time to a target, tunability, where the variance comes from, and profiles."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison import estimators as estimates
from seedsweep.metrics import Metric

MOST = 50  # tried settings that are looked at
RATIOS = np.geomspace(1, 10, 91)  # of a performance profile
RESAMPLES = 2_000  # of settings and seeds; what they are drawn from decides how exact the result is


def leading(groups: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The best group of each option and data set: one without diverged or pruned runs, if there is such.

    Args:
        groups: the table `Comparison.groups`.
        metric: by which they are compared.

    Returns:
        Rows of the table.
    """
    order = groups.assign(loss=metric.as_loss(groups["mean"]), stained=groups["diverged"] + groups["pruned"] > 0)
    order = order[order["finished"] > 0].sort_values(["stained", "loss"], kind="stable")
    return groups.loc[order.drop_duplicates(["problem", "option"]).index]


def times_to_target(
    curves: pd.DataFrame,
    scored: pd.DataFrame,
    groups: pd.DataFrame,
    metric: Metric,
    target: float | None,
    confidence: float,
) -> pd.DataFrame:
    """When each group reached the target: a row a step of its Kaplan–Meier curve.

    Columns: `problem`, `option`, `group`, `target`, `step`, the fraction that has `reached` it with `low` and `high`,
    and the `median` step (infinite if fewer than half reach it). The target is by default the median of the last values
    of the problem's best group. A run that ends before is censored there; one that diverged never reaches it.
    """
    curve = curves[curves["metric"] == metric].assign(loss=lambda frame: metric.as_loss(frame["value"]))
    scored = scored.dropna(subset="run")  # those planned and never run have none
    curve = curve.merge(scored[["run", "problem", "option", "group", "outcome"]], on="run").sort_values("step")
    frames = []
    for problem, of_problem in curve.groupby("problem", sort=False):
        goal = target if target is not None else _target(of_problem, groups[groups["problem"] == problem], metric)
        if not np.isfinite(goal):
            continue
        limit = float(metric.as_loss(pd.Series([goal])).iloc[0])
        first = of_problem[of_problem["loss"] <= limit].groupby("run")["step"].min()
        runs = scored[scored["problem"] == problem].set_index("run")[["option", "group", "outcome"]]
        last = (
            of_problem.groupby("run")["step"].max().reindex(runs.index, fill_value=0)
        )  # 0: it ended before the first point
        runs["time"] = first.reindex(runs.index).fillna(last.where(runs["outcome"] != "diverged", np.inf))
        runs["reached"] = runs.index.isin(first.index)
        for (option, group), of_group in runs.groupby(["option", "group"], sort=False):
            reach = estimates.time_to_target(of_group["time"].to_numpy(), of_group["reached"].to_numpy(), confidence)
            steps = {
                "step": reach.time,
                "reached": reach.reached,
                "low": reach.low,
                "high": reach.high,
            }
            about: dict[str, Any] = {"problem": problem, "option": option, "group": group, "target": goal}
            frames.append(pd.DataFrame(steps | about | {"median": reach.median}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _target(curve: pd.DataFrame, groups: pd.DataFrame, metric: Metric) -> float:
    best = leading(groups, metric)
    if best.empty:
        return np.nan
    name = best.assign(loss=metric.as_loss(best["mean"])).sort_values("loss")["group"].iloc[0]
    return float(curve[curve["group"] == name].groupby("run")["value"].last().median())


def tunability(scored: pd.DataFrame, metric: Metric, seed: int) -> pd.DataFrame:
    """What to expect of each option when a number of its settings are tried, each with one seed.

    Columns: `problem`, `option`, `budget` (settings tried), the `expected` best score with `low` and `high`, and the
    probability that it is the `best` of the options with this budget, up to that which all have. Only options with more
    than one setting are in it.
    """
    frames = []
    for problem, of_problem in scored.groupby("problem", sort=False):
        loss = of_problem.assign(loss=metric.as_loss(of_problem["score"]))
        tables = {
            option: of_option.pivot(index="setting", columns="seed", values="loss").dropna(how="all").to_numpy()
            for option, of_option in loss.groupby("option", sort=False)
        }
        tables = {option: table for option, table in tables.items() if len(table) > 1}
        if not tables:
            continue
        common = min(MOST, *map(len, tables.values()))
        best = estimates.best_at_budget(list(tables.values()), common, np.random.default_rng(seed), RESAMPLES)
        for (option, table), chances in zip(tables.items(), best, strict=True):
            budget = min(MOST, len(table))
            expected, low, high = estimates.expected_best(table, budget, np.random.default_rng(seed), RESAMPLES)
            frame = pd.DataFrame({"expected": expected, "low": low, "high": high}).apply(metric.as_loss)
            frame = frame.assign(low=frame[["low", "high"]].min(axis=1), high=frame[["low", "high"]].max(axis=1))
            frame["best"] = np.append(chances, [np.nan] * (budget - common))
            frames.append(frame.assign(problem=problem, option=option, budget=np.arange(1, budget + 1)))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def seed_shares(runs: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Of each group the shares of variance of the score due to initialization, data order, and both together.

    Columns: `problem`, `group`, `init`, `order`, `interaction`. Only groups whose two seeds were swept against each
    other, every one with every other, and whose runs all finished, are in it.
    """
    rows = []
    if {"init_seed", "order_seed"} <= set(runs):
        seeds = scored.assign(init=runs["init_seed"], order=runs["order_seed"])
        for (problem, group), of_group in seeds.groupby(["problem", "group"], sort=False):
            crossed = of_group["init"].nunique() > 1 and of_group["order"].nunique() > 1
            if not crossed or len(of_group) != of_group["init"].nunique() * of_group["order"].nunique():
                continue
            table = of_group.pivot(index="init", columns="order", values="score").to_numpy(dtype=float)
            if np.isfinite(table).all():
                rows.append({"problem": problem, "group": group} | estimates.variance_shares(table))
    return pd.DataFrame(rows)


def profile(times: pd.DataFrame, groups: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The performance profile of the options over several problems: the `fraction` of them that an `option` solves in
    at most `ratio` times the steps of the fastest, in the median over seeds, each option by its best group."""
    if times.empty or times["problem"].nunique() < 2:
        return pd.DataFrame()
    best = leading(groups, metric)
    medians = times.drop_duplicates(["problem", "group"]).merge(best[["problem", "group"]], on=["problem", "group"])
    costs = medians.pivot(index="problem", columns="option", values="median").fillna(np.inf)
    fractions = estimates.performance_profile(costs.to_numpy(dtype=float), RATIOS)
    return pd.concat(_lines(list(costs.columns), fractions), ignore_index=True)


def _lines(options: Sequence[str], fractions: np.ndarray) -> list[pd.DataFrame]:
    lines = zip(options, fractions, strict=True)
    return [pd.DataFrame({"option": option, "ratio": RATIOS, "fraction": line}) for option, line in lines]
