"""Params: values of a nested configuration as strings under dotted keys, one string for each value."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 6000  # characters of a param that MLflow takes


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a nested configuration under their dotted keys.

    Args:
        node: a nested dictionary.
        prefix: of the keys, with its dot.

    Returns:
        Pairs of a dotted key and a value; lists are values.
    """
    for key, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def canonical(value: Any) -> str:
    """The one string of a value, as params have it: 0.01, 1e-2 and .01 are `0.01`; 1 and 1.0 are `1`.

    Args:
        value: a plain value or a list of them.

    Returns:
        The string, in which booleans and null are those of JSON.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(canonical, value))}]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return str(value)


def setting(params: Mapping[str, Any]) -> str:
    """Params as they are shown and can be typed.

    Args:
        params: values by their keys.

    Returns:
        `key=value` of each, numbers with four digits, separated by spaces.
    """
    shown = {key: f"{value:.4g}" if isinstance(value, float) else canonical(value) for key, value in params.items()}
    return " ".join(f"{key}={value}" for key, value in shown.items())
