"""What the evidence of many seeds allows to say: runs and curves in, a `Comparison` out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison.analyses import profile, seed_shares, times_to_target, tunability
from seedsweep.comparison.diagnostics import Diagnostic, diagnose
from seedsweep.comparison.mean_curves import mean_curves
from seedsweep.comparison.pairwise import Criterion, PairwiseComparison, compare_options, counted, describe
from seedsweep.comparison.scores import compared, independent, score_runs, swept, text
from seedsweep.comparison.verdicts import BEST, SAME, Verdict, together, verdict
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.validation import check_integer

FEW = 4  # seeds, below which they are not halved


@dataclass(frozen=True)
class Question:
    """What is asked of the runs; the keys of `conf/compare.yaml` have the same names.

    `direction`, minimize or maximize, is for a metric whose name does not say whether larger or smaller is better.
    `by` is by default `optimizer`, or the first param that was swept where all runs have the same optimizer; `at` are
    by default all the others that were swept.
    """

    metric: str = "val/loss"
    direction: str | None = None
    select: str = "last"
    by: str | None = None
    at: Sequence[str] | None = None
    baseline: str | None = None
    confidence: float = 0.95
    target: float | None = None
    seed: int = 0

    @property
    def measure(self) -> Metric:
        """The metric with its direction."""
        return Metric(self.metric, self.direction)

    @property
    def claim(self) -> Metric:
        """The metric of claims about choices made by `metric`: measured on rows that the choice has not seen."""
        return self.measure.on_split("test") if self.measure.split_name == "val" else self.measure

    def criterion(self, metric: Metric) -> Criterion:
        """How pairwise comparisons are judged by that metric."""
        return Criterion(metric, self.confidence, self.baseline, self.seed)


@dataclass(repr=False)
class Comparison:
    """What `compare` found.

    `runs` has a row a run with its score, `groups` a row a group. `same` are the pairwise comparisons at the same
    setting, `best` those of the options at their own best settings, chosen on one half of the seeds and judged on the
    other, and the other way round: `selected` is the score that a setting was chosen for, `again` that on the seeds
    which had no part in it, `optimism` by how much it is worse. Empty where nothing was chosen, or too few seeds are
    there. `bands` are the mean curves of the groups; that and `times`, `tunability`, `shares` and `profile` are
    described where they are made, and empty where they cannot be.
    """

    question: Question
    runs: pd.DataFrame
    groups: pd.DataFrame
    same: list[PairwiseComparison]
    best: list[PairwiseComparison]
    curves: pd.DataFrame
    bands: pd.DataFrame
    times: pd.DataFrame
    tunability: pd.DataFrame
    shares: pd.DataFrame
    profile: pd.DataFrame
    added_diagnostics: list[Diagnostic] = field(default_factory=list)  # besides those that the runs themselves raise

    def __repr__(self) -> str:
        sentences = [
            f"{verdict.question} {verdict.problem} {verdict.name}: {verdict.sentence}" for verdict in self.verdicts
        ]
        return "\n".join([f"Comparison by {self.question.metric} of {len(self.runs)} runs", *sentences])

    @property
    def verdicts(self) -> list[Verdict]:
        """What the pairwise comparisons mean, first of the options at their best; then where the questions disagree."""
        verdicts = [Verdict(BEST, pairwise.problem, pairwise.name, verdict(pairwise)) for pairwise in self.best]
        verdicts += [Verdict(SAME, pairwise.problem, pairwise.name, verdict(pairwise)) for pairwise in self.same]
        return verdicts + together(self.same, self.best)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What a reader should know before believing it."""
        asked = self.question
        return (
            diagnose(self.runs, self.groups, self.best, self.bands, asked.measure, asked.at or ())
            + self.added_diagnostics
        )


def compare(runs: pd.DataFrame, curves: pd.DataFrame | None = None, **question: Any) -> Comparison:
    """Compare the options of one param over the seeds of their runs.

    Args:
        runs: a row a run: the param `by`, those that were swept, `seed` (or `init_seed` and `order_seed`), the last
            value of each metric, and `outcome` where not every run finished. `load_runs` gives such, and any frame
            alike will
            do.
        curves: tidy (`run`, `metric`, `step`, `epoch`, `value`), as `load_curves` gives them; None where only the last
            values are known.
        question: the fields of `Question`, all of which have defaults.

    Returns:
        Groups, pairwise comparisons, verdicts, and what the figures show.

    Raises:
        ConfigError: a key or value of the question is not allowed, or the runs do not fit it.
    """
    asked = _checked(question)
    if runs.empty:
        raise ConfigError("runs", "none", "there is nothing to compare")
    runs = runs.reset_index(drop=True)
    by = asked.by or compared(runs)
    asked = replace(asked, by=by, at=swept(runs, by) if asked.at is None else asked.at)
    scored = score_runs(runs, curves, asked.measure, asked.select, by, asked.at or ())
    replicates = independent(scored)
    options = sorted(set(scored["option"]))
    if len(options) < 2:
        others = ", ".join(swept(runs)) or "none"
        raise ConfigError("by", by, f"has one value only, {options[0]}; swept were {others}")
    asked = replace(asked, baseline=None if asked.baseline is None else text(asked.baseline))
    if asked.baseline is not None and asked.baseline not in options:
        raise ConfigError("baseline", asked.baseline, f"must be one of {', '.join(options)}")
    groups = _described(scored, replicates, asked.criterion(asked.measure))
    curves = curves if curves is not None else pd.DataFrame(columns=["run", "metric", "step", "epoch", "value"])
    times = times_to_target(curves, scored, groups, asked.measure, asked.target, asked.confidence)
    return Comparison(
        question=asked,
        runs=scored,
        groups=groups,
        same=list(_same(replicates, groups, asked.criterion(asked.measure))),
        best=list(_best(runs, replicates, asked)),
        curves=curves,
        bands=mean_curves(curves, scored, asked.confidence),
        times=times,
        tunability=tunability(scored, asked.measure, asked.seed),
        shares=seed_shares(runs, scored),
        profile=profile(times, groups, asked.measure),
    )


