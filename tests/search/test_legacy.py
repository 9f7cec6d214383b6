"""The deprecated `search_space` of hydra-optuna-sweeper is read as it was."""

import warnings
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from shared.spaces import read, refused

LEGACY = {
    "a": ({"type": "int", "low": 1, "high": 10.0}, IntDistribution(1, 10)),
    "b": ({"type": "int", "low": 0, "high": 10, "step": 3}, IntDistribution(0, 9, step=3)),
    "c": ({"type": "int", "low": 1, "high": 10, "log": True, "step": 1}, IntDistribution(1, 10, log=True)),
    "d": ({"type": "float", "low": 1, "high": 2}, FloatDistribution(1, 2)),
    "e": ({"type": "float", "low": 1e-4, "high": 2, "log": True}, FloatDistribution(1e-4, 2, log=True)),
    "f": ({"type": "float", "low": 0, "high": 1, "step": 0.3}, FloatDistribution(0, 0.9, step=0.3)),
    "g": ({"type": "categorical", "choices": ["a", 1, None]}, CategoricalDistribution(["a", 1, None])),
}


def test_legacy_search_space_is_read_with_a_warning() -> None:
    legacy = {key: entry for key, (entry, _) in LEGACY.items()}
    with pytest.warns(FutureWarning, match=r"search_space is deprecated: write hydra\.sweeper\.params"):
        searched = read("g=1", "+d=3,4", legacy=legacy)
    assert searched.distributions == {
        **{key: expected for key, (_, expected) in LEGACY.items() if key not in "dg"},
        "+d": CategoricalDistribution([3, 4]),
    }
    assert searched.fixed == {"g": "1"}


def test_legacy_search_space_is_ignored_beside_params() -> None:
    with pytest.warns(FutureWarning, match=r"search_space is deprecated, and ignored beside hydra\.sweeper\.params"):
        assert list(read(params={"x": "1,2"}, legacy={"y": {"type": "unknown"}}).distributions) == ["x"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "uniform", "low": 0, "high": 1}, "its type must be one of int, float, categorical"),
        ({"low": 0, "high": 1}, "its type must be one of"),
        ("interval(0,1)", "must be a mapping with some of type, low, high, log, step, choices"),
        ({"type": "int", "minimum": 0}, "must be a mapping with some of"),
        ({"type": "int", "low": 0}, "must have numbers"),
        ({"type": "int", "low": 0.5, "high": 3}, "has fractions"),
        ({"type": "float", "low": "0", "high": 3}, "must have numbers"),
        ({"type": "float", "low": 0, "high": float("inf")}, "must have numbers"),
        ({"type": "float", "low": 4, "high": 3}, "is empty"),
        ({"type": "float", "low": 1, "high": 3, "step": 1, "log": True}, "has both log and a step"),
        ({"type": "int", "low": 1, "high": 3, "step": 0}, "must have a step above 0"),
        ({"type": "float", "low": 0, "high": 1e9, "step": 0.1}, "has more than 1,000,000 values"),
        ({"type": "categorical"}, "has no choices"),
        ({"type": "categorical", "choices": [[1], [2]]}, "has [1] as a choice"),
    ],
)
def test_wrong_legacy_entry_is_refused(entry: Any, message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = refused(legacy={"x": entry})
    assert text.startswith(f"hydra.sweeper.search_space.x={entry}: ")
    assert message in text
