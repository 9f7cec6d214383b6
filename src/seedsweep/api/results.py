"""A recorded sweep, as Python and notebooks see it."""

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedsweep.api.comparison import Comparison, compare
from seedsweep.comparison.params import compared, swept
from seedsweep.config.planned_call import own_question
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.report.summary import counted_runs, summarize
from seedsweep.tracking.addresses import default_uri
from seedsweep.tracking.reader import load_curves, load_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, find_sweeps
from seedsweep.tracking.weights import load_model
from seedsweep.until_sure.answer import read_cells, read_sentences
from seedsweep.until_sure.console import cells_rows

if TYPE_CHECKING:
    from altair import TopLevelMixin
    from torch import nn

METRIC = "val/loss"  # unless the runs have no such metric
SURE, ANSWER = "seedsweep.until_sure", "seedsweep.answer"  # tags of sweeps that bought their seeds
NOT_COMPARED = (
    "bought its seeds until it was sure, so that the means of cells that were dropped early or not do not compare: "
    "answer says which wins, and cells what each came to; compare(metric=…) compares the runs all the same"
)


class Results:
    """The runs of a sweep, their curves, and what they allow to say; read from the store when they are first asked for.

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
        measured = [str(name) for name in self.runs if "/" in str(name)] or list(dict.fromkeys(self.curves["metric"]))
        asked = self.record.tags.get("seedsweep.metric", METRIC)
        return asked if asked in self.runs or not measured else measured[0]

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a group, in strings: how many of its runs finished, mean ± sd over its seeds; or the `cells`."""
        if SURE in self.record.tags and self.answer:
            return cells_rows(self.cells)
        return summarize(self.runs, self.metric)

    @cached_property
    def answer(self) -> str:
        """What the seeds allow to say, in words: of `until="sure"` who wins, ties or is left, and on fresh seeds."""
        answer = self._answer
        return answer if isinstance(answer, str) else answer.headline

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Of a sweep with `until="sure"` a row a cell, those that live first; `ConfigError` for others.

        `mean` and `sd` are over the seeds that a cell got: those of cells that live flatter, as the lucky ones survive.
        `fresh`, with `low` and `high`, is the mean over fresh seeds, which the two cells have that came first.
        """
        if SURE not in self.record.tags:
            raise ConfigError("sweep", self.sweep, 'has no cells: they are of sweep(…, until="sure")')
        return read_cells(self.record, self.tracking_uri)

    def compare(self, **question: Any) -> Comparison:
        """What the seeds allow to say; of `until="sure"` only where it is asked a question, and not by default.

        Args:
            question: the keys of `seedsweep-compare`: `metric`, `by`, `at`, `baseline`, `confidence`, …

        Returns:
            Verdicts, tables and figures.

        Raises:
            ConfigError: a key or value is not allowed, or there is nothing to compare.
        """
        if SURE in self.record.tags and not question:
            raise ConfigError("sweep", self.sweep, NOT_COMPARED)
        own = {"select": self.record.tags.get("seedsweep.select", "last"), **own_question(self.record.tags)}
        own["metric"] = self.metric
        return compare(self.runs, self.curves, **own | question)

    def model(self, run: str | None = None, trust: Collection[str] = ()) -> "nn.Module":
        """The trained model of a run, ready to predict.

        Args:
            run: its id or its name; None: the one that is best by the metric.
            trust: names of modules and packages that may be imported for it, as `load_model` has it.

        Returns:
            A torch module, from features in their own units to logits.

        Raises:
            ConfigError: there is no such run, or it has no weights.
        """
        return load_model(self._run_id(run), self.tracking_uri, trust)

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
        if "seedsweep.swept" in self.record.tags:
            raise ConfigError("run", run, "is of a function, which keeps no model")
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

    @cached_property
    def _answer(self) -> Comparison | str:
        """The comparison, or why there is none."""
        if self.record.tags.get(ANSWER) or SURE in self.record.tags:
            return "\n".join(read_sentences(self.record))
        by = own_question(self.record.tags).get("by") or compared(self.runs)
        if self.runs.empty or (not (by in self.runs and self.runs[by].nunique() > 1) and not swept(self.runs)):
            return ""
        try:
            return self.compare()
        except ConfigError as error:  # such as of a metric of which nobody knows whether larger is better
            return f"compare() needs to know more: {error}"

    def __repr__(self) -> str:
        about = f"{self.record.name}: {counted_runs(self.runs)}"
        return "\n".join(filter(None, [about, self.answer, self.table.to_string(index=False)]))

    def _repr_html_(self) -> str:
        from seedsweep.report.notebook import results_html

        return results_html(self.record.name, self.runs, self.table, self._answer)


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
    if not isinstance(sweep, str):
        raise ConfigError("sweep", sweep, "must be latest, or the id of a sweep or its beginning")
    return Results(find_sweeps(uri, sweep)[0].run_id, uri)
