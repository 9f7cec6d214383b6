"""Figures as PNGs."""

from pathlib import Path

import pytest
from shared.reports import searched, spec, swept

from seedsweep.comparison.compare import compare
from seedsweep.report.figures.comparison_figures import comparison_figures
from seedsweep.report.figures.layers import Chart
from seedsweep.report.figures.search_figures import search_figures
from seedsweep.report.figures.search_panel import search_panel
from seedsweep.report.png import write_pngs


@pytest.mark.slow
def test_every_figure_is_written(tmp_path: Path) -> None:
    charts: dict[str, Chart] = comparison_figures(compare(*swept(seeds=6)))
    charts |= search_figures(search_panel(*searched(studies=1), "val/loss", maximize=False))
    write_pngs({name: spec(chart) for name, chart in charts.items()}, tmp_path / "figures")
    files = list(tmp_path.glob("figures/*.png"))
    assert {file.stem for file in files} == set(charts)
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
