"""Which names of params, metrics and tags MLflow takes."""

import posixpath
import re
from functools import lru_cache

NAME = re.compile(r"[/\w.\- :]{1,250}")


@lru_cache(maxsize=4096)
def is_name(name: str) -> bool:
    """Whether MLflow takes a name: it may become a path, which must be one below a folder."""
    leads_out = name == "." or name.startswith(("..", "/"))
    return NAME.fullmatch(name) is not None and posixpath.normpath(name) == name and not leads_out


def check_name(name: str) -> None:
    """Raise what MLflow raises if it does not take the name of a param."""
    if not is_name(name):
        from mlflow.utils.validation import _validate_param_name

        _validate_param_name(name)  # type: ignore[no-untyped-call]
