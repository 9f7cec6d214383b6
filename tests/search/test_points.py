"""The points of a space are the values that Hydra sweeps."""

from itertools import product

import pytest
from shared.spaces import PARSER, read, refused

from seedsweep import ConfigError
from seedsweep.search.points import grid
from seedsweep.search.spaces import as_overrides, read_space

STARTS = [0, 1, -7, 0.1, 0.3, -0.3, 1e-4]
STOPS = [0, 3, 10, 0.4, 0.7, 0.9, -1.5]
STEPS = [1, 3, -4, 2.0, 0.1, 0.3, 0.07, -0.1, -0.25, 1 / 15]


@pytest.mark.parametrize("step", STEPS)
def test_range_has_exactly_the_values_that_hydra_sweeps(step: float) -> None:
    for start, stop in product(STARTS, STOPS):
        (override,) = PARSER.parse_overrides([f"x=range({start},{stop},{step!r})"])
        swept = sorted(override.sweep_iterator())
        if not swept:
            assert "is empty" in refused(str(override.input_line))
            continue
        searched = read_space([override])
        distribution, listed = searched.distributions["x"], sorted(grid(searched.distributions)["x"])
        assert all(distribution._contains(distribution.to_internal_repr(value)) for value in listed)
        written = [as_overrides({"x": value}, searched) for value in listed]
        assert written == [[f"x={value!r}"] for value in swept]


def test_hydra_may_sweep_the_end_of_a_range_of_floats() -> None:
    searched = read("x=range(0,0.4,0.1)", "y=range(0,0.9,0.3)")
    assert searched.floats == {"x": (0.0, 0.1, 0.2, 0.3, 0.4), "y": (0.0, 0.3, 0.6, 0.8999999999999999)}
    assert grid(searched.distributions) == {"x": [0.0, 0.1, 0.2, 0.3, 0.4], "y": [0.0, 0.3, 0.6, 0.9]}


def test_grid_has_all_values() -> None:
    space = read("x=int(interval(1,3))", "y=a,null", "z=tag(log,range(1,3))", "w=interval(1,1)").distributions
    assert grid(space) == {"x": [1, 2, 3], "y": ["a", None], "z": [1, 2], "w": [1.0]}


def test_grid_of_an_interval_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        grid(read("x=tag(log, interval(1e-4,1))").distributions)
    assert str(error.value) == (
        "x=0.0001 to 1.0 (log): cannot be searched by a grid, which needs values: write range(…) or choice(…)"
    )
