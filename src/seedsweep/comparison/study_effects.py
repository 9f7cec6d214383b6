"""Which option wins when each was searched several times: a search is a random effect, as a seed is.

The model of a value is mu + study + seed + rest, all three random: studies are nested in options, seeds are crossed
with them and shared by all options (Searle, Casella & McCulloch, Variance Components, 1992, chapter 4).
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
    """Options compared by fresh runs of the winners of their studies.

    Args:
        table: a row an option, the best first: `option`, how many `studies` and `seeds`, the `mean` with its limits
            `low` and `high`, the standard deviations `study_sd` (the luck of a search), `seed_sd` and `rest_sd` (what
            neither explains alone), and how many runs `diverged`.
        pairs: a row a pair: `better`, `worse`, by how much (`difference`, with limits `low` and `high` for this pair
            alone), `p` adjusted by Holm's method over all pairs, and whether that has `decided` them.
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
    ordered = combinations(ranked, 2)
    rows = [(better, worse, *_compared(tables[better], tables[worse], confidence)) for better, worse in ordered]
    pairs = pd.DataFrame(rows, columns=PAIR)
    pairs["p"] = holm(pairs["p"].to_numpy(dtype=float))
    return StudyComparison(table, pairs.assign(decided=pairs["p"] < 1 - confidence))


def squared_error(*tables: Array) -> tuple[float, float]:
    """The squared standard error of a mean, or of the difference of two means.

    For one table it is (MS_study + MS_seed - MS_rest) / (S K). For two, seeds contribute s² / K, the variance of the K
    differences between the tables' means by seed, in which all that the options have in common cancels; each table adds
    (MS_study - MS_rest) / (S K). The estimate is unbiased but for a floor: it is not below what the seeds alone, or the
    studies alone, would give. One seed, or one study, contributes nothing.

    Args:
        tables: the values (S studies, K seeds) of one option, or of two with the same seeds.

    Returns:
        The squared error in squared units of the values, and its degrees of freedom by Satterthwaite (1946), not below
        the fewest of the mean squares; (nan, 0) where each table is one run.
    """
    by_seed = np.subtract.reduce([table.mean(axis=0) for table in tables])
    seeds = [(_variance(by_seed) / by_seed.size, by_seed.size - 1)]
    studies = [(_variance(table.mean(axis=1)) / len(table), len(table) - 1) for table in tables]
    rest = [(_rest(table) / table.size, (len(table) - 1) * (by_seed.size - 1)) for table in tables]
    freedoms = [freedom for _, freedom in seeds + studies if freedom]
    if not freedoms:
        return math.nan, 0
    by_seeds, by_studies, by_rest = (sum(error for error, _ in errors) for errors in (seeds, studies, rest))
    total = max(by_seeds + by_studies - by_rest, by_seeds, by_studies)
    spread = sum(error**2 / freedom for error, freedom in seeds + studies + rest if freedom)
    return total, max(total**2 / spread if spread else 0, min(freedoms))


def components(values: Array) -> tuple[float, float, float]:
    """The variances of studies, seeds and rest, by the analysis of variance; negative estimates become 0.

    Args:
        values: of one option (studies, seeds).

    Returns:
        Three variances in squared units of the values. With one study, or one seed, its variance and that of the rest
        are nan, and the rest is contained in the other one.
    """
    studies, seeds = values.shape
    rest = _rest(values)
    study = max(_variance(values.mean(axis=1)) - rest / seeds, 0.0) if studies > 1 else math.nan
    seed = max(_variance(values.mean(axis=0)) - rest / studies, 0.0) if seeds > 1 else math.nan
    return study, seed, rest if studies > 1 and seeds > 1 else math.nan


def _rest(values: Array) -> float:
    """The mean square of what studies and seeds leave; 0 where they leave nothing."""
    residuals = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    freedom = (len(values) - 1) * (values.shape[1] - 1)
    return float((residuals**2).sum()) / freedom if freedom else 0.0


def _variance(values: Array) -> float:
    """The sample variance; 0 of one value."""
    return float(values.var(ddof=1)) if values.size > 1 else 0.0


def _described(values: Array, sign: int, confidence: float) -> dict[str, Any]:
    """The numbers of one option, in units of the value."""
    mean, diverged = sign * float(values.mean()), int(np.isinf(values).sum())
    half = math.nan if diverged else _half(*squared_error(values), confidence)
    study, seed, rest = (math.nan,) * 3 if diverged else np.sqrt(components(values)).tolist()
    numbers = {"studies": len(values), "seeds": values.shape[1], "mean": mean, "low": mean - half, "high": mean + half}
    return numbers | {"study_sd": study, "seed_sd": seed, "rest_sd": rest, "diverged": diverged}


def _compared(better: Array, worse: Array, confidence: float) -> tuple[float, float, float, float]:
    """By how much the first is better, the limits of that, and p; nan where a run diverged."""
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
    """Half the width of Student's t interval with this squared error."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(error) if freedom else math.nan
