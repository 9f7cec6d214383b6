"""Files for a paper: the ending of the name says what is written, and what cannot be is refused with what can."""

from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from shared.reports import spec, swept

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.errors import ConfigError
from seedsweep.report.export import checked_paths, figure, save
from seedsweep.report.latex import to_latex
from seedsweep.report.option_table import option_table


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(*swept(seeds=6))


def test_tables_are_written_into_folders_that_are_made(comparison: Comparison, tmp_path: Path) -> None:
    tex, csv = save(comparison, tmp_path / "paper" / "a.tex"), save(comparison, str(tmp_path / "paper" / "b.csv"))
    assert tex.read_text() == to_latex(comparison)
    read = pd.read_csv(StringIO(csv.read_text()))
    pd.testing.assert_frame_equal(read, option_table(comparison), check_dtype=False)
    assert sorted(file.name for file in tex.parent.iterdir()) == ["a.tex", "b.csv"]


def test_a_file_that_is_there_is_replaced(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_text("old")
    assert save(comparison, tmp_path / "a.tex").read_text() == to_latex(comparison)


def test_a_report_has_the_name_that_it_is_given(comparison: Comparison, tmp_path: Path) -> None:
    page = save(comparison, tmp_path / "adam or sgd.html")
    assert page.name == "adam or sgd.html"
    assert comparison.headline in page.read_text()
    assert "Question(metric=" in page.read_text()


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<svg "), ("pdf", b"%PDF-")])
def test_a_figure_is_written_by_its_name(comparison: Comparison, tmp_path: Path, ending: str, start: bytes) -> None:
    assert save(comparison, tmp_path / f"answer.{ending}").read_bytes().startswith(start)


def test_a_figure_is_a_chart_with_a_title_that_stands_alone(comparison: Comparison) -> None:
    drawn = spec(figure(comparison, "answer"))
    assert drawn["title"]["text"] == ["test/loss over 6 seeds, each at its best – wine"]
    assert drawn["width"] == 720


def test_a_figure_of_one_of_several_data_sets_has_its_name() -> None:
    several = compare(*swept(seeds=6, problems=("wine", "my data")))
    assert "– my data" in spec(figure(several, "answer-my_data"))["title"]["text"][0]
    assert "2 data sets" in spec(figure(several, "profile"))["title"]["text"][0]
    with pytest.raises(
        ConfigError, match="figure=answer: is none of this comparison; it has answer-my_data, answer-wi"
    ):
        figure(several, "answer")


@pytest.mark.parametrize("name", ["foo", "shares"])
def test_a_figure_that_there_is_not_is_refused_with_those_that_there_are(comparison: Comparison, name: str) -> None:
    with pytest.raises(ConfigError, match=f"figure={name}: is none of this comparison; it has answer, answer_map, cur"):
        figure(comparison, name)


@pytest.mark.parametrize(
    ("value", "files"),
    [(None, []), ("a.tex", ["a.tex"]), (["b/a.csv", "curves-wine.pdf"], ["b/a.csv", "curves-wine.pdf"])],
)
def test_files_are_asked_for_by_one_path_or_several(value: Any, files: list[str]) -> None:
    assert [str(file) for file in checked_paths("export", value)] == files


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a.md", "export=a.md: must end with one of .tex, .csv, .html, .png, .svg, .pdf"),
        (["a.tex", "paper/"], "export=paper: must end with one of"),
        ("", "export=.: must end with one of"),
        ("figure1.pdf", "export=figure1.pdf: must be named by a figure: answer, answer_map, "),
        (1, "export=1: must be a file such as table.tex, a list of files, or null"),
        ([None], "must be a file such as table.tex"),
    ],
)
def test_other_names_are_refused(value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        checked_paths("export", value)
    assert message in str(error.value)


def test_what_cannot_be_written_is_said_and_leaves_nothing(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "a.tex").mkdir()
    with pytest.raises(ConfigError, match="a.tex: cannot be written: "):
        save(comparison, tmp_path / "a.tex")
    assert [file.name for file in tmp_path.iterdir()] == ["a.tex"]
