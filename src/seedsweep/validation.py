"""Checks of single values, each raising `ConfigError` with what is allowed."""

import math
from collections.abc import Collection
from typing import Any

from seedsweep.errors import ConfigError


def check_whole(key: str, value: Any, low: int, high: int | None = None, what: str = "") -> None:
    """`value` is a whole number from `low` to `high` (no limit when None)."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        limits = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ConfigError(key, value, f"must be a whole number {limits}{f', {what}' if what else ''}")


def check_positive(key: str, value: Any) -> None:
    """`value` is a finite number greater than 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ConfigError(key, value, "must be a finite number greater than 0, such as 0.01")


def check_truth(key: str, value: Any) -> None:
    """`value` is true or false."""
    if not isinstance(value, bool):
        raise ConfigError(key, value, "must be true or false")


def check_choice(key: str, value: Any, allowed: Collection[Any]) -> None:
    """`value` is one of `allowed`."""
    if value not in allowed:
        raise ConfigError(key, value, f"must be one of {', '.join(map(str, allowed))}")
