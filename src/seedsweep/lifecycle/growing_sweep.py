"""A sweep that gets its jobs round by round, from a search or a test that looks at the runs itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from seedsweep.config.planned_run import PlannedRun
from seedsweep.errors import FailedRunsError
from seedsweep.gc_pause import collector_paused
from seedsweep.lifecycle.progress import advance
from seedsweep.lifecycle.sweep import Launch, Overrides, Sweep
from seedsweep.outcomes import objective
from seedsweep.tracking.trained_runs import ENDED


@dataclass
class GrowingSweep(Sweep):
    """Takes jobs while it goes on; what its runs mean, the failed ones, too, says whoever asks for them.

    A job that the sweep had before, whichever command asked for it, is the same run. `prunes` says that every job has
    to be trained, for what the search looks at in the meantime.
    """

    prunes: bool = False
    grows: ClassVar[bool] = True
    _asked: list[PlannedRun] = field(default_factory=list)  # the jobs of this round
    _round: list[int] = field(default_factory=list)  # their numbers in the plan
    _numbers: dict[str, int] = field(default_factory=dict)  # by the keys of the runs that a job can be
    _stored: dict[int, str] = field(default_factory=dict)  # the ids of runs that have ended, by the numbers of jobs
    _values: dict[int, Any] = field(default_factory=dict)  # what is known of jobs, by their numbers
    _trained: list[int] = field(default_factory=list)  # the numbers of this round's jobs that are launched
    _launches: int = 0  # of earlier rounds

    def check(self, jobs: Iterable[Overrides]) -> None:
        self._asked, self._round = [], []
        with collector_paused():
            for overrides in jobs:
                self._plan_job(self.compose(overrides, len(self.plan)))

    def _enter(self, run: PlannedRun) -> None:
        number = self._numbers.get(run.key, len(self.plan))
        if number == len(self.plan):
            self.plan.add(run)
        if not self.prunes:
            self._numbers[run.key] = number
        self._asked.append(run)
        self._round.append(number)

    def go_on(self, runs: pd.DataFrame) -> None:
        """Take over an earlier command's plan: the jobs of this round come after it, but for those that are in it."""
        assert self.record  # noqa: S101, that of the sweep which is taken over
        asked, self.plan = self._asked, self.record.read_plan() or self.plan
        has_ended = runs["status"] == "FINISHED"
        counts = has_ended & runs["outcome"].isin(ENDED) & (not self.prunes)
        self._stored = dict(runs.loc[counts, ["job", "run"]].itertuples(index=False))
        taken = set(runs["job"][has_ended & ~counts])
        keys = enumerate(f"{key:016x}" for key in self.plan.keys.tolist())
        self._numbers = {key: number for number, key in keys if number not in taken}
        self._asked, self._round = [], []
        for run in asked:
            self._enter(replace(run, job=len(self.plan)))

    def take_stored(self) -> int:
        """Nothing yet: each round looks for its own jobs."""
        return 0

    @property
    def left(self) -> np.ndarray:
        """The jobs (n,) of this round, of which some may be in the store."""
        return np.array(self._round)

    def add(self, jobs: Sequence[Overrides]) -> None:
        """Check more jobs, and add them to the plan and its record.

        Args:
            jobs: the overrides of each.

        Raises:
            ConfigError: one of them cannot be run.
        """
        self.check(jobs)
        if self.record:
            self.record.write_plan(self.plan, self.optima())

    def rounds(self, jobs: Sequence[Overrides]) -> Iterator[Launch]:
        """What has to be launched of the jobs that were planned last; others are in the store.

        Args:
            jobs: the overrides of each.

        Returns:
            As `launches` says.
        """
        overrides = dict(zip(self._round, jobs, strict=True))
        self._look_up([number for number in overrides if number not in self._values])
        self._trained = [number for number in overrides if number not in self._values]
        self._launches = len(self.returns)
        launched = [overrides[number] for number in self._trained]
        yield from self.launches(self._trained, launched, max(1, len(launched)))

    def values(self) -> list[Any]:
        """What the jobs of the round returned, or the exceptions that ended them."""
        returned = chain.from_iterable(self.returns[self._launches :])
        # return_value would print and raise
        trained = {number: job._return_value for number, job in zip(self._trained, returned, strict=True)}
        values = self._values | trained
        if not self.prunes:
            self._values = {number: value for number, value in values.items() if not isinstance(value, Exception)}
        return [values[number] for number in self._round]

    def _look_up(self, numbers: Sequence[int]) -> None:
        """Read what the store has of jobs: this sweep's own runs of an earlier command, and copies of other runs."""
        if self.record is None or self.prunes or not self.first["tracking"].get("reuse", True):
            return
        elsewhere = sorted(set(numbers) - self._stored.keys())
        self._stored |= self.record.take_trained(self.plan, np.array(elsewhere, dtype=np.int64))
        self._read({number: self._stored[number] for number in numbers if number in self._stored})

    def _read(self, runs: Mapping[int, str]) -> None:
        """Take the values of jobs from their runs in the store."""
        if self.record is None or not runs:
            return
        chosen = self.first["objective"]
        results = self.record.read_results(list(runs.values()), chosen["metric"])
        self._values |= {number: objective(results[run], **chosen) for number, run in runs.items()}
        advance(self.progress, len(runs) * self._length())

    def _length(self) -> int:
        """How far a run takes the bar."""
        return int(self.first["trainer"]["max_epochs"])

    def check_plan(self) -> None:
        """Nothing: a job that the sweep had before is the same run."""

    def status(self) -> str:
        return "FINISHED"

    def failure(self) -> FailedRunsError | None:
        return None
