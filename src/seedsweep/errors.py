"""The errors that a user can cause or meet; their texts stand alone, without a traceback."""

from typing import Any

from hydra.errors import CompactHydraException


class ConfigError(CompactHydraException, ValueError):
    """A value of the configuration is not allowed: names the key, the value and what is allowed."""

    def __init__(self, key: str, value: Any, allowed: str):
        super().__init__(key, value, allowed)  # the arguments, so that it survives pickling between processes

    def __str__(self) -> str:
        key, value, allowed = self.args
        shown = "null" if value is None else str(value)
        return f"{key}={shown}: {allowed}"


class FailedRunsError(CompactHydraException, RuntimeError):
    """Some runs of a sweep raised; the others are recorded as they ended."""
