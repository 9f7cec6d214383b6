"""How long a launcher has its workers: as long as there is something to launch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def workers_of(launcher: Any) -> Iterator[None]:
    """A context in which a launcher keeps the workers that it starts, from one launch to the next.

    Args:
        launcher: Hydra's; one without a method `close` has none.

    Yields:
        Nothing; at its end the workers are ended.
    """
    try:
        yield
    finally:
        if close := getattr(launcher, "close", None):
            close()
