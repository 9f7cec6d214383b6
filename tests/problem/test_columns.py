"""Tables as people have them: read as what they are, and said so; what is ambiguous is refused."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seedsweep.errors import ConfigError
from seedsweep.problem import splits
from seedsweep.problem.files import File
from seedsweep.problem.splits import Splits, prepare

ROWS = 120


def table(**columns: Any) -> pd.DataFrame:
    """Features a, b, c and a class y, with other columns in their place or behind them."""
    generator = np.random.default_rng(0)
    features = {name: generator.normal(size=ROWS).round(3) for name in "abc"}
    return pd.DataFrame(features | {"y": (features["a"] + features["b"] > 0).astype(int)} | columns)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Splits]:
    """What a file with this content is read as."""

    def read(content: pd.DataFrame | str | bytes, target: str = "y", **keys: Any) -> Splits:
        file = tmp_path / "t.csv"
        content = content.to_csv(index=False) if isinstance(content, pd.DataFrame) else content
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return prepare(File(name="t", path=str(file), target=target, **keys))

    return read


def same_rows(one: Splits, other: Splits) -> bool:
    pairs = zip((one.train, one.val, one.test), (other.train, other.val, other.test), strict=True)
    return all(np.array_equal(a, b) for left, right in pairs for a, b in zip(left.tensors, right.tensors, strict=True))


def test_a_level_that_never_occurs_is_no_class(tmp_path: Path) -> None:
    kinds = pd.Categorical(np.where(table()["y"], "yes", "no"), categories=["no", "yes", "maybe"])
    frame = table(y=kinds).set_index(pd.RangeIndex(1000, 1000 + ROWS, name="id"))
    frame.to_parquet(tmp_path / "t.parquet")
    splits = prepare(File(name="t", path=str(tmp_path / "t.parquet"), target="y"))
    assert splits.classes == ("no", "yes")
    assert splits.feature_names == ("a", "b", "c"), "without the index"
    assert splits.notes == ("no row is of class maybe",)


def test_the_index_that_pandas_wrote_along_is_left_out_unless_it_is_asked_for(read: Callable[..., Splits]) -> None:
    content = table().to_csv()
    assert read(content).feature_names == ("a", "b", "c")
    assert read(content).notes == ("left out Unnamed: 0, an index without a name",)
    assert read(content, features=["Unnamed: 0", "a"]).feature_names == ("Unnamed: 0", "a")
    shuffled = table().sample(frac=1, random_state=0).to_csv()
    assert read(shuffled).feature_names == ("a", "b", "c")


def test_a_column_without_a_name_that_is_no_index_is_refused(read: Callable[..., Splits]) -> None:
    content = table().set_index(np.arange(ROWS) % 7).to_csv()
    with pytest.raises(ConfigError, match=r"data.features=Unnamed: 0: has no name .* choose data.features=\[a,b,c\]"):
        read(content)


def test_commas_at_the_ends_of_all_lines_make_no_column(read: Callable[..., Splits]) -> None:
    content = "".join(f"{line},\n" for line in table().to_csv(index=False).splitlines())
    assert same_rows(read(content), read(table()))


@pytest.mark.parametrize(("sign", "word"), [(";", "semicolon"), ("\t", "tab"), ("|", "pipe")])
def test_the_separator_is_found_out_and_said(read: Callable[..., Splits], sign: str, word: str) -> None:
    splits = read(table().to_csv(index=False, sep=sign))
    assert same_rows(splits, read(table()))
    assert splits.notes == (f"separated by {word}s",)
    assert same_rows(read(table().to_csv(index=False, sep=sign), separator=word), splits)


def test_spaces_separate_where_that_is_asked_for(read: Callable[..., Splits]) -> None:
    content = table().to_csv(index=False, sep=" ")
    with pytest.raises(ConfigError, match="data.target=y: no such column; .*data.separator=space"):
        read(content)
    assert same_rows(read(content, separator="space"), read(table()))


def test_decimal_commas_are_found_out_and_said(read: Callable[..., Splits]) -> None:
    splits = read(table().to_csv(index=False, sep=";", decimal=","))
    assert same_rows(splits, read(table()))
    assert splits.notes == ("separated by semicolons", "decimal commas in a, b, c")


def test_a_separator_that_may_be_two_is_asked_for(read: Callable[..., Splits]) -> None:
    with pytest.raises(ConfigError, match="data.separator=null: may be comma or semicolon: say which"):
        read("a,b;y,c\n" + "1,2;0,1\n2,1;1,0\n" * 20)


def test_a_comma_that_may_be_decimal_or_of_thousands_is_never_guessed(read: Callable[..., Splits]) -> None:
    content = "a;y\n" + "".join(f"{1 + row % 9},{100 + row};{row % 2}\n" for row in range(ROWS))
    with pytest.raises(
        ConfigError, match="data.decimal=null: the comma of 1,100 in a .*decimal=comma.*thousands=comma"
    ):
        read(content)
    assert float(read(content, decimal="comma", standardize="none").train.tensors[0].max()) < 10
    assert float(read(content, thousands="comma", standardize="none").train.tensors[0].min()) > 1000


def test_a_point_beside_decimal_commas_is_refused(read: Callable[..., Splits]) -> None:
    content = "a;b;y\n" + "".join(f"{row},5;{row}.5;{row % 2}\n" for row in range(ROWS))
    with pytest.raises(ConfigError, match="data.decimal=comma: b holds 0.5, and other cells have decimal commas"):
        read(content)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_class_names_are_intact_in_every_encoding(read: Callable[..., Splits], encoding: str) -> None:
    content = table(y=np.where(table()["y"], "weiß", "grün")).to_csv(index=False).encode(encoding)
    if encoding == "utf-16-le":  # without a mark nothing says it
        with pytest.raises(ConfigError, match="data.encoding=null: .*data.encoding=utf-16-le"):
            read(content)
    splits = read(content, encoding=encoding if encoding == "utf-16-le" else None)
    assert splits.classes == ("grün", "weiß")
    assert splits.feature_names == ("a", "b", "c")
    said = {"latin-1": "cp1252", "cp1252": "cp1252", "utf-16": "utf-16", "utf-16-le": "utf-16-le"}
    assert splits.notes == ((f"read as {said[encoding]}",) if encoding in said else ())


def test_an_encoding_that_is_another_or_none_is_refused(read: Callable[..., Splits]) -> None:
    content = table(y=np.where(table()["y"], "weiß", "grün")).to_csv(index=False).encode("latin-1")
    with pytest.raises(ConfigError, match="data.encoding=utf-8: is not the encoding of the file"):
        read(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="data.encoding=utf-7000: is no encoding"):
        read(content, encoding="utf-7000")


def test_thousands_are_read_where_their_sign_is_named_and_the_refusal_names_the_key(
    read: Callable[..., Splits],
) -> None:
    numbers = np.arange(ROWS) * 1_100 + 100
    content = table(b=[f"{number:,}" for number in numbers])
    with pytest.raises(ConfigError, match="data.features=b: holds '1,200', which data.thousands=comma or data.decimal"):
        read(content)
    assert same_rows(read(content, thousands="comma"), read(table(b=numbers)))
    with pytest.raises(ConfigError, match="data.thousands=apostrophe reads as a number"):
        read(table(b=[f"{number:,}".replace(",", "'") for number in numbers]))


GAPS = {"?": "?", "NA": "NA", "empty": "", "-": "-", "null": "null"}


@pytest.mark.parametrize("mark", GAPS.values(), ids=GAPS)
def test_missing_values_are_counted_and_refused_with_the_key(read: Callable[..., Splits], mark: str) -> None:
    frame = table().astype({"a": str, "b": str})
    frame.loc[[3, 70], "b"], frame.loc[5, "a"] = mark, mark
    said = "data.missing=refuse: values are missing, 1 in a, 2 in b; data.missing=drop .* data.missing=impute"
    with pytest.raises(ConfigError, match=said):
        read(frame)


def test_rows_with_missing_values_are_dropped_where_that_is_asked_for(read: Callable[..., Splits]) -> None:
    frame = table()
    frame.loc[[3, 70], "b"], frame.loc[5, "y"] = np.nan, np.nan
    with pytest.raises(ConfigError, match="data.target=y: has 1 missing values, which nothing can fill in"):
        read(frame, missing="impute")
    splits = read(frame, missing="drop")
    assert same_rows(splits, read(table().drop(index=[3, 5, 70])))
    assert splits.notes == ("3 of 120 rows left out, in which a value is missing (2 in b, 1 in the target)",)


def test_a_gap_is_the_median_of_the_training_rows(read: Callable[..., Splits]) -> None:
    frame = table()
    train = File(name="t", path=None, target="y")._cut(ROWS, frame["y"].to_numpy())[0]
    row = train[0]
    expected = frame.loc[train[1:], "b"].median()
    frame.loc[row, "b"] = np.nan
    splits = read(frame, missing="impute", standardize="none")
    assert float(splits.train.tensors[0][0, 1]) == pytest.approx(expected, abs=1e-6)
    assert splits.notes == ("missing values (1 in b) are the medians of the training rows",)


def learned(read: Callable[..., Splits], held_out: Callable[[pd.DataFrame], pd.DataFrame], **keys: Any) -> Splits:
    """What is made of a table with gaps and levels, of which `held_out` changes rows that are not for training."""
    frame = table(colour=np.resize(["red", "blue", "green"], ROWS))
    frame.loc[::7, "b"] = np.nan
    rows = np.concatenate(File(name="t", path=None, target="y")._cut(ROWS, frame["y"].to_numpy())[1:])
    frame.loc[rows] = held_out(frame.loc[rows])
    return read(frame, missing="impute", **keys)


def planted(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows from which nothing may be learned: of other sizes and with a level of their own."""
    return rows.assign(a=rows["a"] * 1000 + 5, b=rows["b"].fillna(1e4) + 1e4, c=7.0, colour="violet")


