"""A recorded sweep, as Python and notebooks see it."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedsweep.api.comparison import Comparison, compare
from seedsweep.comparison.params import compared, swept
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.report.summary import counted, summarize
from seedsweep.tracking.connection import default_uri
from seedsweep.tracking.reader import load_curves, load_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, find_sweeps
from seedsweep.tracking.weights import load_model

if TYPE_CHECKING:
    from altair import TopLevelMixin
    from torch import nn

METRIC = "val/loss"  # unless the runs have no such metric


class Results:
    """The runs of a sweep, their curves, and what they allow to say; read from the store when they are asked for.

    Args:
        sweep: its run id.
        tracking_uri: address of its store.
    """

    def __init__(self, sweep: str, tracking_uri: str):
        self.sweep, self.tracking_uri = sweep, tracking_uri

    @cached_property
    def record(self) -> RecordedSweep:
        """The sweep's own run in the store: its name, status and tags."""
        return find_sweeps(self.tracking_uri, self.sweep)[0]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row a run, as `seedsweep.load_runs` gives them."""
        return load_runs(self.sweep, self.tracking_uri)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row a point, as `seedsweep.load_curves` gives them."""
        return load_curves(self.sweep, self.tracking_uri)

    @cached_property
    def metric(self) -> str:
        """What the runs are judged by unless another metric is named."""
        measured = list(dict.fromkeys(self.curves["metric"]))
        if not measured:
            raise ConfigError("sweep", self.sweep, "none of its runs has measured anything")
        return METRIC if METRIC in measured else self.record.tags.get("seedsweep.metric", measured[0])

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a group: how many of its runs finished, mean ± sd over its seeds."""
        return summarize(self.runs, self.metric)

    def compare(self, **question: Any) -> Comparison:
        """What the seeds allow to say.

        Args:
            question: the keys of `seedsweep-compare`: `metric`, `by`, `at`, `baseline`, `confidence`, …

        Returns:
            Verdicts, tables and figures.

        Raises:
            ConfigError: a key or value is not allowed, or there is nothing to compare.
        """
        return compare(self.runs, self.curves, **{"metric": self.metric} | question)

    def model(self, run: str | None = None) -> "nn.Module":
        """The trained model of a run, ready to predict.

        Args:
            run: its id or its name; None: the one that is best by the metric.

        Returns:
            A torch module, from features in their own units to logits.

        Raises:
            ConfigError: there is no such run, or it has no weights.
        """
        return load_model(self._run_id(run), self.tracking_uri)

    def plot(self, figure: str | None = None, **question: Any) -> "TopLevelMixin":
        """A figure of the comparison.

        Args:
            figure: its name, as in the report; None: the answer.
            question: as `compare` takes it.

        Returns:
            An Altair chart, which shows itself in a notebook.

        Raises:
            ConfigError: there is no such figure of these runs.
        """
        return self.compare(**question).plot(figure)

    def to_latex(self, **question: Any) -> str:
        """The table of the options, for a paper.

        Args:
            question: as `compare` takes it.

        Returns:
            LaTeX, which needs the package booktabs.
        """
        return self.compare(**question).to_latex()

    def _run_id(self, run: str | None) -> str:
        if run is None:
            finished = self.runs[self.runs["outcome"] == "finished"]
            if finished.empty:
                raise ConfigError("run", run, "no run has finished")
            best = Metric(self.metric).as_loss(finished[self.metric]).to_numpy().argmin()
            return str(finished["run"].iloc[best])
        named = self.runs.loc[(self.runs["run"] == run) | (self.runs["name"] == run), "run"]
        if named.empty:
            raise ConfigError("run", run, f"there is no such run; there are {', '.join(self.runs['name'][:3])}, …")
        return str(named.iloc[0])

    def _answer(self) -> Comparison | None:
        """The comparison, if there is something to compare."""
        options = compared(self.runs)
        several = options in self.runs and self.runs[options].nunique() > 1
        return self.compare() if several or swept(self.runs) else None

    def __repr__(self) -> str:
        answer = self._answer()
        about = f"{self.record.name}: {len(self.runs)} runs: {counted(self.runs)}"
        return "\n".join([about, *([answer.headline] if answer else []), self.table.to_string(index=False)])

    def _repr_html_(self) -> str:
        from seedsweep.report.notebook import results_html

        return results_html(self.record.name, self.runs, self.table, self._answer())


def open_results(sweep: str = "latest", tracking_uri: str | None = None) -> Results:
    """A recorded sweep, also one that is not finished, or was recorded by the command line.

    Args:
        sweep: run id of the sweep, its beginning, or `"latest"`.
        tracking_uri: address of the store; the default store when None.

    Returns:
        The same as `seedsweep.sweep` gives.

    Raises:
        ConfigError: no such store or sweep.
    """
    uri = tracking_uri or default_uri()
    return Results(find_sweeps(uri, sweep)[0].run_id, uri)
