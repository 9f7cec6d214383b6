"""A sweep and a comparison as a notebook shows them: the answer, the table, and what to doubt."""

from importlib.resources import files

import jinja2
import pandas as pd

from seedsweep.comparison.compare import Comparison
from seedsweep.report.summary import counted_runs

TEMPLATE = "notebook.html.jinja"
VERDICTS = 6  # that are shown


def results_html(name: str, runs: pd.DataFrame, table: pd.DataFrame, answer: Comparison | str) -> str:
    """A recorded sweep.

    Args:
        name: of the sweep.
        runs: a row a run.
        table: a row a group, as `summarize` gives it.
        answer: what the runs allow to say, or why there is nothing.

    Returns:
        HTML, in which all text is escaped.
    """
    verdicts = [] if isinstance(answer, str) else _verdicts(answer)
    headline = answer if isinstance(answer, str) else answer.headline
    about = f"{name}: {counted_runs(runs)}"
    caption = "mean ± sd over seeds of the last value"
    return _render(headline=headline, about=about, tables=[(caption, table)], verdicts=verdicts, diagnostics=[])


def comparison_html(comparison: Comparison) -> str:
    """A comparison.

    Args:
        comparison: that is shown.

    Returns:
        HTML, in which all text is escaped.
    """
    about = f"Comparison by {comparison.question.metric} of {len(comparison.runs):,} runs"
    return _render(
        headline=comparison.headline,
        about=about,
        tables=[],
        verdicts=_verdicts(comparison),
        diagnostics=comparison.diagnostics,
    )


def _verdicts(comparison: Comparison) -> list[tuple[str, str]]:
    """What each verdict is about, and its sentence; of many the first."""
    lines = [
        (" ".join(filter(None, (verdict.question, verdict.problem, verdict.setting))), verdict.sentence)
        for verdict in comparison.verdicts
    ]
    more = len(lines) - VERDICTS
    return lines[:VERDICTS] + ([("", f"… and {more:,} more in the report: save('report.html')")] if more > 0 else [])


def _render(**content: object) -> str:
    source = files("seedsweep.report").joinpath(TEMPLATE).read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    return environment.from_string(source).render(content)
