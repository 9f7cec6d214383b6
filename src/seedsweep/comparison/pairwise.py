"""Options compared in pairs: by how much each is better than another, and whether one of them wins."""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison import inference, intervals
from seedsweep.comparison.groups import UNKNOWN, Criterion, columns, describe
from seedsweep.comparison.intervals import Array, Interval
from seedsweep.comparison.power import seeds_range
from seedsweep.metrics import Metric

FINENESS = 1_000  # resamples for each pair, so that an adjusted p-value can fall below 0.001, …
RESAMPLES = 10_000, 200_000  # … but at least and at most so many
PAIR = [
    *("better", "worse", "seeds", "paired", "difference", "low", "high"),
    *("probability", "probability_low", "probability_high", "p", "needed_low", "needed_high"),
]
Sample = Array | tuple[Array, Array]  # what is tested of a pair: paired differences (n,), or the losses of each


@dataclass
class PairwiseComparison:
    """Some options of one problem, compared in pairs.

    Args:
        problem: the data set.
        name: what the options have in common, such as their setting.
        criterion: by what they are compared.
        table: a row an option, the best first: `option`, the columns of `describe`, and `rank`, one more than the
            number of options that beat it, so that options which cannot be told apart may share one.
        pairs: a row a pair: `better`, `worse`, `seeds`, `paired`; by how much it is better, in units of the metric
            (`difference`, `low`, `high`); the `probability` that it is better on a seed (`probability_low`,
            `probability_high`); `p`, and `adjusted` by Holm's method over the pairs of this table; whether one is
            surely better, so that they are told `apart`, or their interval lies within the margin, so that it `ties`;
            whether the better one is `flattered`, as its worse runs were pruned and none of the other's, so that they
            are not told apart; and how many seeds would show the difference (`needed_low`, `needed_high`).
        winner: the option that beats every other; None where none does.
        p: that a winner is named though none is better than all others: the leader's largest p-value, times half the
            number of options or adjusted, whichever is less; nan where the leader was not tested against all others.
        margin: in units of the metric; a tie lies within.
        samples: of each pair that is paired, (better, worse), the differences by seed (a Series): with the options
            at their best those of the leading cell to that of the other with the largest p-value.
    """

    problem: str
    name: str
    criterion: Criterion
    table: pd.DataFrame
    pairs: pd.DataFrame
    winner: str | None
    p: float
    margin: float
    samples: dict[tuple[str, str], pd.Series]

    @property
    def metric(self) -> Metric:
        """By which the options are compared."""
        return self.criterion.metric

    @property
    def baseline(self) -> str | None:
        """If it is not None, only pairs with this option are in `pairs`, and ranks say nothing of the others."""
        return self.criterion.baseline

    @cached_property
    def ended(self) -> pd.DataFrame:
        """The rows of the options that have a run which ended."""
        return self.table[self.table["finished"] + self.table["diverged"] > 0]

    @cached_property
    def leaders(self) -> list[str]:
        """The winner, or the options that none has beaten; if that is one, it and those that it has not beaten."""
        options = [str(option) for option in self.ended["option"]]
        if not options or self.winner is not None:
            return options[:1]
        unbeaten = [str(option) for option in self.ended.loc[self.ended["rank"] == 1, "option"]]
        beaten = set(self.pairs.loc[(self.pairs["better"] == options[0]) & self.pairs["apart"], "worse"])
        return unbeaten if len(unbeaten) > 1 else [option for option in options if option not in beaten]

    @property
    def contest(self) -> pd.DataFrame:
        """The pairs of the leaders; where some of them have beaten others, those of the first of them."""
        first, among = self.leaders[0], self._among_leaders
        return among if self.are_level else among[(among["better"] == first) | (among["worse"] == first)]

    @property
    def are_level(self) -> bool:
        """Whether none of the leaders has beaten another of them."""
        return not self._among_leaders["apart"].any()

    @cached_property
    def _among_leaders(self) -> pd.DataFrame:
        top = self.leaders
        return self.pairs[self.pairs["better"].isin(top) & self.pairs["worse"].isin(top)]

    @property
    def seeds_to_decide(self) -> int | None:
        """How many seeds could decide, if there are fewer: the least p-value of n is 2 of 2**n."""
        needed = math.ceil(1 - math.log2(self.criterion.pair_level(len(self.ended))))
        paired = self.pairs[self.pairs["paired"]]
        return needed if len(paired) == len(self.pairs) and paired["seeds"].max() < needed else None


def compare_options(
    scored: pd.DataFrame, name: str, criterion: Criterion, described: pd.DataFrame | None = None
) -> PairwiseComparison:
    """The pairwise comparison of the options of scored runs.

    Args:
        scored: independent runs of one problem, at most one of an option and a seed.
        name: what the options have in common.
        criterion: by what they are compared.
        described: the columns of `describe` by option, where they are computed already.

    Returns:
        Tables of the options and their pairs.
    """
    if described is None:
        statistics = {option: describe(runs, criterion) for option, runs in scored.groupby("option")}
        described = pd.DataFrame.from_dict(statistics, orient="index")
    rows = _pairs(_by_seed(scored, criterion.metric), criterion)
    return conclude(str(scored["problem"].iloc[0]), name, criterion, described, rows)


