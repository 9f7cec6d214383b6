"""What is plotted of groups and their runs: by learning rate, over the seeds, against each other."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from seedsweep.comparison.groups import UNKNOWN
from seedsweep.comparison.intervals import mean
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.question import BEST
from seedsweep.report.figures.panel import Panel

POINTS = 8_000  # runs that are plotted one by one; more are counted
BINS = 60
NO_PARAMS = ("run", "problem", "option", "setting", "group", "seed", "outcome", "score")  # columns of the runs' table
MEAN = ["mean", "mean_low", "mean_high"]
COUNTS = ["planned", "finished", "diverged", "pruned"]
SOURCES = {"init": "initialization", "order": "data order", "interaction": "both together"}


class Rates(NamedTuple):
    """The groups by learning rate `x`; without a `rate`, its name, `x` is the setting.

    `rest` in the table is an index into `rests`, the settings without their rate; `top` is 1 for the best of these at
    each rate of an option, `best` for the best group of an option.
    """

    table: pd.DataFrame
    rate: str | None
    rests: list[str]


def by_rate(panel: Panel) -> Rates | None:
    """The means of the groups; None where there is only one rate or setting."""
    columns = ["group", "option", "setting", "position", "best", *COUNTS, *MEAN]
    groups = panel.groups[columns].assign(rest=0, top=1)
    runs = panel.comparison.runs
    rate = _rate(runs)
    rates = runs[runs["problem"] == panel.problem].drop_duplicates("group").set_index("group").get(rate)
    if rates is None or rates.isna().any() or rates.nunique() < 2:
        groups = groups.assign(x=groups["setting"].where(groups["setting"] != "", "–"))
        return Rates(groups, None, [""]) if groups["x"].nunique() > 1 else None
    groups = groups.assign(x=groups["group"].map(rates))
    names = groups["setting"].str.split(" ").map(_without_rate)
    rests = list(dict.fromkeys(names))
    order = groups.assign(loss=panel.metric.as_loss(groups["mean"]), lost=groups["diverged"] + groups["pruned"] > 0)
    top = order.sort_values(["lost", "loss"], kind="stable").drop_duplicates(["option", "x"]).index
    groups = groups.assign(rest=names.map(rests.index), top=groups.index.isin(top).astype(int))
    return Rates(groups, rate, rests)


class Measured(NamedTuple):
    """The groups with their means of each of several metrics: `metric` in the table is an index into `metrics`."""

    table: pd.DataFrame
    metrics: list[str]


def by_metric(panel: Panel, groups: pd.DataFrame) -> Measured:
    """The means of groups of the metric in question, and of those that were measured on test rows.

    Args:
        panel: that the groups are of.
        groups: with the means of the metric in question, as `by_rate` gives them.

    Returns:
        A row a group and metric; groups none of whose runs has a metric have no mean of it.
    """
    comparison, tables = panel.comparison, [groups.assign(metric=0)]
    runs = panel.of(comparison.runs.join(comparison.tested))
    finished = runs[runs["outcome"] == "finished"]
    for index, name in enumerate(map(str, comparison.tested), 1):
        values = finished.dropna(subset=name).groupby(["group", "replicate"])[name].mean()  # independent of each other
        means = {
            group: mean(of_group.to_numpy(dtype=float), comparison.question.confidence)
            for group, of_group in values.groupby("group")
        }
        limits = [means.get(group, UNKNOWN) for group in groups["group"]]
        tables.append(groups.assign(metric=index, **dict(zip(MEAN, zip(*limits, strict=True), strict=True))))
    metrics = [str(panel.metric), *map(str, comparison.tested)]
    return Measured(pd.concat(tables, ignore_index=True), metrics)


def _rate(runs: pd.DataFrame) -> str | None:
    """The param that is the learning rate, if it was swept."""
    swept = [name for name in map(str, runs) if name not in NO_PARAMS]
    rates = [name for name in swept if name.rpartition(".")[2] == "lr" and pd.api.types.is_numeric_dtype(runs[name])]
    return rates[0] if rates else None


def _without_rate(params: list[str]) -> str:
    return " ".join(param for param in params if not param.startswith("lr="))


class SeedScores(NamedTuple):
    """The scores of the runs that finished, one by one with a `jitter` between 0 and 1.

    Where they are too many, `is_counted` is true, and the table has their exact `count` in bins from `score` to `end`.
    `centres` has a row a group.
    """

    table: pd.DataFrame
    is_counted: bool
    centres: pd.DataFrame


def seed_scores(panel: Panel) -> SeedScores | None:
    """None where no run finished."""
    runs = panel.of(panel.comparison.runs)
    runs = runs[runs["outcome"] == "finished"].dropna(subset="score")
    if runs.empty:
        return None
    groups = panel.groups[["option", "position", "best", "median", "mean", "diverged"]]
    centres = groups.assign(label=groups["diverged"].astype(str) + f" {panel.metric.lost}")
    if len(runs) > POINTS:
        return SeedScores(_counted(runs), True, centres)
    jitter = np.random.default_rng(0).random(len(runs))
    points = runs.assign(jitter=jitter)[["option", "position", "best", "score", "seed", "jitter"]]
    return SeedScores(points, False, centres)


def _counted(runs: pd.DataFrame) -> pd.DataFrame:
    edges = np.linspace(runs["score"].min(), runs["score"].max(), BINS + 1)
    bins = np.clip(np.digitize(runs["score"], edges) - 1, 0, BINS - 1)
    counted = runs.assign(bin=bins).groupby(["option", "position", "best", "bin"], as_index=False).size()
    counted = counted.assign(score=edges[counted["bin"]], end=edges[counted["bin"] + 1])
    return counted.rename(columns={"size": "count"}).drop(columns="bin")


class Differences(NamedTuple):
    """How far each option is from the leader (the baseline, or the first one), in units of the metric.

    The table has `pair`, `difference` with its interval, the `adjusted` p-value, the `probability` to be better on a
    seed, and `apart` (1 if told apart), the nearest to the leader first; `position` is an index into the lists, which
    say for each pairwise comparison what it measures, at which setting, and its name.
    """

    table: pd.DataFrame
    titles: list[str]
    settings: list[str]
    names: list[str]
    is_maximized: bool


def differences(panel: Panel, question: str) -> Differences | None:
    """The pairwise comparisons that answer one of the two questions; None where there are none."""
    answers = panel.comparison.best if question == BEST else panel.comparison.same
    answers = [pairwise for pairwise in answers if pairwise.problem == panel.problem]
    leaders = [panel.comparison.question.baseline or str(pairwise.table["option"].iloc[0]) for pairwise in answers]
    rows = [
        {"position": position} | row
        for position, (pairwise, leader) in enumerate(zip(answers, leaders, strict=True))
        for row in _from_leader(pairwise, leader)
    ]
    if not rows:
        return None
    table = pd.DataFrame(rows).sort_values(["position", "order"], kind="stable").dropna(subset="difference")
    if table.empty:
        return None
    titles = [
        f"difference in {pairwise.metric} from {leader}" for pairwise, leader in zip(answers, leaders, strict=True)
    ]
    settings, names = [_setting(pairwise) for pairwise in answers], [pairwise.name or "–" for pairwise in answers]
    return Differences(table, titles, settings, names, answers[0].metric.is_maximized)


def _from_leader(pairwise: PairwiseComparison, leader: str) -> list[dict[str, Any]]:
    rows = []
    for row in pairwise.pairs.to_dict("records"):
        if leader not in (row["better"], row["worse"]):
            continue
        follower, worse = (row["worse"], 1) if row["better"] == leader else (row["better"], -1)
        sign = -worse if pairwise.metric.is_maximized else worse
        low, high = sorted((sign * row["low"], sign * row["high"]))
        chance = 1 - row["probability"] if worse > 0 else row["probability"]
        values = {"difference": sign * row["difference"], "low": low, "high": high, "adjusted": row["adjusted"]}
        about = {"pair": f"{follower} vs {leader}", "order": worse * row["difference"]}
        rows.append(about | values | {"probability": chance, "seeds": row["seeds"], "apart": int(row["apart"])})
    return rows


def _setting(pairwise: PairwiseComparison) -> str:
    """What the options of a pairwise comparison have in common, at the end of a title."""
    return f", {BEST}" if pairwise.name == BEST else f", at {pairwise.name}" if pairwise.name else ""


def variance_shares(panel: Panel) -> pd.DataFrame | None:
    """The share of each `source` in the variance of a group, a row each; None where only one seed was swept."""
    shares = panel.of(panel.comparison.shares)
    if shares.empty:
        return None
    table = shares.melt(["option", "position", "best"], list(SOURCES), "source", "share")
    return table.assign(source=table["source"].map(SOURCES), rank=table["source"].map(list(SOURCES).index))
