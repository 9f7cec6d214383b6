"""Tables that people report trouble with in public threads: read as what they are, or refused with what to do."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seedsweep.errors import ConfigError
from seedsweep.problem.files import File
from seedsweep.problem.splits import Splits, prepare

ROWS = 60


def table(**columns: Any) -> pd.DataFrame:
    """Features a and b and a class y, with other columns in their place or behind them."""
    generator = np.random.default_rng(0)
    return pd.DataFrame({name: generator.normal(size=ROWS) for name in "ab"} | {"y": np.resize([0, 1], ROWS)} | columns)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Splits]:
    """What a file with this content is read as."""

    def read(content: pd.DataFrame | str | bytes, name: str = "t.csv", target: str = "y", **keys: Any) -> Splits:
        content = content.to_csv(index=False) if isinstance(content, pd.DataFrame) else content
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return prepare(File(name="t", path=str(tmp_path / name), target=target, **keys))

    return read


CSV = table().to_csv(index=False)
REFUSED = {  # by the thread: the content of a file, and what is said of it
    "cytomining/pycytominer#95": (gzip.compress(CSV.encode()), "is compressed by gzip: unpack it"),
    "an Excel workbook": (b"PK\x03\x04" + bytes(99), "is an Excel workbook or another zip archive: save it as CSV"),
    "an old Excel workbook": (b"\xd0\xcf\x11\xe0" + bytes(99), "is an Excel workbook: save it as CSV"),
    "JSON": (table().to_json(orient="records"), "is JSON: write it as CSV"),
    "a page that was downloaded": ("\n<!DOCTYPE html>\n<html></html>", "is a page of HTML or XML, and no table"),
    "pandas-dev/pandas#4623": (f"# by hand\n{CSV}", "'# by hand', names 1 of 3 columns: delete what stands above"),
    "pandas-dev/pandas#4623 title": (f"My data,,\n{CSV}", "names 1 of 3 columns: delete what stands above"),
    "pandas-dev/pandas#4623 semicolons": (
        "# by hand\n" + CSV.replace(",", ";"),
        "names 1 of 3 columns: delete what stands",
    ),
    "no header": (CSV.partition("\n")[2], "data.target=y: no such column; .*its first line names no columns"),
    "pandas-dev/pandas#49276": (CSV + CSV, "the one in row 61 is 'a', as in the header"),
    "pandas-dev/pandas#48170": (
        table(id=np.arange(ROWS) + 1234567890123456789),
        "data.features=id: holds integers beyond 9007199254740992, which .* cannot tell apart",
    ),
    "pandas-dev/pandas#48170 beyond 64 bits": (
        table(id=[str(10**25 + row) for row in range(ROWS)]),
        "data.features=id: holds integers beyond 9007199254740992",
    ),
    "pandas-dev/pandas#11839": (
        table(y=np.resize(["NA", "EU"], ROWS)),
        "data.target=y: has 30 missing values.* data.missing=word if NA, None or null is a word there",
    ),
    "pandas-dev/pandas#11839 feature": (
        table(country=np.resize(["NA", "DE", "FR"], ROWS)),
        "values are missing, 20 in country; .*data.missing=word",
    ),
    "a class of one": (table(y=[2, *np.resize([0, 1], ROWS - 1)]), "class 2 has 1 row"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused_with_what_to_do(
    read: Callable[..., Splits], content: pd.DataFrame | str | bytes, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        read(content)


def test_words_that_pandas_takes_for_gaps_are_words_where_that_is_said(read: Callable[..., Splits]) -> None:
    """pandas-dev/pandas#11839: NA is Namibia, or North America."""
    splits = read(table(y=np.resize(["NA", "EU"], ROWS)), missing="word")
    assert splits.classes == ("EU", "NA")
    splits = read(table(country=np.resize(["NA", "None", "FR"], ROWS)), missing="word")
    assert splits.feature_names[2:] == ("country=FR", "country=NA", "country=None")
    with pytest.raises(ConfigError, match="values are missing, 1 in a; data.missing=drop .*training rows$"):
        read(table(a=[np.nan, *range(1, ROWS)]), missing="word")
    with pytest.raises(ConfigError, match="the one in row 1 is 'NA'"):
        read(table(a=["NA", *range(1, ROWS)]), missing="word")


def test_zeros_before_a_number_belong_to_the_name_of_a_class(read: Callable[..., Splits]) -> None:
    """pandas-dev/pandas#54665"""
    assert read(table(y=np.resize(["01", "1", "10"], ROWS))).classes == ("01", "1", "10")
    assert read(table(y=np.resize(["1", "10"], ROWS))).classes == ("1", "10")
    splits = read(table(zip=[f"{row:05d}" for row in range(ROWS)]), standardize="none")
    assert splits.notes == ("zip read as numbers, 00000 as 0",)
    assert float(splits.train.tensors[0][:, 2].max()) > 1
    assert read(table(a=[f"{row / 100:.2f}" for row in range(ROWS)])).notes == (), "0.05 has none before it"


def test_lists_in_the_cells_of_a_column_are_no_numbers(tmp_path: Path) -> None:
    """pandas-dev/pandas#33766 and the like: what was nested in JSON."""
    table(nested=[[1, 2]] * ROWS).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="data.features=nested: every value must be a finite number, .* '.1 2.'"):
        prepare(File(name="t", path=str(tmp_path / "t.parquet"), target="y"))


def test_a_constant_of_any_size_is_exactly_nothing(read: Callable[..., Splits]) -> None:
    """scikit-learn/scikit-learn#17794: the mean of equal numbers may be another, by rounding."""
    for constant in (14.62, 1e25, -1e100, 1e-300):
        features = read(table(c=constant)).train.tensors[0]
        assert set(features[:, 2].tolist()) == {0.0}, constant
