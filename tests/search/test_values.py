"""A suggested value is written so that Hydra reads the very same."""

import random
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from shared.spaces import read, values_of

from seedsweep.search.spaces import as_overrides

TEXTS = ["1", "1e-3", "true", "NULL", "nan", "-inf", "", " a ", "a,b", "it's", 'say "x"', "\\", "\\'", "a\\", "a\\\\'"]
TEXTS += ["${seed}", "[1]", "{a:1}", "f(x)", "a=b", "a:b", "~", "adam", "2layers", "he_normal", "é", "a\tb", "x/y.csv"]


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_quoted_where_hydra_would_read_something_else(text: str) -> None:
    (override,) = as_overrides({"x": text}, read())
    assert values_of([override]) == {"x": text}


def test_random_texts_are_read_as_they_are() -> None:
    draw = random.Random(0)
    for _ in range(300):
        text = "".join(draw.choices("ab1.-_/\\\\''\"\" ,=:()[]{}$%*@?|~+é\t", k=draw.randrange(8)))
        assert values_of(as_overrides({"x": text}, read())) == {"x": text}


def test_texts_are_written_plainly_where_that_is_the_same() -> None:
    params = {"optimizer": "keras_adam", "data.path": "a/b.csv", "x": "1", "y": 1e-05, "z": None, "on": True}
    assert as_overrides(params, read()) == [
        *("optimizer=keras_adam", "data.path=a/b.csv", "x='1'", "y=1e-05", "z=null", "on=true"),
    ]


def test_config_group_takes_a_quoted_option(tmp_path: Any) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "2layers.yaml").write_text("depth: 2\n")
    (tmp_path / "main.yaml").write_text("seed: 0\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        overrides = as_overrides({"+net": "2layers", "seed": 1e-05}, read())
        assert overrides == ["+net='2layers'", "seed=1e-05"]
        assert compose("main", overrides) == {"seed": 1e-05, "net": {"depth": 2}}
