"""Overrides as they are typed."""

import pytest

from seedsweep.config.overrides import parse_override, varied


@pytest.mark.parametrize(
    ("text", "prefix", "key", "value"),
    [
        ("seed=1", "", "seed", "1"),
        ("+optimizer.lr=0.1", "+", "optimizer.lr", "0.1"),
        ("++a.b=c=d", "++", "a.b", "c=d"),
        ("~schedule", "~", "schedule", None),
        ("~schedule=cosine", "~", "schedule", "cosine"),
        ("data.path=", "", "data.path", ""),
        ("optimizer@other=adam", "", "optimizer@other", "adam"),
    ],
)
def test_an_override_has_a_prefix_a_key_and_a_value(text: str, prefix: str, key: str, value: str | None) -> None:
    override = parse_override(text)
    assert (override.text, override.prefix, override.key, override.value) == (text, prefix, key, value)
    assert text.startswith(override.typed_key)


def test_a_param_has_no_at_in_its_name() -> None:
    assert parse_override("+optimizer@other=adam").param == "optimizer.other"


@pytest.mark.parametrize(
    ("jobs", "keys"),
    [
        ([["a=1", "b=2"], ["a=1", "b=3"]], ("b",)),
        ([["+a.b=1"], ["+a.b=2"]], ("a.b",)),
        ([["x=1"]], ()),
    ],
)
def test_varied_keys_are_those_that_differ(jobs: list[list[str]], keys: tuple[str, ...]) -> None:
    assert varied(jobs) == keys
