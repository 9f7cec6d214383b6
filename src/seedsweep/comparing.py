"""What the evidence of many seeds allows to say: runs and curves in, a `Comparison` out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from seedsweep.audits import Audit, audits
from seedsweep.bands import bands
from seedsweep.contests import Contest, Judgement, contest, describe
from seedsweep.errors import ConfigError
from seedsweep.findings import profile, seed_shares, times_to_target, tunability
from seedsweep.scores import compared, losses, score_runs, swept
from seedsweep.verdicts import BEST, SAME, Verdict, together, verdict

FEW = 4  # seeds, below which they are not halved


@dataclass(frozen=True)
class Question:
    """What is asked of the runs; the keys of `conf/compare.yaml` have the same names.

    `by` is by default `optimizer`, or the first param that was swept where all runs have the same optimizer; `at` are
    by default all the others that were swept.
    """

    metric: str = "val/loss"
    select: str = "last"
    by: str | None = None
    at: Sequence[str] | None = None
    baseline: str | None = None
    confidence: float = 0.95
    target: float | None = None
    seed: int = 0

    @property
    def claim(self) -> str:
        """The metric of claims about choices made by `metric`: measured on rows that the choice has not seen."""
        return self.metric.replace("val/", "test/", 1)

    def judgement(self, metric: str) -> Judgement:
        """How contests are judged by that metric."""
        return Judgement(metric, self.confidence, self.baseline, self.seed)


@dataclass
class Comparison:
    """What `compare` found.

    `runs` has a row a run with its score, `groups` a row a group. `same` are the contests at the same setting, `best`
    those of the options at their own best settings, chosen on one half of the seeds and judged on the other; empty
    where nothing was chosen, or too few seeds are there. `bands` are the mean curves of the groups; that and `times`,
    `tunability`, `shares` and `profile` are described where they are made, and empty where they cannot be.
    """

    question: Question
    runs: pd.DataFrame
    groups: pd.DataFrame
    same: list[Contest]
    best: list[Contest]
    curves: pd.DataFrame
    bands: pd.DataFrame
    times: pd.DataFrame
    tunability: pd.DataFrame
    shares: pd.DataFrame
    profile: pd.DataFrame
    doubts: list[Audit] = field(default_factory=list)  # besides those that the runs themselves raise

    @property
    def verdicts(self) -> list[Verdict]:
        """What the contests mean, those of the options at their best first, and where the two questions disagree."""
        found = [Verdict(BEST, each.problem, each.name, verdict(each)) for each in self.best]
        found += [Verdict(SAME, each.problem, each.name, verdict(each)) for each in self.same]
        return found + together(self.same, self.best)

    @property
    def audits(self) -> list[Audit]:
        """The doubts that a reader should have."""
        asked = self.question
        return audits(self.runs, self.groups, self.best, self.bands, asked.metric, asked.at or ()) + self.doubts


def compare(runs: pd.DataFrame, curves: pd.DataFrame | None = None, **question: Any) -> Comparison:
    """Compare the options of one param over the seeds of their runs.

    `runs` has a row a run: the param `by`, those that were swept, `seed` (or `init_seed` and `order_seed`), the last
    value of each metric, and `outcome` where not every run finished; `load_runs` gives such, and any frame alike will
    do. `curves` are tidy (`run`, `metric`, `step`, `epoch`, `value`), as `load_curves` gives them. The other arguments
    are those of `Question`. Raises `ConfigError` for one that is not allowed.
    """
    asked = Question(**question)
    if not 0.5 <= asked.confidence < 1:
        raise ConfigError("confidence", asked.confidence, "must be at least 0.5 and less than 1")
    if runs.empty:
        raise ConfigError("sweep", "no runs", "there is nothing to compare")
    by = asked.by or compared(runs)
    asked = replace(asked, by=by, at=swept(runs, by) if asked.at is None else asked.at)
    scored = score_runs(runs, curves, asked.metric, asked.select, by, asked.at or ())
    options = sorted(set(scored["option"]))
    if asked.baseline is not None and asked.baseline not in options:
        raise ConfigError("baseline", asked.baseline, f"must be one of {', '.join(options)}")
    judged = asked.judgement(asked.metric)
    names = ["problem", "setting", "option", "group"]
    described = {name: describe(part, judged) for name, part in scored.groupby(names, sort=False)}
    groups = pd.DataFrame.from_dict(described, orient="index").rename_axis(names).reset_index()
    same = []
    for (problem, setting), part in groups.groupby(["problem", "setting"], sort=False):
        if len(part) > 1:
            runs_there = scored[(scored["problem"] == problem) & (scored["setting"] == setting)]
            numbers = part.set_index("option").drop(columns=["problem", "setting", "group"])
            same.append(contest(runs_there, str(setting), judged, numbers))
    curves = curves if curves is not None else pd.DataFrame(columns=["run", "metric", "step", "epoch", "value"])
    times = times_to_target(curves, scored, groups, asked.metric, asked.target, asked.confidence)
    return Comparison(
        question=asked,
        runs=scored,
        groups=groups,
        same=same,
        best=list(_best(runs, curves, scored, asked)),
        curves=curves,
        bands=bands(curves, scored, asked.confidence),
        times=times,
        tunability=tunability(scored, asked.metric, asked.seed),
        shares=seed_shares(runs, scored),
        profile=profile(times, groups, asked.metric),
    )


def _best(runs: pd.DataFrame, curves: pd.DataFrame | None, scored: pd.DataFrame, asked: Question) -> Iterator[Contest]:
    """For each problem the contest of the options, each at the setting that was the best on one half of the seeds."""
    metric = asked.claim if asked.claim in runs else asked.metric
    claims = scored if metric == asked.metric else score_runs(runs, None, metric, "last", str(asked.by), asked.at or ())
    for _, part in scored.groupby("problem", sort=False):
        seeds = list(dict.fromkeys(part["seed"]))
        if len(seeds) < FEW or part.groupby("option")["setting"].nunique().max() < 2:
            continue
        first = part["seed"].isin(seeds[::2])
        chosen = _choose(part[first], asked.metric)
        again = part[~first & part["group"].isin(chosen["group"])].groupby("option")["score"].mean()
        claimed = claims.loc[part.index[~first & part["group"].isin(chosen["group"])]]
        found = contest(claimed, BEST, asked.judgement(metric))
        found.table = found.table.join(chosen[["setting", "selected"]].assign(again=again), on="competitor")
        gap = losses(found.table["mean"], metric) - losses(found.table["selected"], asked.metric)
        found.table["optimism"] = gap
        yield found


def _choose(scored: pd.DataFrame, metric: str) -> pd.DataFrame:
    """By option its `group` and `setting` of the best mean score, `selected`; a group with diverged runs comes last."""
    means = scored.assign(loss=losses(scored["score"], metric)).groupby(["option", "setting", "group"], sort=False)
    table = means["loss"].agg(["mean", "count"]).reset_index().sort_values(["mean", "count"], ascending=[True, False])
    chosen = table.dropna(subset="mean").drop_duplicates("option").set_index("option")
    return chosen.assign(selected=losses(chosen["mean"], metric))
