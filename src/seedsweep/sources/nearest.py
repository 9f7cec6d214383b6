"""Names that were typed wrong: the error that lists those that exist, the nearest first."""

from collections.abc import Sequence
from difflib import get_close_matches

from seedsweep.errors import ConfigError
from seedsweep.sources.column_names import plain
from seedsweep.sources.recorded_runs import one_of


def no_such(key: str, name: str, what: str, names: Sequence[str]) -> ConfigError:
    """The error that a name is none of these.

    Args:
        key: of the question.
        name: that was given.
        what: it should be, such as `a metric of these runs`.
        names: those that exist.

    Returns:
        The error, which names the nearest.
    """
    by_plain_name = {plain(known): known for known in reversed(names)}
    near = get_close_matches(plain(name), list(by_plain_name), 1)
    hint = f"; did you mean {by_plain_name[near[0]]}?" if near else ""
    return ConfigError(
        key,
        name,
        f"is not {what}{hint} There are {one_of(names)}" if near else f"is not {what}; there are {one_of(names)}",
    )
