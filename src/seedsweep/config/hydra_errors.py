"""Our errors as Hydra shows its own: the message alone, without a traceback.

Our own errors know nothing of Hydra, so that what only compares does not import it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import CompactHydraException

from seedsweep.errors import ConfigError, FailedRunsError, SeedsweepError, StoreError


class _HydraConfigError(ConfigError, CompactHydraException):
    pass


class _HydraStoreError(StoreError, CompactHydraException):
    pass


class _HydraFailedRunsError(FailedRunsError, CompactHydraException):
    pass


_KINDS: dict[type, type[SeedsweepError]] = {
    ConfigError: _HydraConfigError,
    StoreError: _HydraStoreError,
    FailedRunsError: _HydraFailedRunsError,
}
for _kind, _hydra_kind in _KINDS.items():
    _hydra_kind.__name__ = _kind.__name__  # which messages show


def hydra_error(error: Exception) -> Exception:
    """The form of an error that Hydra shows as a message, whatever application it runs.

    Args:
        error: what was raised.

    Returns:
        For an error of ours one of the same class, message, traceback and cause; any other error as it is.
    """
    kind = _KINDS.get(type(error))
    if kind is None:
        return error
    shown = kind(*error.args).with_traceback(error.__traceback__)
    shown.__cause__ = error.__cause__
    return shown


@contextmanager
def shown_by_hydra() -> Iterator[None]:
    """Have Hydra show our errors of the body, or of a function decorated with this, as messages without traceback.

    Raises:
        SeedsweepError: an error of ours from the body, in the form that Hydra shows as a message.
    """
    try:
        yield
    except SeedsweepError as error:
        raise hydra_error(error) from error.__cause__
