"""What the figures draw: of each problem small tables, each as one text that a chart holds."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from seedsweep.comparison.analyses import leading
from seedsweep.comparison.compare import Comparison
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.metrics import Metric

BANDS = 20_000  # points of mean curves in one figure
LINES = 15_000  # points of single runs' curves in one figure
POINTS = 8_000  # runs that are drawn one by one; more are counted
BINS = 60
KNOWN = ("run", "problem", "option", "setting", "group", "seed", "outcome", "score")  # of the table of runs


@dataclass(frozen=True)
class Panel:
    """What was found of one problem.

    `options` are in the order of the sweep and the same in all problems, so that a colour means the same everywhere;
    `settings` are named in the tables by their `position` in this list. `groups` has `position`, `best` (1 for each
    option's best group) and `per_epoch`, the steps of an epoch.
    """

    comparison: Comparison
    problem: str
    options: list[str]
    settings: list[str]
    groups: pd.DataFrame

    @property
    def metric(self) -> Metric:
        return self.comparison.question.measure

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of this problem, with the columns of `groups` that tell which are shown."""
        if "problem" not in frame:
            return frame
        own = frame[frame["problem"] == self.problem].drop(columns=["option", "position", "best"], errors="ignore")
        return own.merge(self.groups[["group", "option", "position", "best", "per_epoch"]], on="group")


def parts(comparison: Comparison) -> list[Panel]:
    """The problems of a comparison, in the order of its runs."""
    options = list(dict.fromkeys(comparison.runs["option"]))
    best = _best(comparison)
    pace = _per_epoch(comparison.bands)
    panels = []
    for problem in dict.fromkeys(map(str, comparison.groups["problem"])):
        groups = comparison.groups[comparison.groups["problem"] == problem]
        settings = list(dict.fromkeys(groups["setting"]))
        names = [(problem, group) for group in groups["group"]]
        groups = groups.assign(
            position=groups["setting"].map(settings.index),
            best=[int(name in best) for name in names],
            per_epoch=[pace.get(name, math.nan) for name in names],
        )
        panels.append(Panel(comparison, problem, options, settings, groups))
    return panels


def _best(comparison: Comparison) -> set[tuple[str, str]]:
    """Problem and group of each option's best setting: that of the pairwise comparison where it chose one alone."""
    best = leading(comparison.groups, comparison.question.measure)
    best_groups = {(row.problem, row.option): row.group for row in best.itertuples()}
    group_names = set(comparison.groups["group"])
    for pairwise in comparison.best:
        for row in pairwise.table.itertuples():
            if (group := f"{row.option} {row.setting}".strip()) in group_names:
                best_groups[pairwise.problem, row.option] = group
    lost = comparison.groups.drop_duplicates(["problem", "option"])  # of options without any run that finished
    for row in lost.itertuples():
        best_groups.setdefault((row.problem, row.option), row.group)
    return {(str(problem), str(group)) for (problem, _), group in best_groups.items()}


def _per_epoch(bands: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The steps of an epoch, by problem and group: what is measured at the end of an epoch tells."""
    if bands.empty:
        return {}
    pace = (
        bands.assign(pace=bands["step"] / (bands["epoch"] + 1))
        .groupby(["problem", "group"], as_index=False)["pace"]
        .max()
    )
    names = zip(pace["problem"], pace["group"], strict=True)
    return dict(zip(names, pace["pace"].clip(lower=1.0), strict=True))


def as_text(frame: pd.DataFrame) -> str:
    """The table as CSV with six digits; what is not finite is left empty."""
    return frame.replace([math.inf, -math.inf], math.nan).to_csv(index=False, float_format="%.6g", lineterminator="\n")


def mean_curves(panel: Panel, metrics: list[str]) -> tuple[pd.DataFrame, str]:
    """The bands of these metrics, `metric` as a place in that list; only those of the best groups if they are many."""
    bands = panel.comparison.bands
    frame = panel.of(bands[bands["metric"].isin(metrics)])
    note = ""
    if len(frame) > BANDS:
        frame = frame[frame["best"] == 1]
        note = f" Only the best setting of each {panel.comparison.question.by} is drawn, of {len(panel.settings)}."
    return _curves(frame, metrics, ["mean", "low", "high", "n"]), note


def seed_curves(panel: Panel, metrics: list[str]) -> tuple[pd.DataFrame, str]:
    """The curves of single runs, all points of each: of as many as can be drawn, and a sentence that says of which."""
    runs = panel.comparison.runs.loc[panel.comparison.runs["problem"] == panel.problem, ["run", "problem", "group"]]
    curves = panel.comparison.curves
    own = panel.of(curves[curves["metric"].isin(metrics)].merge(runs, on="run"))
    if own.empty:
        return own, ""
    total, main, note_of_all = own["run"].nunique(), own["metric"] == metrics[0], "“Every seed” draws {} runs"
    best = f"{note_of_all}, those at the best setting of each {panel.comparison.question.by}, of {metrics[0]} only."
    choices = [
        (own, f"{note_of_all}."),
        (own[main], f"{note_of_all}, of {metrics[0]} only."),
        (own[main & (own["best"] == 1)], best),
    ]
    for plotted, note in choices:
        if 0 < len(plotted) <= LINES:
            plotted = plotted.assign(line=pd.factorize(plotted["run"])[0])
            number = plotted["run"].nunique()
            which = f"{number:,} of {total:,}" if number < total else f"all {total:,}"
            return _curves(plotted, metrics, ["value", "line"]), " " + note.format(which)
    return own.iloc[:0], f" Single runs are not drawn: their {len(choices[-1][0]):,} points are too many for this page."


def _curves(frame: pd.DataFrame, metrics: list[str], values: list[str]) -> pd.DataFrame:
    positions = {name: position for position, name in enumerate(metrics)}
    frame = frame.assign(metric=frame["metric"].map(positions), epoch=frame["step"] / frame["per_epoch"])
    return frame[["option", "position", "best", "metric", "step", "epoch", *values]]


class Rates(NamedTuple):
    """The groups by learning rate: `x`, and `others`, the place of the rest of their setting in that list; `top` is 1
    for the best of these at each rate of an option. Without a `rate`, its name, `x` is the setting."""

    table: pd.DataFrame
    rate: str | None
    others: list[str]


def by_rate(panel: Panel) -> Rates:
    runs = panel.comparison.runs
    swept = [name for name in map(str, runs) if name not in KNOWN]
    rates = [name for name in swept if name.rsplit(".", 1)[-1] == "lr" and pd.api.types.is_numeric_dtype(runs[name])]
    own = runs[runs["problem"] == panel.problem].drop_duplicates("group").set_index("group")
    columns = [
        "option",
        "setting",
        "position",
        "planned",
        "finished",
        "diverged",
        "pruned",
        "mean",
        "mean_low",
        "mean_high",
    ]
    groups = panel.groups[["group", *columns]].assign(others=0, top=1)
    if not rates or own[rates[0]].isna().any() or own[rates[0]].nunique() < 2:
        return Rates(groups.assign(x=groups["setting"].where(groups["setting"] != "", "–")), None, [""])
    groups = groups.assign(x=groups["group"].map(own[rates[0]]))
    names = groups["setting"].str.split(" ").map(lambda words: " ".join(p for p in words if not p.startswith("lr=")))
    others = list(dict.fromkeys(names))
    order = groups.assign(loss=panel.metric.as_loss(groups["mean"]), lost=groups["diverged"] + groups["pruned"] > 0)
    top = order.sort_values(["lost", "loss"], kind="stable").drop_duplicates(["option", "x"]).index
    return Rates(
        groups.assign(others=names.map(others.index), top=groups.index.isin(top).astype(int)), rates[0], others
    )


def seed_points(panel: Panel) -> tuple[pd.DataFrame, bool]:
    """The scores of the runs that finished, one by one with a `jitter` between 0 and 1, or, where they are too many,
    their exact `count` in bins from `score` to `end`; and whether they are counted."""
    runs = panel.of(panel.comparison.runs)
    runs = runs[runs["outcome"] == "finished"].dropna(subset="score")
    if len(runs) <= POINTS:
        jitter = np.random.default_rng(0).random(len(runs))
        return runs.assign(jitter=jitter)[["option", "position", "best", "score", "seed", "jitter"]], False
    edges = np.linspace(runs["score"].min(), runs["score"].max(), BINS + 1)
    bins = np.clip(np.digitize(runs["score"], edges) - 1, 0, BINS - 1)
    counted = runs.assign(bin=bins).groupby(["option", "position", "best", "bin"], as_index=False).size()
    counted = counted.assign(score=edges[counted["bin"]], end=edges[counted["bin"] + 1])
    return counted.rename(columns={"size": "count"}).drop(columns="bin"), True


def first(pairwise: PairwiseComparison, baseline: str | None) -> str:
    """With whom the others are compared: the baseline, or who has the best values."""
    return baseline or str(pairwise.table["option"].iloc[0])


def against_first(pairwise_comparisons: list[PairwiseComparison], baseline: str | None) -> pd.DataFrame:
    """How far each option is from the first one, or the baseline, in units of the metric: `pair`, `difference`,
    `low`, `high`, `adjusted`, `probability` that it is better on a seed, `apart` (1 if told apart), and `position` of
    the pairwise comparison; the nearest to the best first."""
    rows: list[dict[str, Any]] = []
    for position, pairwise in enumerate(pairwise_comparisons):
        leader = first(pairwise, baseline)
        for row in pairwise.pairs.to_dict("records"):
            if leader not in (row["better"], row["worse"]):
                continue
            other, worse = (row["worse"], 1) if row["better"] == leader else (row["better"], -1)
            sign = -worse if pairwise.metric.is_maximized else worse
            low, high = sorted((sign * row["low"], sign * row["high"]))
            chance = 1 - row["probability"] if worse > 0 else row["probability"]
            values = {"difference": sign * row["difference"], "low": low, "high": high, "adjusted": row["adjusted"]}
            rows.append(
                {"position": position, "pair": f"{other} vs {leader}", "order": worse * row["difference"]}
                | values
                | {"probability": chance, "seeds": row["seeds"], "apart": int(row["apart"])}
            )
    return pd.DataFrame(rows).sort_values(["position", "order"], kind="stable") if rows else pd.DataFrame()


def reached(panel: Panel) -> pd.DataFrame:
    """The Kaplan–Meier curves from the first step to a little beyond the last of the problem."""
    times = panel.of(panel.comparison.times)
    if times.empty:
        return times
    start = times.drop_duplicates("group").assign(step=0, reached=0.0, low=0.0, high=0.0)
    last = math.ceil(1.04 * times["step"].max())  # beyond the end, where the last share is seen
    end = times.sort_values("step").drop_duplicates("group", keep="last").assign(step=last)
    frame = pd.concat([start, times, end]).drop_duplicates(["group", "step"], keep="last")
    frame = frame.sort_values(["group", "step"], kind="stable")
    frame = frame.assign(step=frame["step"].astype(int), epoch=frame["step"] / frame["per_epoch"])
    return frame[["option", "position", "best", "step", "epoch", "reached", "low", "high"]]
