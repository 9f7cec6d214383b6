"""What each column of a table of runs is: a param, a metric, or neither of them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.metrics import names_metric
from seedsweep.sources.column_names import (
    OUTCOME,
    OUTCOMES,
    named_problem,
    names_fold,
    names_param,
    names_replicate,
    names_run,
    names_seed,
    names_time,
)
from seedsweep.sources.recorded_runs import Named
from seedsweep.sources.table_files import is_integer

PARAM, METRIC, ABOUT = "param", "metric", "about"
INDEX, EMPTY, DATES = "an index", "empty", "dates"
CONSTANT, UNIQUE = "the same in every run", "another one in each run"
NUMBER = r"[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?"
WRAPPED = rf"(?:[a-z.]*\d*[(\[])?[$€£]?{NUMBER}\s*(?:[%)\],±(\[]|\+/?-).*|{NUMBER}"  # tensor(0.97), 0.97 ± 0.01, 97%
DATE = r"\d{4}-\d{2}-\d{2}([ T_].*)?|\d{1,2}[./]\d{1,2}[./]\d{4}.*|\d{8}[-_T]\d{4,6}"


@dataclass
class Columns:
    """The columns by what they are; `left_out` says why a column is neither."""

    params: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    about: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


class _Look(NamedTuple):
    """What is looked at in a column: its values, the numbers of its runs and of its different values."""

    values: pd.Series
    runs: int
    distinct: int
    is_number: bool


def told_apart(table: pd.DataFrame, named: Named, are_params: bool = False) -> Columns:
    """Tell params from metrics, by the question, by their names, and by their values.

    Args:
        table: a row a run.
        named: the columns that the question names, which are what it takes them for.
        are_params: whether all of the columns are known to be params, so that none was measured.

    Returns:
        What each column is.
    """
    columns = Columns()
    for name in map(str, table):
        kind = _kind(name, table[name], named, are_params)
        listed = {PARAM: columns.params, METRIC: columns.metrics, ABOUT: columns.about}.get(kind)
        if listed is None:
            columns.left_out[name] = kind
        else:
            listed.append(name)
    return columns


def outcome_column(table: pd.DataFrame, named: Collection[str] = ()) -> str | None:
    """The column whose strings are all outcomes of runs, such as `finished` and `crashed`; not one of those named."""
    for name in table:
        if str(name).lower() in OUTCOME and name not in named and table[name].notna().any():
            words = table[name].dropna().astype(str).str.lower()
            if words.isin(_words()).all():
                return str(name)
    return None


def outcomes_of(column: pd.Series) -> pd.Series:
    """Our words for the outcomes in a column; None where it has none."""
    return column.astype(object).map(lambda word: None if pd.isna(word) else _words().get(str(word).lower()))


def _words() -> dict[str, str]:
    return {word: outcome for outcome, words in OUTCOMES.items() for word in words.split()}


def _kind(name: str, values: pd.Series, named: Named, are_params: bool) -> str:
    """`PARAM`, `METRIC`, `ABOUT`, or why the column is neither."""
    is_number = values.dtype.kind in "iuf"
    if name in named.params:
        return PARAM
    if name == named.metric and is_number and not are_params:
        return METRIC
    if values.isna().all():
        return EMPTY
    look = _Look(values, len(values), values.nunique(), is_number)
    if _is_index(name, look):
        return INDEX
    if names_seed(name) or names_fold(name) or (names_replicate(name) and 1 < look.distinct < look.runs):
        return PARAM
    if name in named_problem([name]):
        return PARAM if look.distinct < look.runs else UNIQUE
    if not is_number and names_metric(name) and look.distinct > 1:
        _check_numbers(name, values)
    return _measured(name, look) or _param(name, look) if is_number and not are_params else _param(name, look)


def _check_numbers(name: str, values: pd.Series) -> None:
    """Refuse measured numbers that are written with something around them, as `tensor(0.97)` or `0.97 ± 0.01`."""
    texts = values.dropna().astype(str)
    if 2 * texts.nunique() > len(texts) and texts.str.fullmatch(WRAPPED).all():
        allowed = f"holds texts such as {texts.iloc[0]!r}, and no numbers: write each number alone"
        raise ConfigError("runs", name, allowed)


def _is_index(name: str, look: _Look) -> bool:
    if not name.startswith("Unnamed:") and name.lower() not in ("", "index", "level_0"):
        return False
    return name.startswith("Unnamed:") or (look.distinct == look.runs and look.is_number)


def _measured(name: str, look: _Look) -> str | None:
    """The kind of a column of numbers that was measured; None for one that may be a param."""
    if names_time(name):
        return ABOUT
    if "/" in name or (names_metric(name) and "." not in name):
        return METRIC
    if names_param(name) or "." in name or is_integer(look.values):
        return None
    return METRIC if 2 * look.distinct > look.runs else None


def _param(name: str, look: _Look) -> str:
    """`PARAM`, or why the column cannot be one."""
    if pd.api.types.is_datetime64_any_dtype(look.values.dtype) or _holds_dates(look):
        return DATES
    if look.distinct == 1 and not look.values.isna().any():
        return CONSTANT
    if names_run(name) or (names_time(name) and not look.is_number):
        return "it names runs or where they ran" if look.distinct < look.runs else UNIQUE
    integers = look.is_number and is_integer(look.values)
    if look.distinct == look.runs > 2 and not names_param(name) and (integers or not look.is_number):
        return UNIQUE
    return PARAM


def _holds_dates(look: _Look) -> bool:
    if look.is_number or look.values.dtype.kind == "b":
        return False
    return bool(look.values.dropna().astype(str).str.fullmatch(DATE).all())
