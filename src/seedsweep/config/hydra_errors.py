"""Our errors as Hydra shows its own: the message alone, without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import CompactHydraException

from seedsweep.errors import ConfigError, FailedRunsError


class _CompactConfigError(ConfigError, CompactHydraException):
    pass


class _CompactFailedRunsError(FailedRunsError, CompactHydraException):
    pass


@contextmanager
def shown_by_hydra() -> Iterator[None]:
    """Errors of the body reach Hydra as errors of a kind that it prints as a message, whatever application it runs."""
    try:
        yield
    except CompactHydraException:
        raise
    except ConfigError as error:
        raise _CompactConfigError(*error.args) from error.__cause__
    except FailedRunsError as error:
        raise _CompactFailedRunsError(*error.args) from error.__cause__
