"""What the runs show besides who wins: time to a target, tunability, where the variance comes from, and profiles."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison import estimators
from seedsweep.metrics import TO_TARGET, Metric
from seedsweep.outcomes import STOPPED_EPOCH

MOST_SETTINGS = 50  # that are tried
RATIOS = np.geomspace(1, 10, 91)  # of a performance profile
SEARCHES = 2_000  # at random; the settings and seeds of the sweep limit how exact the result is, not this


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
    """When the runs of each group reached the target. One that ends before is censored.

    One that diverged, or stopped early, never does.

    Args:
        curves: tidy (`run`, `metric`, `step`, `epoch`, `value`).
        scored: of the runs, see `score_runs`.
        groups: see `describe_groups`.
        metric: that is to reach the target.
        target: in units of the metric; None: the median of the last values of the problem's best group.
        confidence: of the limits.

    Returns:
        A row a group and step of its Kaplan–Meier curve: `problem`, `option`, `group`, `target`, `step`, the fraction
        that has `reached` it with `low` and `high`, and the `median` step (inf if fewer than half reach it).
    """
    if metric.endswith(TO_TARGET):  # it is such a time itself
        return pd.DataFrame()
    curve = curves[curves["metric"] == metric].assign(loss=lambda frame: metric.as_loss(frame["value"]))
    scored = scored.dropna(subset="run")  # those planned and never run have none
    curve = curve.merge(scored[["run", "problem", "option", "group", "outcome"]], on="run").sort_values("step")
    stopped = curves.loc[curves["metric"] == STOPPED_EPOCH, "run"]
    frames = []
    for problem, of_problem in curve.groupby("problem", sort=False):
        goal = target if target is not None else _target(of_problem, groups[groups["problem"] == problem], metric)
        if not np.isfinite(goal):
            continue
        limit = float(metric.as_loss(pd.Series([goal])).iloc[0])
        first = of_problem[of_problem["loss"] <= limit].groupby("run")["step"].min()
        runs = scored[scored["problem"] == problem].set_index("run")[["option", "group", "outcome"]]
        last = of_problem.groupby("run")["step"].max()
        last = last.reindex(runs.index, fill_value=0)  # 0: it ended before the first point
        ended = (runs["outcome"] == "diverged") | runs.index.isin(stopped)
        runs["time"] = first.reindex(runs.index).fillna(last.mask(ended, np.inf))
        runs["reached"] = runs.index.isin(first.index)
        for (option, group), of_group in runs.groupby(["option", "group"], sort=False):
            reach = estimators.time_to_target(of_group["time"].to_numpy(), of_group["reached"].to_numpy(), confidence)
            steps = {"step": reach.time, "reached": reach.reached, "low": reach.low, "high": reach.high}
            names: dict[str, Any] = {"problem": problem, "option": option, "group": group, "target": goal}
            frames.append(pd.DataFrame(steps | names | {"median": reach.median}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _target(curve: pd.DataFrame, groups: pd.DataFrame, metric: Metric) -> float:
    """The median of the last values of the best group; nan where there is none."""
    best = leading(groups, metric)
    if best.empty:
        return np.nan
    name = best.assign(loss=metric.as_loss(best["mean"])).sort_values("loss")["group"].iloc[0]
    return float(curve[curve["group"] == name].groupby("run")["value"].last().median())


def tunability(scored: pd.DataFrame, metric: Metric, seed: int) -> pd.DataFrame:
    """What to expect of each option when some of its settings are tried at random, each with one seed.

    Args:
        scored: of the runs, see `score_runs`.
        metric: of the scores.
        seed: of the random searches.

    Returns:
        A row an option with several settings and a `budget` (settings tried): `problem`, `option`, the `expected` best
        score with `low` and `high`, see `estimators.expected_best`, and the probability that it is the `best` of the
        options with this budget, up to the one that all of them have.
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
        common = min(MOST_SETTINGS, *map(len, tables.values()))
        best = estimators.best_at_budget(list(tables.values()), common, np.random.default_rng(seed), SEARCHES)
        for (option, table), chances in zip(tables.items(), best, strict=True):
            budget = min(MOST_SETTINGS, len(table))
            expected, low, high = estimators.expected_best(table, budget, np.random.default_rng(seed), SEARCHES)
            frame = pd.DataFrame({"expected": expected, "low": low, "high": high}).apply(metric.as_loss)
            frame = frame.assign(low=frame[["low", "high"]].min(axis=1), high=frame[["low", "high"]].max(axis=1))
            frame["best"] = np.append(chances, [np.nan] * (budget - common))
            frames.append(frame.assign(problem=problem, option=option, budget=np.arange(1, budget + 1)))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def seed_shares(runs: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Which shares of the variance of a group's scores are due to initialization, data order, and both together.

    Args:
        runs: with `init_seed` and `order_seed`, else there are no shares.
        scored: of these runs, see `score_runs`.

    Returns:
        A row a group: `problem`, `group`, `init`, `order`, `interaction`; only of groups whose two seeds were swept
        against each other in all combinations, and whose runs all finished.
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
                rows.append({"problem": problem, "group": group} | estimators.variance_shares(table))
    return pd.DataFrame(rows)


def profile(times: pd.DataFrame, groups: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The performance profile of the options over several problems.

    Args:
        times: see `times_to_target`.
        groups: see `describe_groups`.
        metric: by which each option's best group is taken.

    Returns:
        A row an `option` and `ratio`: the `fraction` of the problems that it solves in at most so many times the steps
        of the fastest option, in the median over seeds. Empty where there is one problem.
    """
    if times.empty or times["problem"].nunique() < 2:
        return pd.DataFrame()
    best = leading(groups, metric)
    medians = times.drop_duplicates(["problem", "group"]).merge(best[["problem", "group"]], on=["problem", "group"])
    costs = medians.pivot(index="problem", columns="option", values="median").fillna(np.inf)
    fractions = estimators.performance_profile(costs.to_numpy(dtype=float), RATIOS)
    return pd.concat(_lines(list(costs.columns), fractions), ignore_index=True)


def _lines(options: Sequence[str], fractions: np.ndarray) -> list[pd.DataFrame]:
    """A frame of each option's line."""
    lines = zip(options, fractions, strict=True)
    return [pd.DataFrame({"option": option, "ratio": RATIOS, "fraction": line}) for option, line in lines]