def _checked(question: Mapping[str, Any]) -> Question:
    """Raises `ConfigError` for a key that there is not, or a value of another kind than it takes."""
    keys = [field.name for field in fields(Question)]
    for key in question:
        if key not in keys:
            raise ConfigError(key, question[key], f"there is no such key; there are {', '.join(keys)}")
    asked = Question(**question)
    for key in ("metric", "direction", "select", "by"):
        if not isinstance(getattr(asked, key), str | None):
            raise ConfigError(key, getattr(asked, key), "must be a name")
    at = [asked.at] if isinstance(asked.at, str) else asked.at
    if not (at is None or (isinstance(at, Sequence) and all(isinstance(name, str) for name in at))):
        raise ConfigError("at", at, "must be the names of params: [optimizer.lr,data.batch_size]")
    if not isinstance(asked.confidence, int | float) or not 0.5 <= asked.confidence < 1:
        raise ConfigError("confidence", asked.confidence, "must be at least 0.5 and less than 1")
    if not isinstance(asked.target, int | float | None):
        raise ConfigError("target", asked.target, "must be a number")
    Metric(asked.metric, asked.direction)
    check_integer("seed", asked.seed, 0, 2**31 - 1)
    return replace(asked, at=at)


def _described(scored: pd.DataFrame, replicates: pd.DataFrame, judged: Criterion) -> pd.DataFrame:
    """The table of the groups: numbers of all runs, statistics of the independent ones."""
    names = ["problem", "setting", "option", "group"]
    described = {name: describe(of_group, judged) for name, of_group in replicates.groupby(names, sort=False)}
    for name, of_group in scored.groupby(names, sort=False):
        described[name] |= counted(of_group)
    return pd.DataFrame.from_dict(described, orient="index").rename_axis(names).reset_index()


def _same(scored: pd.DataFrame, groups: pd.DataFrame, judged: Criterion) -> Iterator[PairwiseComparison]:
    """The pairwise comparisons at the settings that several options have."""
    for (problem, setting), of_setting in groups.groupby(["problem", "setting"], sort=False):
        if len(of_setting) > 1:
            of_same_setting = scored[(scored["problem"] == problem) & (scored["setting"] == setting)]
            numbers = of_setting.set_index("option").drop(columns=["problem", "setting", "group"])
            yield compare_options(of_same_setting, str(setting), judged, numbers)


def _best(runs: pd.DataFrame, scored: pd.DataFrame, asked: Question) -> Iterator[PairwiseComparison]:
    """For each problem the pairwise comparison of the options, each at the setting that was the best on other seeds."""
    metric = asked.claim if asked.claim in runs else asked.measure
    claims = scored
    if metric != asked.metric:
        claims = independent(score_runs(runs, None, metric, "last", str(asked.by), asked.at or ()))
    for _, problem_runs in scored.groupby("problem", sort=False):
        seeds = list(dict.fromkeys(problem_runs["seed"]))
        if len(seeds) < FEW or problem_runs.groupby("option")["setting"].nunique().max() < 2:
            continue
        choices, judged = [], []
        for half in (0, 1):  # chosen on one half, judged on the other, and the other way round
            chosen = _choose(problem_runs[problem_runs["seed"].isin(seeds[half::2])], asked.measure)
            held_out = problem_runs[
                problem_runs["seed"].isin(seeds[1 - half :: 2]) & problem_runs["group"].isin(chosen["group"])
            ]
            again = held_out["score"].where(np.isfinite(held_out["score"])).groupby(held_out["option"]).mean()
            choices.append(chosen.assign(again=again))
            judged.append(held_out.index)
        claimed = claims.loc[judged[0].append(judged[1])]
        if claimed["option"].nunique() < 2:
            continue
        best_comparison = compare_options(claimed, BEST, asked.criterion(metric))
        both = pd.concat(choices).groupby(level=0, sort=False)
        chosen_settings = both.agg(setting=("setting", _either), selected=("selected", "mean"), again=("again", "mean"))
        best_comparison.table = best_comparison.table.join(chosen_settings, on="option")
        gap = asked.measure.as_loss(best_comparison.table["again"]) - asked.measure.as_loss(
            best_comparison.table["selected"]
        )
        best_comparison.table["optimism"] = gap
        yield best_comparison


def _either(settings: pd.Series) -> str:
    return " or ".join(dict.fromkeys(settings))


def _choose(scored: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """By option its `group` and `setting` of the best mean score, `selected`; groups with runs that did not finish come
    last."""
    means = scored.assign(loss=metric.as_loss(scored["score"])).groupby(["option", "setting", "group"], sort=False)
    table = means["loss"].agg(["mean", "count", "size"]).reset_index()
    table = table.assign(lost=table["size"] - table["count"]).sort_values(["lost", "mean"])
    chosen = table.dropna(subset="mean").drop_duplicates("option").set_index("option")
    return chosen.assign(selected=metric.as_loss(chosen["mean"]))
