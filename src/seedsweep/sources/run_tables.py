"""Tables of runs as people keep them: a row a run, or a row a point."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from seedsweep.outcomes import RUN_COLUMNS
from seedsweep.sources.columns import Columns, outcome_column, outcomes_of, told_apart
from seedsweep.sources.points import last_values, points_of
from seedsweep.sources.recorded_runs import CURVES, Named, RecordedRuns
from seedsweep.sources.table_files import read_table

FILE = "file"  # the param that several tables get


def runs_of_tables(files: Sequence[Path], source: str, named: Named) -> RecordedRuns:
    """The runs of CSV and Parquet files.

    Args:
        files: whose rows are taken together; of several each gives its name to its runs, as the param `file`.
        source: how they are called.
        named: the columns that the question names.

    Returns:
        The runs.

    Raises:
        ConfigError: a file is no table, or nothing tells its runs apart.
    """
    tables, notes = [], list[str]()
    for file in files:
        frame, of_file = read_table(file)
        notes += [f"{file.name}: {', '.join(of_file)}"] * bool(of_file)
        add = {FILE: file.stem} if len(files) > 1 and FILE not in frame else {}
        tables.append(frame.assign(**add))
    table = pd.concat(tables, ignore_index=True)
    if set(RUN_COLUMNS) <= set(table):
        return _of_a_sweep(table, source, named)
    if points := points_of(table, named):
        return _recorded(points.runs, source, named, [*notes, points.line], (points.curves, points.metrics))
    return _recorded(table.set_axis([f"row {number + 1}" for number in range(len(table))]), source, named, notes)


def _recorded(
    table: pd.DataFrame,
    source: str,
    named: Named,
    notes: Sequence[str],
    points: tuple[pd.DataFrame, list[str]] | None = None,
) -> RecordedRuns:
    """The runs of a table with a row a run; of those that had a row a point, the curves and the metrics are given."""
    about = outcome_column(table, named.params)
    outcomes = outcomes_of(table[about]) if about else pd.Series(None, index=table.index, dtype=object)
    rest = table.drop(columns=[about] if about else [])
    curves, metrics = points or (pd.DataFrame(columns=CURVES), [])
    columns = told_apart(rest.drop(columns=metrics), named) if points else told_apart(rest, named)
    if points:
        table = table.drop(columns=metrics).join(last_values(curves))
        columns = Columns(columns.params, [*metrics, *columns.metrics], columns.about, columns.left_out)
    return RecordedRuns(
        source=source,
        table=table,
        params=tuple(columns.params),
        metrics=tuple(columns.metrics),
        outcomes=outcomes,
        absent="missing" if points else "diverged",
        about=tuple(columns.about),
        left_out=columns.left_out | ({about: "the outcomes"} if about else {}),
        curves=lambda metric: curves[curves["metric"] == metric],
        notes=tuple(notes),
    )


def _of_a_sweep(table: pd.DataFrame, source: str, named: Named) -> RecordedRuns:
    """The table of runs of a sweep of ours, whose columns are known."""
    names = [name for name in map(str, table) if name not in RUN_COLUMNS and not table[name].isna().all()]
    params = tuple(name for name in names if "/" not in name)
    metrics = tuple(name for name in names if "/" in name)
    table = table.astype({name: object for name in table if str(table[name].dtype) == "str"})
    return RecordedRuns(
        source, table, params, metrics, table["outcome"], "missing", are_params=True, is_sweep=named.seeds is None
    )
