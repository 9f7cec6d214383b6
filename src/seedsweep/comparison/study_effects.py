"""Which option wins when each was searched several times: the luck of a search counts as that of a seed does.

A value is mu + study + seed + rest, all three random: the studies are each option's own, the seeds are crossed with
them and shared by all options (Searle, Casella & McCulloch, Variance Components, 1992, chapter 4).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison.inference import EQUAL, Array, holm
from seedsweep.comparison.verdicts import significance

PAIR = ["better", "worse", "difference", "low", "high", "p"]


@dataclass(frozen=True, repr=False)
class Winners:
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
        table = self.table.replace({"option": {"": "the search"}})  # whose studies are all of one kind
        return [*_verdicts(table, self.pairs), *_divergence(table), *_luck(table)]

    def __repr__(self) -> str:
        return "\n".join(self.sentences)


def judge_winners(runs: pd.DataFrame, maximize: bool = False, confidence: float = 0.95) -> Winners:
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
    return Winners(table, pairs.assign(decided=pairs["p"] < 1 - confidence))


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
    if difference <= EQUAL * max(abs(worse).max(), abs(better).max()):
        p = 1.0 if freedom else math.nan
    else:
        p = 2 * float(stdtr(freedom, -difference / math.sqrt(error) if error else -math.inf))
    return difference, difference - half, difference + half, p


def _half(error: float, freedom: float, confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(error) if freedom else math.nan


def _verdicts(table: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[str]:
    """On the options whose runs all came to their end."""
    ended = table[table["diverged"] == 0]
    if ended.empty:
        yield "no option wins: runs of each diverged"
        return
    first = ended.iloc[0]
    against = pairs[(pairs["better"] == first["option"]) & pairs["worse"].isin(ended["option"])]
    sure, unsure = against[against["decided"]], against[~against["decided"]]
    if len(ended) == 1:
        alone = "gives" if len(table) == 1 else "is the only one without a diverged run:"
        of = f"{first['studies']} × {first['seeds']} runs (studies × seeds)"
        yield f"{first['option']} {alone} {_interval(first, 'mean')} in {of}"
    elif against["p"].isna().all():
        yield f"one run of each: {first['option']} has the best value, which may be luck"
    elif unsure.empty:
        yield f"{first['option']} wins: {', '.join(map(_amount, sure.to_dict('records')))}"
    else:
        names = f"{', '.join([first['option'], *unsure['worse'][:-1]])} and {unsure['worse'].iloc[-1]}"
        widest = _amount(unsure.iloc[-1].to_dict())
        yield f"{names} cannot be told apart: {first['option']} is {widest}; with more studies or seeds they might be"
        if len(sure):
            yield f"{first['option']} is {', '.join(map(_amount, sure.to_dict('records')))}"


def _divergence(table: pd.DataFrame) -> Iterator[str]:
    for row in table[table["diverged"] > 0].to_dict("records"):
        yield f"{row['option']} diverged in {row['diverged']} of {row['studies'] * row['seeds']} runs, and has no mean"


def _luck(table: pd.DataFrame) -> Iterator[str]:
    """How much of the variance is the search's, on average over the options, and what one study or seed hides."""
    variances = table[["study_sd", "seed_sd", "rest_sd"]] ** 2
    shares = variances.div(variances.sum(axis=1, skipna=False), axis=0).mean()
    if shares.notna().all():
        study, seed, rest = (f"{100 * share:.0f} %" for share in shares)
        yield f"{study} of the variance is the luck of the search (studies), {seed} that of the seeds, {rest} of both"
    single = table.loc[table["studies"] == 1, "option"]
    if len(single):
        which = "per option" if len(single) == len(table) else f"of {', '.join(single)}"
        yield f"one study {which} cannot show the luck of the search: hydra.sweeper.studies=3 would"
    if (table["seeds"] == 1).any():
        yield "one seed cannot show the luck of the seeds: hydra.sweeper.confirm_seeds=5 would"


def _amount(pair: dict[Any, Any]) -> str:
    return f"{_interval(pair, 'difference')} better than {pair['worse']} ({significance(pair['p'])})"


def _interval(row: Any, name: str) -> str:
    has_limits = not math.isnan(row["low"])
    return f"{row[name]:.3g} [{row['low']:.3g}, {row['high']:.3g}]" if has_limits else f"{row[name]:.3g}"
