"""A comparison that shows itself in a notebook, and goes into a file."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedsweep.comparison import compare as comparing

if TYPE_CHECKING:
    from altair import TopLevelMixin


class Comparison(comparing.Comparison):
    """What `seedsweep.compare` gives: see the fields of the class that it inherits from."""

    def plot(self, figure: str | None = None) -> "TopLevelMixin":
        """A figure of the report.

        Args:
            figure: its name; None: the answer.

        Returns:
            An Altair chart, which shows itself in a notebook.

        Raises:
            ConfigError: there is no such figure of these runs; the message lists those that there are.
        """
        from seedsweep.report import export

        return export.figure(self, figure or "answer")

    def save(self, path: str | Path) -> Path:
        """Write the comparison into a file: what its ending says.

        Args:
            path: `.html` is the report; `.png`, `.svg` and `.pdf` are the figure that the file is named by, such as
                `answer.pdf`; `.tex` and `.csv` are the table of the options.

        Returns:
            The path.

        Raises:
            ConfigError: there is nothing of such an ending or name.
        """
        from seedsweep.report import export

        return export.save(self, path)

    def to_latex(self) -> str:
        """The table of the options, for a paper.

        Returns:
            LaTeX, which needs the package booktabs.
        """
        from seedsweep.report.latex import to_latex

        return to_latex(self)

    def _repr_html_(self) -> str:
        from seedsweep.report.notebook import comparison_html

        return comparison_html(self)


def compare(runs: pd.DataFrame, curves: pd.DataFrame | None = None, **question: Any) -> Comparison:
    """Compare the options of one param over the seeds of their runs.

    Args:
        runs: a row a run: the param `by`, those that were swept, `seed` (or `init_seed` and `order_seed`), the last
            value of each metric, and `outcome` where not every run finished. `load_runs` gives such a frame.
        curves: tidy (`run`, `metric`, `step`, `epoch`, `value`), as `load_curves` gives them; None where there are only
            last values.
        question: the keys of `seedsweep-compare`, all of which have defaults: `metric`, `by`, `at`, `baseline`, …

    Returns:
        Groups, pairwise comparisons, verdicts, and what the figures show.

    Raises:
        ConfigError: a key or value of the question is not allowed, or the runs do not fit it.
    """
    answered = comparing.compare(runs, curves, **question)
    return Comparison(**{field.name: getattr(answered, field.name) for field in fields(answered)})