def test_nothing_is_fitted_on_rows_that_are_not_for_training(read: Callable[..., Splits]) -> None:
    clean, changed = (learned(read, change) for change in (lambda rows: rows, planted))
    assert all(map(np.array_equal, clean.train.tensors, changed.train.tensors))
    assert np.array_equal(clean.mean, changed.mean)
    assert np.array_equal(clean.scale, changed.scale)
    assert clean.feature_names == changed.feature_names


def test_a_leak_would_be_seen(read: Callable[..., Splits]) -> None:
    clean, changed = (learned(read, change, standardize="all") for change in (lambda rows: rows, planted))
    assert not np.array_equal(clean.train.tensors[0], changed.train.tensors[0])


def test_a_category_is_a_column_for_each_level_of_the_training_rows(read: Callable[..., Splits]) -> None:
    splits = learned(read, planted, standardize="none")
    assert splits.feature_names == ("a", "b", "c", "colour=blue", "colour=green", "colour=red")
    assert set(splits.train.tensors[0][:, 3:].sum(axis=1).tolist()) == {1.0}
    assert set(splits.test.tensors[0][:, 3:].sum(axis=1).tolist()) == {0.0}, "a level that no training row has"
    assert "colour one-hot (blue, green, red, violet)" in splits.notes
    assert "left out colour=violet, of one value in the training rows" in splits.notes


