"""A sweep that gets its jobs round by round from a search, which looks at them itself."""

from collections.abc import Mapping, Sequence

import pandas as pd

from seedsweep.errors import FailedRunsError
from seedsweep.lifecycle.planned_job import planned
from seedsweep.lifecycle.sweep import Overrides, Sweep
from seedsweep.report.console import print_searched


class SearchSweep(Sweep):
    """Takes jobs while it goes on; what its runs mean, the failed ones, too, its search says."""

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

    def group(self, job: Overrides) -> str:
        """The group that a job's run belongs to."""
        return planned(self.compose(job, 0), self.labels).group

    def check_plan(self) -> None:
        """Nothing: what was trained before is left out by the search."""

    def digest(self, tags: Mapping[str, str]) -> str:
        """Empty: a search is gone on with by its studies."""
        return ""

    def status(self) -> str:
        return "FINISHED"

    def show(self, runs: pd.DataFrame, summary: pd.DataFrame, curves: pd.DataFrame | None) -> None:
        if self.record is None:
            print_searched(runs)
        else:
            print_searched(runs, self.record.uri, self.record.page(self.first["objective"]["metric"]))

    def failure(self) -> FailedRunsError | None:
        return None
