"""Options compared in pairs: by how much each is better than another, and whether one of them wins."""

import math
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from seedsweep.comparison.groups import Criterion
from seedsweep.metrics import Metric


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
            number of options that could be the best, or adjusted, whichever is less; nan where the leader was not
            tested against all others.
        level: the two-sided p-value that the leader needs against each of the others.
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
    level: float
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
    def pairs_of_leaders(self) -> pd.DataFrame:
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
        options = 2 if self.baseline is None else len(self.ended)  # all others may be surely worse
        needed = math.ceil(1 - math.log2(self.criterion.pair_level(options)))
        paired = self.pairs[self.pairs["paired"]]
        return needed if len(paired) == len(self.pairs) and paired["seeds"].max() < needed else None
