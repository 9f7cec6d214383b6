"""The errors that a user can cause or meet; their texts stand alone, without a traceback."""

import os
import re
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from hydra.errors import CompactHydraException, MissingConfigException

FULL = "HYDRA_FULL_ERROR"  # set by a user who wants the traceback


class ConfigError(CompactHydraException, ValueError):
    """A value of the configuration is not allowed: names the key, the value and what is allowed."""

    def __init__(self, key: str, value: Any, allowed: str):
        super().__init__(key, value, allowed)  # the arguments, so that it survives pickling between processes

    def __str__(self) -> str:
        key, value, allowed = self.args
        shown = "null" if value is None else str(value)
        return masked(f"{key}={shown}: {allowed}")


def masked(text: str) -> str:
    """The text with the passwords of its addresses left out, fit to be stored or shown."""
    text = re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)
    return re.sub(r"([?&]password=)[^&\s]+", r"\1***", text)


class FailedRunsError(CompactHydraException, RuntimeError):
    """Some runs of a sweep raised; the others are recorded as they ended."""


def compact_errors(main: Callable[[], Any]) -> Callable[[], Any]:
    """A Hydra main that answers wrong input in a line or two, where Hydra would add its search path and advice."""

    @wraps(main)
    def command() -> Any:
        if os.environ.get(FULL, "0") != "0":
            return main()
        os.environ[FULL] = "1"  # has Hydra raise what it would print
        try:
            return main()
        except CompactHydraException as error:
            sys.stderr.write(f"{_brief(error)}\n")
            sys.exit(1)
        finally:
            del os.environ[FULL]

    return command


def _brief(error: CompactHydraException) -> str:
    if isinstance(error, MissingConfigException) and error.options and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        return str(ConfigError(group, option, f"must be one of {', '.join(error.options)}"))
    return str(error).split("\nConfig search path", maxsplit=1)[0].strip()