def test_categories_are_refused_where_that_is_asked_for(read: Callable[..., Splits]) -> None:
    frame = table(colour=np.resize(["red", "blue"], ROWS))
    said = r"data.features=colour: holds no numbers; choose from data.features=\[a,b,c\], or data.categorical=one_hot"
    with pytest.raises(ConfigError, match=said):
        read(frame, categorical="refuse")


def test_texts_that_tell_rows_apart_are_no_category(read: Callable[..., Splits]) -> None:
    said = r"data.features=name: holds 120 different texts in 120 rows, .*leave it out: data.features=\[a,b,c\]"
    with pytest.raises(ConfigError, match=said):
        read(table(name=[f"row {row}" for row in range(ROWS)]))


def test_numbers_among_texts_are_neither(read: Callable[..., Splits]) -> None:
    with pytest.raises(ConfigError, match="data.features=b: .* 1 are not; the one in row 120 is 'unknown'"):
        read(table(b=[*map(str, range(ROWS - 1)), "unknown"]))


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y %H:%M", "%d %b %Y"])
def test_dates_are_refused_with_what_to_do(read: Callable[..., Splits], form: str) -> None:
    dates = pd.date_range("2020-01-01", periods=ROWS).strftime(form)
    said = r"data.features=when: holds dates, such as .* leave it out: data.features=\[a,b,c\]"
    with pytest.raises(ConfigError, match=said):
        read(table(when=dates))


