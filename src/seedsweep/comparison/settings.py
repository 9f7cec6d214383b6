"""The two questions of a comparison: the options at the same setting, and each of them at its best."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from seedsweep.comparison.groups import Criterion
from seedsweep.comparison.pairwise import PairwiseComparison, compare_options
from seedsweep.comparison.question import Question
from seedsweep.comparison.scores import independent, score_runs
from seedsweep.comparison.verdicts import BEST
from seedsweep.metrics import Metric

LEAST_SEEDS = 4  # fewer are not halved


def at_same_setting(
    replicates: pd.DataFrame, groups: pd.DataFrame, criterion: Criterion
) -> Iterator[PairwiseComparison]:
    """The pairwise comparisons at the settings that several options have.

    Args:
        replicates: independent runs, as `scores.independent` gives them.
        groups: as `describe_groups` gives them.
        criterion: by what they are compared.

    Yields:
        One for each problem and setting, in the order of `groups`.
    """
    for (problem, setting), rows in groups.groupby(["problem", "setting"], sort=False):
        if len(rows) > 1:
            runs = replicates[(replicates["problem"] == problem) & (replicates["setting"] == setting)]
            described = rows.set_index("option").drop(columns=["problem", "setting", "group"])
            yield compare_options(runs, str(setting), criterion, described)


def at_best_setting(runs: pd.DataFrame, replicates: pd.DataFrame, question: Question) -> Iterator[PairwiseComparison]:
    """The options of each problem, each at the setting that was the best on other seeds.

    The setting is chosen on one half of the seeds and judged on the other half, then the other way round, so that every
    seed judges once, and never what it has chosen.

    Args:
        runs: as for `compare`.
        replicates: the independent ones of them, scored.
        question: with `by` and `at`.

    Yields:
        One for each problem with at least four seeds and an option with several settings. Its table has besides:
        `setting`, the mean score that a setting was chosen for (`selected`), that on the seeds which had no part in the
        choice (`again`), and by how much it is worse (`optimism`).
    """
    metric = question.claim if question.claim in runs else question.measure
    claims = replicates
    if metric != question.metric:
        claims = independent(score_runs(runs, None, metric, "last", str(question.by), question.at or ()))
    for _, problem_runs in replicates.groupby("problem", sort=False):
        seeds = problem_runs["seed"].unique()
        if len(seeds) < LEAST_SEEDS or problem_runs.groupby("option")["setting"].nunique().max() < 2:
            continue
        halves = [problem_runs["seed"].isin(seeds[half::2]) for half in (0, 1)]
        judged_by_half = [
            _choose_and_judge(problem_runs[chooses], problem_runs[judges], question.measure)
            for chooses, judges in (halves, halves[::-1])
        ]
        judged = claims.loc[np.concatenate([index for _, index in judged_by_half])]
        if judged["option"].nunique() < 2:
            continue
        pairwise = compare_options(judged, BEST, question.criterion(metric))
        choices = _merged([choices for choices, _ in judged_by_half], question.measure)
        pairwise.table = pairwise.table.join(choices, on="option")
        yield pairwise


def _choose_and_judge(choosing: pd.DataFrame, judging: pd.DataFrame, metric: Metric) -> tuple[pd.DataFrame, pd.Index]:
    """The choices made by the runs of one half of the seeds with their scores on the other; the runs that judge."""
    choices = _choose(choosing, metric)
    held_out = judging[judging["group"].isin(choices["group"])]
    again = held_out["score"].where(np.isfinite(held_out["score"])).groupby(held_out["option"]).mean()
    return choices.assign(again=again), held_out.index


def _choose(scored: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """By option the `group` and `setting` of its best mean score, `selected`; with unfinished runs a group is last."""
    groups = scored.assign(loss=metric.as_loss(scored["score"])).groupby(["option", "setting", "group"], sort=False)
    table = groups["loss"].agg(["mean", "count", "size"]).reset_index()
    table = table.assign(unfinished=table["size"] - table["count"]).sort_values(["unfinished", "mean"])
    choices = table.dropna(subset="mean").drop_duplicates("option").set_index("option")
    return choices.assign(selected=metric.as_loss(choices["mean"]))


def _merged(choices: list[pd.DataFrame], metric: Metric) -> pd.DataFrame:
    """The choices of both halves as one row an option."""
    by_option = pd.concat(choices).groupby(level=0, sort=False)
    table = by_option.agg(setting=("setting", _alternatives), selected=("selected", "mean"), again=("again", "mean"))
    return table.assign(optimism=metric.as_loss(table["again"]) - metric.as_loss(table["selected"]))


def _alternatives(settings: pd.Series) -> str:
    return " or ".join(dict.fromkeys(settings))
