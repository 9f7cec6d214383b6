"""From runs and curves to a `Comparison`: what the evidence of many seeds allows to say."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from seedsweep.comparison.analyses import profile, seed_shares, times_to_target, tunability
from seedsweep.comparison.data_sets import AcrossDataSets, across_data_sets, answers, with_one_option
from seedsweep.comparison.diagnostic import Diagnostic
from seedsweep.comparison.diagnostics import diagnose
from seedsweep.comparison.groups import describe_groups
from seedsweep.comparison.headline import headline
from seedsweep.comparison.mean_curves import mean_curves
from seedsweep.comparison.named_values import label, labels, option_labels
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.params import compared, ordered, swept, with_nulls
from seedsweep.comparison.question import Question, checked_question
from seedsweep.comparison.remarks import Remark, remarks
from seedsweep.comparison.scores import independent, score_runs
from seedsweep.comparison.settings import at_best_setting, at_same_setting
from seedsweep.comparison.verdict import Verdict
from seedsweep.comparison.verdicts import verdicts
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.validation import check_choice


@dataclass(repr=False)
class Comparison:
    """What `compare` gives.

    Args:
        question: as it was answered, with `by` and `at`.
        runs: a row a run with its score, see `score_runs`.
        groups: a row a group, see `describe_groups`.
        same: the pairwise comparisons at the same setting.
        best: those of the options, each at its best setting, see `at_best_setting`; empty where there is one setting.
        curves: of the runs, as they were given.
        bands: the mean curves of the groups, see `mean_curves`; empty without curves, as are the frames below where
            they cannot be computed.
        times: see `times_to_target`.
        tunability: see `tunability`.
        shares: see `seed_shares`.
        profile: see `profile`.
        added_diagnostics: besides those that the runs themselves give.
        tested: the last values that the same rows of `runs` have of other metrics, on test rows.
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
    added_diagnostics: list[Diagnostic] = field(default_factory=list)
    tested: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __repr__(self) -> str:
        sentences = [
            f"{verdict.question} {verdict.problem} {verdict.setting}: {verdict.sentence}" for verdict in self.verdicts
        ]
        return "\n".join(
            [f"Comparison by {self.question.metric} of {len(self.runs)} runs: {self.headline}", *sentences]
        )

    @property
    def headline(self) -> str:
        """The answer in one sentence."""
        return headline(self.same, self.best, str(self.question.by))

    @property
    def verdicts(self) -> list[Verdict]:
        """What the pairwise comparisons mean, first of the options at their best."""
        return verdicts(self.same, self.best)

    @property
    def across(self) -> AcrossDataSets | None:
        """What the data sets say together; None where there is one."""
        return across_data_sets(answers(self.same, self.best), with_one_option(self.groups))

    @property
    def remarks(self) -> list[Remark]:
        """Where the two questions have different answers, and where tuning makes the gaps vanish."""
        return remarks(self.same, self.best)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What a reader should know before believing the verdicts."""
        return self._own_diagnostics + self.added_diagnostics

    @cached_property
    def _own_diagnostics(self) -> list[Diagnostic]:
        metric, varied = self.question.measure, (str(self.question.by), *(self.question.at or ()))
        return diagnose(self.runs, self.groups, self.same, self.best, self.bands, metric, varied)


def compare(runs: pd.DataFrame, curves: pd.DataFrame | None = None, **question: Any) -> Comparison:
    """Compare the options of one param over the seeds of their runs.

    Args:
        runs: a row a run: the param `by`, those that were swept, `seed` (or `init_seed` and `order_seed`), the last
            value of each metric, and `outcome` where not every run finished. `load_runs` gives such a frame.
        curves: tidy (`run`, `metric`, `step`, `epoch`, `value`), as `load_curves` gives them; None where there are only
            last values.
        question: the fields of `Question`, all of which have defaults.

    Returns:
        Groups, pairwise comparisons, verdicts, and what the figures show.

    Raises:
        ConfigError: a key or value of the question is not allowed, or the runs do not fit it.
    """
    runs = with_nulls(_with_names(runs.reset_index(drop=True), curves))
    answered = _completed(checked_question(question), runs)
    metric, by, at = answered.measure, str(answered.by), answered.at or ()
    runs = ordered(runs, by, at)
    scored = score_runs(runs, curves, metric, answered.select, by, at)
    replicates = independent(scored)
    options = sorted(set(scored["option"]))
    if len(options) < 2:
        others = ", ".join(swept(runs)) or "none"
        raise ConfigError("by", by, f"has one value only, {options[0]}; swept were {others}")
    if answered.baseline is not None:
        check_choice("baseline", answered.baseline, options)
    groups = describe_groups(scored, replicates, answered.criterion(metric))
    curves = curves if curves is not None else pd.DataFrame(columns=["run", "metric", "step", "epoch", "value"])
    times = times_to_target(curves, scored, groups, metric, answered.target, answered.confidence)
    return Comparison(
        question=answered,
        runs=scored,
        groups=groups,
        same=list(at_same_setting(replicates, groups, answered.criterion(metric))),
        best=list(at_best_setting(runs, replicates, answered)),
        curves=curves,
        bands=mean_curves(curves, scored, answered.confidence),
        times=times,
        tunability=tunability(scored, metric, answered.seed),
        shares=seed_shares(runs, scored),
        profile=profile(times, groups, metric),
        tested=_tested(runs, metric),
    )


def _tested(runs: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The columns of metrics on test rows, but for the one in question."""
    names = [name for name in map(str, runs) if Metric(name).split_name == "test" and name != metric]
    return runs[[name for name in names if pd.api.types.is_numeric_dtype(runs[name])]]


def _with_names(runs: pd.DataFrame, curves: pd.DataFrame | None) -> pd.DataFrame:
    """The runs, without their names where two have the same; only curves need them."""
    if "run" not in runs or runs.columns.duplicated().any() or not runs["run"].dropna().duplicated().any():
        return runs
    if curves is not None:
        name = runs["run"].dropna()[runs["run"].dropna().duplicated()].iloc[0]
        raise ConfigError("run", name, "is the name of two runs, so that nobody can tell whose curves are whose")
    return runs.drop(columns="run")


def _completed(question: Question, runs: pd.DataFrame) -> Question:
    """The question with `by` and `at` as these runs determine them, and the baseline as options are named."""
    if runs.empty:
        raise ConfigError("runs", "none", "there is nothing to compare")
    by = question.by or compared(runs)
    at = swept(runs, by) if question.at is None else question.at
    baseline = None if question.baseline is None else label(question.baseline)
    if baseline is not None and by in runs:
        names = dict(zip(labels(runs[by]), option_labels(runs[by], by), strict=True))
        baseline = names.get(baseline, baseline)
    return replace(question, by=by, at=at, baseline=baseline)
