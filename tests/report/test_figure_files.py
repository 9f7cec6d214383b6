"""Figures as PNG, SVG and PDF."""

from pathlib import Path
from typing import Any

import pytest
from shared.reports import searched, spec, swept

from seedsweep.comparison.compare import compare
from seedsweep.errors import ConfigError
from seedsweep.report.figure_files import FORMATS, checked_formats, write_figures
from seedsweep.report.figures.comparison_figures import comparison_figures
from seedsweep.report.figures.layers import Chart
from seedsweep.report.figures.search_figures import search_figures
from seedsweep.report.figures.search_panel import search_panel

STARTS = {"png": b"\x89PNG", "svg": b"<svg ", "pdf": b"%PDF-"}


@pytest.mark.slow
def test_every_figure_is_written_in_every_format(tmp_path: Path) -> None:
    charts: dict[str, Chart] = comparison_figures(compare(*swept(seeds=6)))
    charts |= search_figures(search_panel(*searched(studies=1), "val/loss", maximize=False))
    write_figures({name: spec(chart) for name, chart in charts.items()}, tmp_path / "figures", FORMATS)
    files = list(tmp_path.glob("figures/*"))
    assert {file.name for file in files} == {f"{name}.{form}" for name in charts for form in FORMATS}
    assert all(file.read_bytes().startswith(STARTS[file.suffix[1:]]) for file in files)


def test_an_svg_has_its_title_and_names_fonts_of_the_same_widths(tmp_path: Path) -> None:
    (chart,) = comparison_figures(compare(*swept(seeds=6)), ["answer"]).values()
    write_figures({"answer": spec(chart)}, tmp_path, ["svg"])
    svg = (tmp_path / "answer.svg").read_text()
    assert "test/loss over 6 seeds, each at its best – wine" in svg
    assert 'font-family="Liberation Sans, Arial, Helvetica, sans-serif"' in svg
    assert 'font-family="sans-serif"' not in svg
    assert [file.name for file in tmp_path.iterdir()] == ["answer.svg"]


def test_no_format_writes_nothing(tmp_path: Path) -> None:
    write_figures({}, tmp_path / "figures", [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "formats"), [("pdf", ["pdf"]), (["png", "svg", "png"], ["png", "svg"]), (None, []), ([], [])]
)
def test_formats_are_asked_for_by_one_name_or_several(value: Any, formats: list[str]) -> None:
    assert checked_formats("figures", value) == formats


@pytest.mark.parametrize("value", ["jpg", True, ["png", "gif"], [None], [["png"]], 1, {"png": True}])
def test_other_formats_are_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="must be png, svg, pdf, a list of them such as .png,pdf., or null"):
        checked_formats("figures", value)
