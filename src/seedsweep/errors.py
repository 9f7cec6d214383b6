"""The errors that a user can cause or meet; their texts stand alone, without a traceback."""

import re
from typing import Any


class SeedsweepError(Exception):
    """What a user can cause or meet; its text says all, and no traceback is needed."""


class ConfigError(SeedsweepError, ValueError):
    """A value of the configuration is not allowed: names the key, the value and what is allowed."""

    def __init__(self, key: str, value: Any, allowed: str):
        super().__init__(key, value, allowed)  # the arguments, so that it survives pickling between processes

    def __str__(self) -> str:
        key, value, allowed = self.args
        shown = "null" if value is None else str(value)
        return masked(f"{key}={shown}: {allowed}")


class StoreError(SeedsweepError, RuntimeError):
    """The MLflow store refused what was asked of it, or was lost on the way."""


class FailedRunsError(SeedsweepError, RuntimeError):
    """Some runs of a sweep raised; the others are recorded as they ended."""


def masked(text: str) -> str:
    """The text without the passwords of its addresses, fit to be stored or shown.

    Args:
        text: that may hold addresses of stores.

    Returns:
        The text with `***` for each password.
    """
    text = re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)
    return re.sub(r"([?&]password=)[^&\s]+", r"\1***", text)
