"""A sweep whose seeds are bought until it is sure which option wins."""

from collections.abc import Mapping

import pandas as pd

from seedsweep.errors import FailedRunsError
from seedsweep.lifecycle.growing_sweep import GrowingSweep
from seedsweep.report.console import print_searched


class SureSweep(GrowingSweep):
    """One command is one sweep: what it has decided follows from its runs, which are read again when it goes on."""

    def identity(self, tags: Mapping[str, str]) -> tuple[str, str]:
        return "until_sure", tags["until_sure"]

    def status(self) -> str:
        return "FAILED" if self.failure() else "FINISHED"

    def failure(self) -> FailedRunsError | None:
        """What to say if all jobs of the first round raised, so that more seeds would tell nothing."""
        return None if self._values else self.failed_runs()

    def show(self, runs: pd.DataFrame, summary: pd.DataFrame, curves: pd.DataFrame | None) -> None:
        """Print how many runs there are; the means of cells that were dropped at different times would mislead."""
        if not self.is_shown():
            return
        if self.record is None:
            print_searched(runs)
        else:
            page = self.record.page(self.first["objective"]["metric"], self.labels)
            print_searched(runs, self.record.uri, page)