def test_ages_are_no_dates(read: Callable[..., Splits]) -> None:
    assert "age=30-39" in read(table(age=np.resize(["20-29", "30-39", "10-19"], ROWS))).feature_names


@pytest.mark.parametrize("values", [[True, False], ["true", "false"], ["TRUE", "FALSE"], ["True", "?"]])
def test_booleans_are_ones_and_zeros(read: Callable[..., Splits], values: list[object]) -> None:
    splits = read(table(b=np.resize(np.array(values, dtype=object), ROWS)), missing="impute", standardize="none")
    assert set(splits.train.tensors[0][:, 1].tolist()) <= {0.0, 1.0}


def test_classes_are_the_same_at_the_beginning_and_the_end_of_a_wide_file(read: Callable[..., Splits]) -> None:
    rows, columns = 6000, 60
    labels = [*np.resize([1, 2, 3], rows - 900).tolist(), *(["unknown"] * 900)]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(rows, columns))).round(4)
    assert read(frame.assign(y=labels)).classes == ("1", "2", "3", "unknown")


def test_a_name_that_two_columns_have_is_refused(read: Callable[..., Splits]) -> None:
    content = table().assign(other=table()["y"]).to_csv(index=False).replace("other", "y", 1)
    with pytest.raises(ConfigError, match="data.path=t.csv: has several columns of the same name: y; rename them"):
        read(content)


def test_columns_named_by_numbers_are_told_apart_as_typed(read: Callable[..., Splits]) -> None:
    frame = table().rename(columns={"a": "1.1", "b": "1.10"})
    with pytest.raises(ConfigError, match=r"data.features=1.1: is read as a number.* quote it as typed"):
        read(frame, features=[1.10])
    assert read(frame, features=["1.10"]).feature_names == ("1.10",)


def test_a_column_that_is_the_same_in_all_training_rows_is_left_out(read: Callable[..., Splits]) -> None:
    splits = learned(read, lambda rows: rows.assign(c=1e6))
    assert splits.feature_names[:3] == ("a", "b", "c")
    train = File(name="t", path=None, target="y")._cut(ROWS, table()["y"].to_numpy())[0]
    frame = table()
    frame.loc[train, "c"] = 0.0
    splits = read(frame)
    assert splits.feature_names == ("a", "b")
    assert splits.notes == ("left out c, of one value in the training rows",)


@pytest.mark.parametrize("column", ["y", "kind"])
def test_classes_and_levels_that_differ_in_spaces_alone_are_named(read: Callable[..., Splits], column: str) -> None:
    frame = table(**{column: np.resize(["yes", "no", "yes "], ROWS)})
    with pytest.raises(ConfigError, match=f"={column}: holds 'yes' and 'yes ', which differ in spaces alone"):
        read(frame)


def test_what_was_done_is_said_once_in_one_line(
    read: Callable[..., Splits], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splits.log, "disabled", False)  # as Hydra's configuration of logging may have left it
    splits._say.cache_clear()
    content = table().to_csv(sep=";", decimal=",")
    with caplog.at_level(logging.WARNING):
        read(content)
        read(content, batch_size=8)
    said = "t: separated by semicolons; decimal commas in a, b, c; left out Unnamed: 0, an index without a name"
    assert [record.getMessage() for record in caplog.records] == [said]


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f", "\u2009"])
def test_every_space_may_stand_between_thousands(read: Callable[..., Splits], space: str) -> None:
    numbers = np.arange(ROWS) * 1_100 + 1_100
    content = table(b=[f"{number:,}".replace(",", space) for number in numbers])
    with pytest.raises(ConfigError, match="data.features=b: holds .*data.thousands=space reads as a number"):
        read(content)
    assert same_rows(read(content, thousands="space"), read(table(b=numbers)))
    with_commas = table(b=[f"{number:,}".replace(",", space) + ",5" for number in numbers])
    with pytest.raises(ConfigError, match="data.thousands=space data.decimal=comma reads as a number"):
        read(with_commas)
    assert same_rows(read(with_commas, thousands="space", decimal="comma"), read(table(b=numbers + 0.5)))
