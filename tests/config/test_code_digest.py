"""Classes and functions that were given as objects: what they are known by."""

import importlib
import sys
import threading
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch

from seedsweep.config.code_digest import code_digest, digest_of_path
from seedsweep.config.given import dotted_path, given

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
    assert code_digest(make(first)) == code_digest(make(first))
    assert code_digest(make(first)) != code_digest(make(second))


def test_a_class_attribute_that_is_a_class_is_in_the_digest() -> None:
    assert code_digest(with_attribute(1)) != code_digest(with_attribute(1, torch.nn.Tanh))


@pytest.mark.parametrize(("name", "value"), [("SIZES", [8, 9]), ("FACTOR", 3)])
def test_globals_that_a_function_reads_are_in_its_digest(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_digest(of_globals)
    monkeypatch.setitem(globals(), "value", 5)  # which the function does not read: it has an argument of that name
    assert code_digest(of_globals) == before
    monkeypatch.setitem(globals(), name, value)
    assert code_digest(of_globals) != before


def test_what_can_be_imported_is_known_by_its_shortest_path() -> None:
    assert dotted_path(torch.optim.Adam) == "torch.optim.Adam"


def test_what_cannot_be_imported_is_found_in_this_process_alone() -> None:
    local = scaled(3.0)
    path = dotted_path(local)
    assert given(path.rpartition(".")[2]) is local
    with pytest.raises(AttributeError, match="in another process"):
        given("nothing_1a2b3c4d")


def test_what_was_typed_into_an_interpreter_has_a_digest_too() -> None:
    first, second = ({"__name__": "__main__"} for _ in range(2))
    exec("def typed(): return 1", first)
    exec("def typed(): return 2", second)
    assert code_digest(first["typed"]) == code_digest(first["typed"]) != code_digest(second["typed"])


HELPERS = """
import numpy as np
from {name} import other
import {name}.other as module

TABLE = np.arange(3)

def helper(value):
    return value + 1

def train(seed):
    return helper(seed) + TABLE.sum() + other.deep(seed) + module.deep(seed)

class Net:
    def forward(self, value):
        return helper(value)
"""
OTHER = """
unused = 1  # said

def deep(value):
    return value * 2 + deeper(value)

def deeper(value):
    return value - 1
"""
CHANGES = {  # file, what stands there, what else, and which of the two see it
    "a helper": ("__init__", "value + 1", "value + 2", {"train", "Net"}),
    "an array": ("__init__", "np.arange(3)", "np.arange(4)", {"train"}),
    "another module": ("other", "value * 2", "value * 3", {"train"}),
    "what that calls": ("other", "value - 1", "value - 2", {"train"}),
    "nothing that is read": ("other", "unused = 1", "unused = 2", set()),
    "a comment": ("other", "# said", "# or not", set()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_digest_is_of_all_own_code_and_values_that_are_read(
    change: tuple[str, str, str, set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, before, after, seen = change
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    digests = []
    for name in ("first_of_two", "second_of"):  # names as long as one another, so that nothing else differs
        texts = {
            "__init__": HELPERS.format(name="own_project"),
            "other": OTHER,
        }
        if name == "second_of":
            texts[file] = texts[file].replace(before, after)
        folder = tmp_path / "own_project"
        folder.mkdir(exist_ok=True)
        for module, text in texts.items():
            (folder / f"{module}.py").write_text(text)
        for module in [module for module in sys.modules if module.startswith("own_project")]:
            monkeypatch.delitem(sys.modules, module)
        importlib.invalidate_caches()
        own = importlib.import_module("own_project")
        digests.append({kind: code_digest(getattr(own, kind)) for kind in ("train", "Net")})
    assert {kind for kind in digests[0] if digests[0][kind] != digests[1][kind]} == seen


def test_what_runs_counts_and_not_what_the_file_says_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "edited_later.py").write_text("def train(seed): return 1\n")
    train = importlib.import_module("edited_later").train
    before = code_digest(train)
    (tmp_path / "edited_later.py").write_text("def train(seed): return 2\n")
    assert code_digest(train) == before


def test_what_cannot_be_told_from_another_is_like_nothing_else() -> None:
    lock = threading.Lock()
    assert code_digest(scaled(lock)) != code_digest(scaled(lock))  # type: ignore[arg-type]


def test_code_of_a_library_is_known_by_its_name() -> None:
    assert digest_of_path("torch.optim.Adam") == digest_of_path("seedsweep.model.MLP") == ""
