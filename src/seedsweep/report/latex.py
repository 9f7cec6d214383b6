"""A comparison as a table of LaTeX: a row an option, bold where it wins, with a caption that says how sure that is."""

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from seedsweep.comparison.compare import Comparison
from seedsweep.comparison.data_sets import with_one_option
from seedsweep.comparison.phrases import listed, per_cent
from seedsweep.report.latex_text import as_text, measured
from seedsweep.report.option_table import option_table

SELECTED = {"last": "Final", "best": "Best", "auc": "Mean over the training of"}
NONE = "--"


def to_latex(comparison: Comparison) -> str:
    """The options as a table of LaTeX: their means with intervals, bold only for an option that wins.

    Args:
        comparison: of options that share a data set.

    Returns:
        A `table` environment, for which the document needs the package booktabs: a row an option; with several data
        sets a column a data set, below each mean its setting, and from six data sets on the mean ranks.

    Raises:
        ConfigError: no two options can be compared.
    """
    table = option_table(comparison)
    several = table["data"].nunique() > 1
    header, rows = _by_data_set(comparison, table) if several else _of_one(comparison, table)
    caption = as_text(" ".join(f"{sentence}." for sentence in _caption(comparison, table)))
    return "% needs \\usepackage{booktabs}\n" + pd.DataFrame(rows, columns=header).style.hide(axis="index").to_latex(
        column_format="".join("l" if name in (header[0], "setting") else "r" for name in header),
        position_float="centering",
        hrules=True,
        caption=caption.replace(r" \%", r"\,\%"),
        label="tab:comparison",
    )


def _of_one(comparison: Comparison, table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the options of one data set."""
    columns = [(str(comparison.question.by), table["option"].map(as_text))]
    columns += [("setting", table["setting"].map(as_text))] if comparison.best else []
    columns.append((table["metric"].iloc[0], pd.Series([_mean(row) for row in table.to_dict("records")])))
    columns.append(("seeds", table["finished"].astype(str) + " of " + table["planned"].astype(str)))
    columns += [] if comparison.question.baseline else [("rank", table["rank"].astype(str))]
    rows = zip(*(values for _, values in columns), strict=True)
    return [as_text(name) for name, _ in columns], [list(row) for row in rows]


def _by_data_set(comparison: Comparison, table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the options on several data sets; below the means of each is a row of their settings."""
    if not comparison.best and table["setting"].nunique() == 1:
        table = table.assign(setting="")  # which the caption says
    metrics = dict(zip(table["data"], table["metric"], strict=True))
    across, ranks = comparison.across, _mean_ranks(comparison)
    cells = {(row["option"], row["data"]): row for row in table.to_dict("records")}
    rows: list[list[str]] = []
    for option in across.ranks.index if across is not None else ():  # the best mean rank first
        on_each = [cells.get((option, data)) for data in metrics]
        means = [NONE if row is None else _mean(row) for row in on_each]
        settings = ["" if row is None else _setting(row) for row in on_each]
        space = r"\addlinespace " if rows and any(settings) else ""
        rows.append([space + as_text(option), *means, *([f"{ranks[option]:.3g}"] if len(ranks) else [])])
        rows += [["", *settings, *([""] if len(ranks) else [])]] if any(settings) else []
    one = len(set(metrics.values())) == 1
    header = [str(comparison.question.by), *(data if one else f"{data} ({name})" for data, name in metrics.items())]
    return [*map(as_text, header), *(["mean rank"] if len(ranks) else [])], rows


def _mean_ranks(comparison: Comparison) -> pd.Series:
    """The mean rank of each option, the best first; none where there are too few data sets to test them."""
    across = comparison.across
    return pd.Series(dtype=float) if across is None or across.tests.empty else across.ranks


def _mean(row: Mapping[Hashable, Any]) -> str:
    """The mean of an option with its interval."""
    if math.isnan(row["mean"]):
        return "diverged" if row["diverged"] else NONE
    text = measured(row["mean"], row["low"], row["high"])
    return rf"\textbf{{\boldmath {text}}}" if row["wins"] else text


def _setting(row: Mapping[Hashable, Any]) -> str:
    """The setting of an option in small letters, and how many of its runs finished where not all did."""
    finished = f"{row['finished']} of {row['planned']} seeds" if row["finished"] < row["planned"] else ""
    words = ", ".join(filter(None, (row["setting"], finished)))
    return rf"\footnotesize {as_text(words)}" if words else ""


def _caption(comparison: Comparison, table: pd.DataFrame) -> Iterator[str]:
    """The sentences below the table: what the numbers are, how sure they are, and what is bold."""
    question, several = comparison.question, table["data"].nunique() > 1
    yield _measured(comparison, table)
    if (table["finished"] < table["planned"]).any():
        worst = "; a diverged run counts as the worst in what is bold and in ranks" if table["diverged"].any() else ""
        yield f"Means are over the runs that finished{worst}"
    than = f"the baseline, {question.baseline}," if question.baseline else "every other"
    than = f"better than {than} at {per_cent(question.confidence)} confidence"
    if table["wins"].any():
        yield f"Bold: wins{' on that data set' * several}, that is, {than}"
    else:
        yield f"None is bold, as none was shown to be {than}"
    if not several and not question.baseline:
        yield "Rank: one more than the number of those shown to be better"
    if len(_mean_ranks(comparison)) and comparison.across is not None:
        yield f"Mean rank: over the {comparison.across.ranked} data sets that have every {question.by}"
    if alone := with_one_option(comparison.groups):
        yield f"Left out: {listed([f'{data} ({option} only)' for data, option in alone.items()])}"


def _measured(comparison: Comparison, table: pd.DataFrame) -> str:
    """What the numbers are, over how many seeds, and which are better."""
    question, metrics = comparison.question, list(table["metric"].unique())
    selected = SELECTED[question.select if metrics == [question.metric] else "last"]
    problem, setting = table["data"].iloc[0], table["setting"].iloc[0]
    where = f" on {problem}" if problem and table["data"].nunique() == 1 else ""
    if comparison.best:
        how, wide = f", at its best setting by {question.metric}", ", wide enough for the choice of the setting"
    else:
        how, wide = f" at {setting}" if setting and table["setting"].nunique() == 1 else "", ""
    fewest, most = int(table["planned"].min()), int(table["planned"].max())
    seeds = f"{most} seed{'s' * (most > 1)}" if fewest == most else f"{fewest} to {most} seeds"
    interval = f"{per_cent(question.confidence)} interval{wide}"
    direction = "larger" if question.measure.is_maximized else "smaller"
    what = f"{selected} {listed(metrics)} of each {question.by}{where}{how}"
    return f"{what}: mean over {seeds} ± half the width of its {interval}; {direction} is better"
