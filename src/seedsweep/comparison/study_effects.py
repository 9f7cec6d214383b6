"""Which option wins when each was searched several times: the luck of a search counts as that of a seed does.

A value is mu + study + seed + rest, all three random: the studies are each option's own, the seeds are crossed with
them and shared by all options (Searle, Casella & McCulloch, Variance Components, 1992, chapter 4).
"""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison.inference import ROUNDING, holm
from seedsweep.comparison.intervals import Array
from seedsweep.comparison.study_conclusions import study_conclusions

PAIR = ["better", "worse", "difference", "low", "high", "p"]


@dataclass(frozen=True, repr=False)
class StudyComparison:
    """The options, the best first, and what the fresh runs of their studies' winners say of each two of them.

    `table` has a row an option: `option`, how many `studies` and `seeds`, the `mean` with its limits `low` and `high`,
    the standard deviations `study_sd` (the search's luck), `seed_sd` and `rest_sd` (what neither explains alone), and
    how many runs `diverged`. `pairs` has a row a pair: `better`, `worse`, by how much (`difference`, `low`, `high`,
    each pair by itself), `p` adjusted by Holm's method over all pairs, and whether that has `decided` them.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame

    @property
    def sentences(self) -> list[str]:
        """Who wins or cannot be told apart, who diverged, and how much of the values is the luck of the search."""
        return study_conclusions(self.table, self.pairs)

    def __repr__(self) -> str:
        return "\n".join(self.sentences)


def compare_studies(runs: pd.DataFrame, maximize: bool = False, confidence: float = 0.95) -> StudyComparison:
    """Which option wins, by the winners of several studies of each.

    Args:
        runs: a row for a study's winner and a seed: `option`, `study`, `seed`, `value`. A value that is not finite is a
            run that diverged or failed: its option comes last, without limits and tests.
        maximize: whether larger values are better.
        confidence: of the intervals, between 0 and 1.

    Returns:
        The tables of options and pairs, and the sentences that they allow.

    Raises:
        ValueError: a winner has not one run with every seed.
    """
    sign = -1 if maximize else 1
    losses = sign * runs["value"].astype(float)
    losses = losses.where(np.isfinite(losses), np.inf)
    wide = runs.assign(loss=losses).pivot(index=["option", "study"], columns="seed", values="loss")
    if wide.empty or wide.isna().any(axis=None):
        raise ValueError("every winner needs a run with every seed")
    tables = {str(option): of_option.to_numpy() for option, of_option in wide.groupby(level="option")}
    ranked = sorted(tables, key=lambda option: (tables[option].mean(), np.isinf(tables[option]).mean()))
    table = pd.DataFrame([{"option": option, **_described(tables[option], sign, confidence)} for option in ranked])
    both = list(combinations(ranked, 2))
    rows = [(one, other, *_compared(tables[one], tables[other], confidence)) for one, other in both]
    pairs = pd.DataFrame(rows, columns=PAIR)
    pairs["p"] = holm(pairs["p"].to_numpy(dtype=float))
    return StudyComparison(table, pairs.assign(decided=pairs["p"] < 1 - confidence))


def squared_error(*tables: Array) -> tuple[float, float]:
    """The squared standard error of a mean of values (studies, seeds), or of the difference of two; its freedom.

    Of one it is (MS_study + MS_seed - MS_rest) / (S K). Of two, the seeds' part is that of the K differences between
    means of a seed, s² / K, which counts whatever the options have in common there; to that, each table adds
    (MS_study - MS_rest) / (S K), for its studies are its own. It is unbiased but for a floor: what the seeds alone
    would give, and the studies alone. Degrees of freedom by Satterthwaite (1946), of these independent mean squares,
    and not below the fewest of them. One seed, or one study, has no part; (nan, 0) where there is no part at all.
    """
    by_seed = np.subtract.reduce([table.mean(axis=0) for table in tables])
    seeds = [(_variance(by_seed) / by_seed.size, by_seed.size - 1)]
    studies = [(_variance(table.mean(axis=1)) / len(table), len(table) - 1) for table in tables]
    rest = [(_rest(table) / table.size, (len(table) - 1) * (by_seed.size - 1)) for table in tables]
    freedoms = [freedom for _, freedom in seeds + studies if freedom]
    if not freedoms:
        return math.nan, 0
    seed, study, less = (sum(error for error, _ in errors) for errors in (seeds, studies, rest))
    total = max(seed + study - less, seed, study)
    spread = sum(error**2 / freedom for error, freedom in seeds + studies + rest if freedom)
    return total, max(total**2 / spread if spread else 0, min(freedoms))


def components(values: Array) -> tuple[float, float, float]:
    """The variances of the studies, the seeds and the rest in values (studies, seeds), by the analysis of variance.

    A negative estimate becomes 0. Where there is one study or one seed, it and the rest are nan; the other has both.
    """
    studies, seeds = values.shape
    rest = _rest(values)
    study = max(_variance(values.mean(axis=1)) - rest / seeds, 0.0) if studies > 1 else math.nan
    seed = max(_variance(values.mean(axis=0)) - rest / studies, 0.0) if seeds > 1 else math.nan
    return study, seed, rest if studies > 1 and seeds > 1 else math.nan


def _rest(values: Array) -> float:
    """The mean square of what studies and seeds leave; 0 where they leave nothing."""
    left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    freedom = (len(values) - 1) * (values.shape[1] - 1)
    return float((left**2).sum()) / freedom if freedom else 0.0


def _variance(values: Array) -> float:
    return float(values.var(ddof=1)) if values.size > 1 else 0.0


def _described(values: Array, sign: int, confidence: float) -> dict[str, Any]:
    """The numbers of one option, in units of the value."""
    mean, diverged = sign * float(values.mean()), int(np.isinf(values).sum())
    half = math.nan if diverged else _half(*squared_error(values), confidence)
    study, seed, rest = (math.nan,) * 3 if diverged else np.sqrt(components(values)).tolist()
    numbers = {"studies": len(values), "seeds": values.shape[1], "mean": mean, "low": mean - half, "high": mean + half}
    return numbers | {"study_sd": study, "seed_sd": seed, "rest_sd": rest, "diverged": diverged}


def _compared(better: Array, worse: Array, confidence: float) -> tuple[float, float, float, float]:
    """By how much the one is better, the limits of that, and p."""
    from scipy.special import stdtr

    if np.isinf([better.mean(), worse.mean()]).any():
        return math.nan, math.nan, math.nan, math.nan
    difference = float(worse.mean() - better.mean())
    error, freedom = squared_error(worse, better)
    half = _half(error, freedom, confidence)
    if difference <= ROUNDING * max(abs(worse).max(), abs(better).max()):
        p = 1.0 if freedom else math.nan
    else:
        p = 2 * float(stdtr(freedom, -difference / math.sqrt(error) if error else -math.inf))
    return difference, difference - half, difference + half, p


def _half(error: float, freedom: float, confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(error) if freedom else math.nan
