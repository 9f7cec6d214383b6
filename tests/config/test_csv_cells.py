"""CSV files that no value breaks, and that start nothing in a spreadsheet."""

import csv
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from seedsweep.config.csv_cells import csv_of, original, original_table, safe, safe_csv
from seedsweep.config.plan import IDENTITY, Plan
from seedsweep.config.planned_run import PlannedRun

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "'=1", "-", "-0.5x"]
PLAIN = [
    "-0.5",
    "+5",
    "1e-3",
    "-1E+4",
    "-inf",
    "-.5",
    "adam",
    "",
    "a=1",
    "it's",
    "'quoted'",
    "ümlaut",
    "a,b",
    'say "x"',
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_an_apostrophe_in_front_which_reading_takes_away(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert original(safe(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_numbers_and_other_texts_stay_what_they_are(text: str) -> None:
    assert original(safe(text)) == text
    assert safe(text) == text or text.startswith("'")


def test_values_that_are_no_texts_stay_what_they_are() -> None:
    assert [safe(value) for value in (-1, -0.5, None, True)] == [-1, -0.5, None, True]


BREAKING = ["a\rb", "a\nb", "a\r\nb", "\r", "a,b", 'a"b', *FORMULAS]


def test_no_value_breaks_a_table() -> None:
    table = pd.DataFrame({"=name": BREAKING, "number": [-0.5] * len(BREAKING)})
    text = safe_csv(table)
    rows = list(csv.reader(StringIO(text, newline="")))
    assert len(rows) == 1 + len(BREAKING)
    assert rows[0] == ["'=name", "number"]
    assert {row[1] for row in rows[1:]} == {"-0.5"}
    read = pd.read_csv(StringIO(text, newline=""), dtype={"'=name": str}, keep_default_na=False)
    assert original_table(read)["=name"].tolist() == BREAKING


def test_the_table_of_a_figure_has_its_texts_as_they_are() -> None:
    assert csv_of(pd.DataFrame({"option": ["=1+1", "a\rb"]})) == 'option\n=1+1\n"a\rb"\n'


def test_no_value_breaks_a_plan(tmp_path: Path) -> None:
    plan = Plan()
    for job, text in enumerate(BREAKING):
        more = {"b": text} if job else {}  # a column that comes later
        plan.add(PlannedRun(job, f"{text} seed=0", text, f"{job:016x}", "iris", ({"a": text} | more,)))
    assert [plan.name(job) for job in range(len(plan))] == [f"{text} seed=0" for text in BREAKING]
    plan.write(tmp_path / "plan.csv")
    read = pd.read_csv(tmp_path / "plan.csv", dtype=str, keep_default_na=False)
    assert not read["group"].str.match(r"[=+@\t\r-]").any()
    read = original_table(read)
    assert read["group"].tolist() == read["a"].tolist() == BREAKING
    assert read.columns.tolist() == [*IDENTITY, "a", "b"]
