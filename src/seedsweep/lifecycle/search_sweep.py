"""A sweep that is a search."""

from collections.abc import Mapping
from typing import ClassVar

import pandas as pd

from seedsweep.lifecycle.growing_sweep import GrowingSweep
from seedsweep.lifecycle.planned_job import planned
from seedsweep.lifecycle.sweep import Overrides
from seedsweep.report.console import print_searched


class SearchSweep(GrowingSweep):
    """Several processes may work on one search, each with a sweep of its own."""

    is_shared: ClassVar[bool] = True

    def group(self, job: Overrides) -> str:
        """The group that a job's run belongs to."""
        return planned(self.compose(job, 0), self.labels).group

    def identity(self, tags: Mapping[str, str]) -> tuple[str, str]:
        return "search", tags["search"]

    def common_params(self) -> Mapping[str, str]:
        """None for certain: a later trial may have what those of the first round do not."""
        return {}

    def show(self, runs: pd.DataFrame, summary: pd.DataFrame, curves: pd.DataFrame | None) -> None:
        if self.record is None:
            print_searched(runs)
        else:
            page = self.record.page(self.first["objective"]["metric"], self.labels)
            print_searched(runs, self.record.uri, page)
