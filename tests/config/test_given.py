"""Classes and functions that were given as objects: what they are known by."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import pytest
import torch

from seedsweep.config.given import dotted_path, given, source_digest
from seedsweep.errors import ConfigError

SIZES = [8, 8]
FACTOR = 2


def scaled(by: float) -> Callable[[float], float]:
    return lambda value: by * value


def of_globals(value: float) -> list[float]:
    return [value * FACTOR * size for size in SIZES]


def with_default(size: object) -> Any:
    def function(value: float, *, scale: Any = size) -> Any:
        return value, scale

    return function


def with_attribute(size: object, made: type = torch.nn.ReLU) -> type:
    class Net:
        hidden = size
        activation = made

    return Net


def with_method(by: int) -> type:
    class Net:
        @cached_property
        def size(self) -> int:
            return by

        @lru_cache  # noqa: B019
        def width(self) -> int:
            return by + 1

    return Net


@pytest.mark.parametrize(
    ("make", "first", "second"),
    [
        (scaled, 1.0, 2.0),
        (with_default, 1, 2),
        (with_default, (1, 2), (1, 3)),
        (with_attribute, (2,), (64,)),
        (with_method, 1, 2),
    ],
)
def test_what_is_made_of_other_values_has_another_digest(make: Callable[..., Any], first: Any, second: Any) -> None:
    assert source_digest("model", make(first)) == source_digest("model", make(first))
    assert source_digest("model", make(first)) != source_digest("model", make(second))


def test_a_class_attribute_that_is_a_class_is_in_the_digest() -> None:
    assert source_digest("model", with_attribute(1)) != source_digest("model", with_attribute(1, torch.nn.Tanh))


@pytest.mark.parametrize(("name", "value"), [("SIZES", [8, 9]), ("FACTOR", 3)])
def test_globals_that_a_function_reads_are_in_its_digest(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = source_digest("sweep", of_globals)
    monkeypatch.setitem(globals(), "value", 5)  # which the function does not read: it has an argument of that name
    assert source_digest("sweep", of_globals) == before
    monkeypatch.setitem(globals(), name, value)
    assert source_digest("sweep", of_globals) != before


def test_what_can_be_imported_is_known_by_its_shortest_path() -> None:
    assert dotted_path("optimizer", torch.optim.Adam) == "torch.optim.Adam"


def test_what_cannot_be_imported_is_found_in_this_process_alone() -> None:
    local = scaled(3.0)
    path = dotted_path("sweep", local)
    assert given(path.rpartition(".")[2]) is local
    with pytest.raises(AttributeError, match="in another process"):
        given("nothing_1a2b3c4d")


def test_what_has_no_source_is_refused() -> None:
    names: dict[str, Any] = {}
    exec("def typed(): ...", names)  # as in an interactive interpreter
    with pytest.raises(ConfigError, match="define it in a file or in a notebook"):
        source_digest("sweep", names["typed"])
