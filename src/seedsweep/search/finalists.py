"""The best trials of a search on fresh seeds: on all of them at once, or on more and more until it is sure who wins."""

import math
from collections.abc import Sequence

import numpy as np
from optuna.trial import FrozenTrial

from seedsweep.comparison.until_sure import Sequential
from seedsweep.config.params import setting
from seedsweep.search.aggregate import Aggregate
from seedsweep.search.confirm import Confirmation, confirm
from seedsweep.search.option_study import OptionStudy

CONFIDENCE, MORE = 0.95, 5  # of the answer; seeds of a round after the first

Trial = tuple[OptionStudy, FrozenTrial]


class Finalists:
    """Says which trials are trained with which seeds next, and is told what they gave.

    Args:
        trials: of all studies. Between their options is decided where there are several, else between the trials.
        seeds: fresh ones, at most.
        first: how many of them all trials get before anything is decided; None: all, and nothing is decided.
        aggregate: of a trial's values.
    """

    def __init__(self, trials: Sequence[Trial], seeds: Sequence[int], first: int | None, aggregate: Aggregate):
        self._trials, self._aggregate, self._test = trials, aggregate, None
        self._values: list[list[float]] = [[] for _ in trials]
        self._seeds, self._is_told = seeds, False
        options = [study.option for study, _ in trials]
        if len(set(options)) < 2:
            options = [setting(trial.params) for _, trial in trials]
        if first is None:
            return
        self._seeds = seeds if len(set(options)) > 1 else seeds[:first]
        if len(set(options)) > 1:
            self._test = Sequential(options, first, MORE, len(seeds), CONFIDENCE)

    @property
    def _living(self) -> Sequence[int]:
        return self._test.state.living if self._test else range(len(self._trials))

    @property
    def trials(self) -> list[Trial]:
        """Those that are trained next."""
        return [self._trials[index] for index in self._living]

    @property
    def seeds(self) -> Sequence[int]:
        """Those that they are trained with; none where all is known."""
        if self._test:
            return [self._seeds[position] for position in self._test.next_seeds]
        return () if self._is_told else self._seeds

    def tell(self, values: Sequence[Sequence[float]]) -> None:
        """Take in what the trials gave with the seeds (trials, seeds); nan is a run that failed."""
        losses = np.full((len(self._trials), len(self.seeds)), math.nan)
        for index, of_trial in zip(self._living, values, strict=True):
            self._values[index] += of_trial
            losses[index] = self._aggregate.signs[0] * np.array(of_trial)
        self._is_told = True
        if self._test:
            self._test.observe(np.where(np.isfinite(losses), losses, math.inf))

    @property
    def answer(self) -> str:
        """Which option wins, if any; empty where nothing is decided."""
        return self._test.state.sentence(CONFIDENCE) if self._test else ""

    def confirmations(self) -> list[Confirmation]:
        """What is left of each trial, the best first: those that were dropped come last, in the opposite order."""
        left = [
            confirm(study.name, study.option, trial, values, self._aggregate)
            for (study, trial), values in zip(self._trials, self._values, strict=True)
        ]
        dropped = self._test.state.dropped_after if self._test else [None] * len(left)
        ranked = sorted(
            zip(left, dropped, strict=True),
            key=lambda pair: (-(pair[1] or math.inf), self._aggregate.signs[0] * pair[0].value),
        )
        return [trial for trial, _ in ranked]