def conclude(
    problem: str, name: str, criterion: Criterion, described: pd.DataFrame, rows: list[dict[str, Any]]
) -> PairwiseComparison:
    """The pairwise comparison of pairs that are tested: who wins, who ties, and the ranks.

    Args:
        problem: the data set.
        name: what the options have in common.
        criterion: by what they are compared.
        described: the columns of `describe` by option.
        rows: of each pair the columns `PAIR`, and any others; and `by_seed`, as `differences_by_seed` gives it.

    Returns:
        The tables with what follows from them.
    """
    samples = {(row["better"], row["worse"]): row.pop("by_seed") for row in rows}
    pairs = pd.DataFrame(rows, columns=[*PAIR, *(key for key in (rows or [{}])[0] if key not in PAIR)])
    pairs["adjusted"] = inference.holm(pairs["p"].to_numpy(dtype=float))
    ended = described["finished"] + described["diverged"] > 0
    losses = criterion.metric.as_loss(described["mean"]).where(described["diverged"] + described["pruned"] == 0, np.inf)
    order = described.assign(loss=losses, without_end=~ended)
    order["behind"] = -pairs["better"].value_counts().reindex(order.index, fill_value=0)  # where runs of all diverged
    order = order.sort_values(["without_end", "loss", "behind"], kind="stable")
    is_pruned = described["pruned"] > 0
    pairs["flattered"] = is_pruned[pairs["better"]].to_numpy() & ~is_pruned[pairs["worse"]].to_numpy()
    leader = _leader(pairs, list(order.index[~order["without_end"]]), str(order.index[0]))
    margin = criterion.margin * abs(float(described["mean"][leader]))
    pairs["ties"] = _tied(pairs, described, margin, 1 - criterion.confidence)
    against = pairs[(pairs["better"] == leader) & pairs["worse"].isin(described.index[ended]) & ~pairs["flattered"]]
    p = _p_of_winner(against, int(ended.sum())) if criterion.baseline is None else math.nan
    wins = p <= 1 - criterion.confidence
    sure = (pairs["adjusted"] <= 1 - criterion.confidence) | (wins & (pairs["better"] == leader))
    pairs["apart"] = sure & ~pairs["ties"] & ~pairs["flattered"] & pairs["p"].notna()
    beaten = pairs.loc[pairs["apart"], "worse"].value_counts().reindex(order.index, fill_value=0)
    order.insert(0, "rank", (1 + beaten).where(ended.reindex(order.index), len(order) + 1))
    order["follows"] = order.index != leader
    table = order.sort_values(["rank", "follows", "loss", "behind"], kind="stable").drop(
        columns=["loss", "without_end", "behind", "follows"]
    )
    winner = leader if wins and not against["ties"].any() else None
    table = table.rename_axis("option").reset_index()
    samples = {pair: sample for pair, sample in samples.items() if len(sample)}
    return PairwiseComparison(problem, name, criterion, table, pairs, winner, p, margin, samples)


def _leader(pairs: pd.DataFrame, options: list[str], first: str) -> str:
    """The option that the tests find better than each of the others, on their common seeds; else the first in the mean.

    An option of which the worse runs were pruned is not better than one without.
    """
    ahead = pairs["better"].where(~pairs["flattered"], pairs["worse"])[
        pairs["better"].isin(options) & pairs["worse"].isin(options)
    ]
    return next((option for option in options if (ahead == option).sum() == len(options) - 1), first)


def _p_of_winner(against: pd.DataFrame, options: int) -> float:
    """An intersection-union test of the leader against all others (Berger 1982); any of the options could have led.

    Who is told apart from every other by Holm's method wins, too: the ranks say so already.
    """
    if options < 2 or len(against) < options - 1 or against["p"].isna().any():
        return math.nan
    return min(float(against["p"].max()) * options / 2, float(against["adjusted"].max()))


def _tied(pairs: pd.DataFrame, described: pd.DataFrame, margin: float, level: float) -> pd.Series:
    """Whether the whole interval of a pair lies within the margin, by as many seeds as a win would take."""
    lost, pruned = described["diverged"] > 0, described["pruned"] > 0
    finished = ~(lost[pairs["better"]].to_numpy() | lost[pairs["worse"]].to_numpy())
    alike = pruned[pairs["better"]].to_numpy() == pruned[pairs["worse"]].to_numpy()
    enough = pairs["seeds"] >= 1 - np.log2(level)
    within = (pairs["low"] >= -margin) & (pairs["high"] <= margin)
    return pd.Series(within & finished & alike & enough, index=pairs.index)


def resamples(pairs: int) -> int:
    """How many resamples a test takes that is one of so many.

    Args:
        pairs: how many pairs are tested.

    Returns:
        1,000 for each pair, at least 10,000 and at most 200,000.
    """
    return int(np.clip(FINENESS * pairs, *RESAMPLES))


