"""Results that people wrote down in other ways than was meant: read as what they are, or refused with what to do."""

import gzip
from pathlib import Path

import pandas as pd
import pytest
from shared.foreign import answer, results, written

from seedsweep.errors import ConfigError
from seedsweep.sources.table_files import read_table


def read(tmp_path: Path, content: str | bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    (tmp_path / "t.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(tmp_path / "t.csv")


CSV = results().to_csv(index=False)
REFUSED = {  # by the thread: the content of a file, and what is said of it
    "cytomining/pycytominer#95": (gzip.compress(CSV.encode()), "is compressed by gzip: unpack it"),
    "an Excel workbook": (b"PK\x03\x04" + bytes(99), "is an Excel workbook or another zip archive: save it as CSV"),
    "JSON": (results().to_json(orient="records"), "is JSON: write it as CSV"),
    "pandas-dev/pandas#4623": (
        f"# grid of May\n{CSV}",
        "'# grid of May', names 1 of 5 columns: delete what stands above",
    ),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_table_is_refused_with_what_to_do(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=f"t.csv: .*{said}"):
        read(tmp_path, content)


def test_headers_that_were_written_again_are_left_out(tmp_path: Path) -> None:
    """pandas-dev/pandas#49276: `to_csv(mode="a")` writes one each time."""
    frame, notes = read(tmp_path, CSV + CSV)
    assert notes == ("left out 1 of its rows, headers that were written again",)
    assert len(frame) == 2 * len(results())
    assert frame.dtypes.equals(read(tmp_path, CSV)[0].dtypes)


def test_a_comma_that_may_separate_thousands_is_said_to_be_decimal(tmp_path: Path) -> None:
    frame, notes = read(tmp_path, "lr;loss\n1,000;1,250\n0;2\n")
    assert list(frame["loss"]) == [1.25, 2]
    said = "1,000 in lr is taken for 1.000: if it is 1000, write it so"
    assert notes == ("separated by semicolons", "decimal commas in lr, loss", said)
    assert len(read(tmp_path, "lr;loss\n1,000;1,25\n0;2\n")[1]) == 2, "one that can be nothing else decides"


def test_zeros_before_a_number_stay_where_they_tell_options_apart(tmp_path: Path) -> None:
    """pandas-dev/pandas#54665"""
    assert list(read(tmp_path, "variant,loss\n01,1\n1,2\n")[0]["variant"]) == ["01", "1"]
    assert list(read(tmp_path, "seed,loss\n00,1\n01,2\n")[0]["seed"]) == [0, 1]
    assert list(read(tmp_path, "lr,loss\n0.1,1\n0.10,2\n")[0]["lr"]) == [0.1, 0.1]


@pytest.mark.parametrize("form", ["tensor({})", "{} ± 0.01", "{}%", "[{}]", "{} (0.01)", "np.float32({})"])
def test_numbers_with_something_around_them_are_named(tmp_path: Path, form: str) -> None:
    """huggingface/transformers#29784"""
    runs = results()
    runs["loss"] = [form.format(value) for value in runs["loss"]]
    with pytest.raises(ConfigError, match="loss: holds texts such as .*, and no numbers: write each number alone"):
        answer(written(runs, tmp_path))


def test_words_that_pandas_takes_for_gaps_are_options(tmp_path: Path) -> None:
    """pandas-dev/pandas#11839"""
    frame, _ = read(tmp_path, "optimizer,loss\nNA,1\nNone,2\nadam,3\n")
    assert list(frame["optimizer"]) == ["NA", "None", "adam"]
