"""A sweep whose jobs are all known before the first one starts, and are compared at its end."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import pandas as pd

from seedsweep.config.composing import Composed
from seedsweep.config.detail import DETAILS
from seedsweep.config.home import command
from seedsweep.config.lazy_sequence import LazySequence
from seedsweep.errors import ConfigError, FailedRunsError, masked
from seedsweep.lifecycle.progress import working
from seedsweep.lifecycle.sweep import Launch, Overrides, Sweep
from seedsweep.report.console import print_interrupted, print_sweep

log = logging.getLogger(__name__)
OFTEN = 8192  # jobs after which those that are planned are compared with one another
COMPARED = 20_000  # runs of a sweep up to which it is compared at its end without being asked


@contextmanager
def _kept_anyway() -> Iterator[None]:
    """Around the comparison of a sweep that is kept already: whatever happens there must not fail it."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        print_interrupted(f"the sweep is kept; {command('compare')} compares it")
    except Exception as error:
        again = command("compare")
        log.warning("the sweep is kept, but could not be compared (%s); try %s", masked(str(error)), again)


class GridSweep(Sweep):
    """Refuses to train a run twice, fails if a run failed, and says at its end what the seeds allow to say."""

    details: ClassVar[tuple[str, ...]] = DETAILS

    def _plan_job(self, job: Composed) -> None:
        super()._plan_job(job)
        if len(self.plan) % OFTEN == 0:
            self.check_plan()

    def check_plan(self) -> None:
        """Raise `ConfigError` if a run would be trained twice, or `compare` is neither true nor false nor null."""
        if self.first.get("compare") not in (True, False, None):
            raise ConfigError("compare", self.first["compare"], "must be true, false, or null")
        self.plan.check()

    def rounds(self, jobs: Sequence[Overrides], size: int | None = None) -> Iterator[Launch]:
        """What has to be launched: the jobs that are not in the store.

        Args:
            jobs: the overrides of each job of the sweep.
            size: how many jobs are launched at once; None for all.

        Returns:
            As `launches` says.
        """
        left = self.left.tolist()
        remaining: LazySequence[Overrides] = LazySequence(len(left), lambda index: jobs[left[index]])
        yield from self.launches(left, remaining, size or len(left))

    def is_compared(self) -> bool:
        """Whether that is asked for, and there are groups of more than one seed, but not too many."""
        asked = self.first.get("compare") and len(self.plan) <= COMPARED
        return bool(asked and 1 < len(self.plan.groups) < len(self.plan))

    def status(self) -> str:
        return "FAILED" if self.failed() else "FINISHED"

    def show(self, runs: pd.DataFrame, summary: pd.DataFrame, curves: pd.DataFrame | None) -> None:
        if not self.is_shown():
            return
        if self.record is None:
            print_sweep(runs, summary, self.name, f"{self.first['objective']['select']} value")
            return
        comparison = None
        if curves is not None:
            from seedsweep.report.publish import compare_sweeps, publish

            with _kept_anyway(), working("comparing"):
                comparison = compare_sweeps(runs, curves, [self.record.recorded()], self.first["objective"])
        page = self.record.page(self.first["objective"]["metric"], self.labels)
        print_sweep(runs, summary, self.name, "last value", self.record.uri, page)
        if comparison is not None:
            with _kept_anyway():
                publish(comparison, runs, [self.record.recorded()], self.record.uri)

    def failure(self) -> FailedRunsError | None:
        return self.failed_runs()