def advantage(a: Array, b: Array, paired: bool) -> float:
    """By how much one of two options is better.

    Args:
        a: losses of one option (n,); inf for a diverged run.
        b: losses of the other (m,).
        paired: whether those at the same index are of the same seed.

    Returns:
        The mean difference b - a, or where a run diverged the sum of the ranks that are tested; 0 without losses.
    """
    if not len(a) or not len(b):
        return 0.0
    if np.isfinite(a).all() and np.isfinite(b).all():
        return float(b.mean() - a.mean())
    if paired:
        with np.errstate(invalid="ignore"):
            return float(inference.signed_ranks(b - a).sum())
    return intervals.probability(a, b, paired).estimate - 0.5


def _by_seed(scored: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Losses by seed (rows) and option (columns); nan where a run has no end."""
    return scored.assign(loss=metric.as_loss(scored["score"])).pivot(index="seed", columns="option", values="loss")


def _pairs(losses: pd.DataFrame, criterion: Criterion) -> list[dict[str, Any]]:
    """The rows of `PairwiseComparison.pairs`, as far as they are of one pair each."""
    chosen = [pair for pair in combinations(losses.columns, 2) if criterion.baseline in (None, *pair)]
    rows = [_pair(losses[first], losses[second], criterion.confidence) for first, second in chosen]
    samples: list[Sample] = [row.pop("sample") for row in rows]
    level = criterion.pair_level(losses.notna().any().sum())
    for row, sample, p in zip(rows, samples, _p_values(samples, criterion.seed), strict=True):
        row["p"] = p
        row["low"], row["high"] = aligned(row["low"], row["high"], p <= 1 - criterion.confidence)
        differences = np.empty(0) if isinstance(sample, tuple) else sample
        needed = seeds_range(row["difference"], differences, level, criterion.confidence)
        row["needed_low"], row["needed_high"] = needed
    return rows


def aligned(low: float, high: float, is_sure: bool) -> tuple[float, float]:
    """The limits of a difference, moved to 0 where they and the test do not agree on whether it is excluded.

    Args:
        low: lower limit.
        high: upper limit.
        is_sure: whether the test excludes 0.

    Returns:
        Lower and upper limit.
    """
    if math.isnan(low) or (low <= 0 <= high) != is_sure:
        return low, high
    if is_sure:
        return (0.0, high) if low + high > 0 else (low, 0.0)
    return min(low, 0.0), max(high, 0.0)


def _pair(first: pd.Series, second: pd.Series, confidence: float) -> dict[str, Any]:
    """By how much one of two options (seeds,) is better, and the `sample` that is tested."""
    a, b, paired = inference.comparable(first.to_numpy(), second.to_numpy())
    if advantage(a, b, paired) < 0:
        a, b, first, second = b, a, second, first
    with np.errstate(invalid="ignore"):  # inf - inf, where both have diverged
        sample: Sample = b - a if paired else (b, a)
    row: dict[str, Any] = {"better": first.name, "worse": second.name, "seeds": min(len(a), len(b)), "paired": paired}
    row |= {"sample": sample, "by_seed": differences_by_seed(first, second)}
    row["difference"], row["low"], row["high"] = _difference(a, b, paired, confidence)
    chance = intervals.probability(a, b, paired, confidence) if len(a) and len(b) else UNKNOWN
    return row | columns("probability", chance)


def differences_by_seed(better: pd.Series, worse: pd.Series) -> pd.Series:
    """By how much one of two cells is better on each seed that both have.

    Args:
        better: losses of one cell, by seed; inf for a diverged run, nan for one without an end.
        worse: losses of the other, of the same seeds.

    Returns:
        The differences by seed, nan where both have diverged; none where the cells are not paired.
    """
    if not inference.comparable(better.to_numpy(), worse.to_numpy())[2]:
        return pd.Series(dtype=float)
    shared = better.notna() & worse.notna()
    with np.errstate(invalid="ignore"):  # inf - inf, where both have diverged
        return worse[shared] - better[shared]


def _difference(a: Array, b: Array, paired: bool, confidence: float) -> Interval:
    """The mean of b - a over the runs that finished."""
    if paired:
        finite = np.isfinite(a) & np.isfinite(b)
        return intervals.paired(b[finite] - a[finite], confidence) if finite.any() else UNKNOWN
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    return intervals.unpaired(b, a, confidence) if len(a) > 1 and len(b) > 1 else UNKNOWN


def _p_values(samples: list[Sample], seed: int) -> Array:
    """Of differences by the sign-flip test, those of equally many seeds at once; of two samples by permutation."""
    p, number = np.full(len(samples), np.nan), resamples(len(samples))
    by_length: dict[int, list[int]] = {}  # the indices of the paired samples with so many seeds
    for index, sample in enumerate(samples):
        if not isinstance(sample, tuple):
            by_length.setdefault(len(sample), []).append(index)
        elif all(len(losses) > 1 for losses in sample):
            p[index] = inference.permutation(*sample, np.random.default_rng(seed), number)
    for length, indices in by_length.items():
        if length > 1:
            differences = np.stack([samples[index] for index in indices], axis=1)
            p[indices] = inference.sign_flip(differences, np.random.default_rng(seed), number)
    return p
