"""In which detail MLflow has the runs of a sweep: each as one of its own, or the groups and the best, beside files."""

from collections.abc import Collection
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.validation import check_choice

KEY = "tracking.detail"
RUNS, GROUPS = "runs", "groups"
DETAILS = (RUNS, GROUPS)
MANY = 100_000  # runs of a sweep from which on it is in groups unless something else is asked for


def check_detail(asked: Any) -> None:
    """Check a value of `tracking.detail`.

    Args:
        asked: what was given; None has it chosen.

    Raises:
        ConfigError: it is not allowed.
    """
    if asked is not None:
        check_choice(KEY, asked, DETAILS)


def chosen_detail(asked: Any, runs: int, possible: Collection[str] = DETAILS) -> str:
    """The detail in which a sweep is recorded.

    Args:
        asked: the value of `tracking.detail`; None has it chosen by the number of runs.
        runs: that the sweep has.
        possible: the details that its kind of sweep can be recorded in.

    Returns:
        `runs` or `groups`.

    Raises:
        ConfigError: another one was asked for.
    """
    check_detail(asked)
    if asked is not None and asked not in possible:
        raise ConfigError(
            KEY, asked, f"is for grids of configurations; here it must be {' or '.join(possible)}, or null"
        )
    if asked is None:
        return GROUPS if runs >= MANY and GROUPS in possible else RUNS
    return str(asked)
