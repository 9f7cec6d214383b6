"""Spaces in words, and how two differ."""

import optuna
import pytest
from shared.spaces import only, read

from seedsweep.search.differences import describe, difference


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tag(log, interval(1e-4,10))", "0.0001 to 10.0 (log)"),
        ("int(interval(1,10))", "1 to 10"),
        ("range(0,10,3)", "0 to 9 by 3"),
        ("range(0,1,0.1)", "0.0 to 0.9 by 0.1"),
        ("adam,'1',1,null", "adam or '1' or 1 or null"),
    ],
)
def test_distribution_is_described_in_words(text: str, words: str) -> None:
    assert describe(only(text)) == words


def test_difference_has_a_line_for_each_key_that_is_searched_otherwise() -> None:
    old = read("a=interval(0,1)", "b=1,2", "c=tag(log,interval(1e-4,10))", "d=a,b").distributions
    new = read("d=b,a", "a=interval(0,1)", "c=interval(1e-3,1)", "e=range(3)").distributions
    assert difference(old, new) == [
        "b: removed, was 1 or 2",
        "c: was 0.0001 to 10.0 (log), is 0.001 to 1.0",
        "d: was a or b, is b or a",
        "e: added, is 0 to 2",
    ]
    assert difference(old, dict(reversed(old.items()))) == []


@pytest.mark.parametrize(
    "text", ["range(0,1,0.1)", "range(1,0,-0.1)", f"range(0,1,{1 / 15})", "range(10,0,-3)", "1,'1',null"]
)
def test_space_survives_its_storage(text: str) -> None:
    stored = optuna.distributions.distribution_to_json(only(text))
    assert difference({"x": only(text)}, {"x": optuna.distributions.json_to_distribution(stored)}) == []
