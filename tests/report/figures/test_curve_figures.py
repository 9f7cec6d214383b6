"""The figures that are lines over steps or settings tried."""

import pytest
from shared.reports import spec, swept

from seedsweep.comparison.compare import compare
from seedsweep.report.figures.comparison_figures import comparison_figures


def test_distance_to_the_optimum_is_drawn_once() -> None:
    actual = comparison_figures(compare(*swept(diverged=False), metric="train/suboptimality"))
    assert "curves" in actual
    assert "suboptimality" not in actual


@pytest.mark.parametrize(("options", "crowd"), [(5, False), (6, True)])
def test_bands_of_many_options_are_left_out_at_first(options: int, crowd: bool) -> None:
    actual = comparison_figures(compare(*swept(options=tuple("abcdef"[:options]), seeds=4)))
    for name in ("time_to_target", "tunability"):
        chart = spec(actual[name])
        assert ("are left out at first" in chart["description"]) == crowd
        assert any(param["name"] == "bands" and param["value"] is False for param in chart["params"]) == crowd
