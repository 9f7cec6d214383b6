"""How the commands answer wrong input: in a line or two, without a traceback."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn
from hydra.errors import CompactHydraException, MissingConfigException

from seedsweep.errors import ConfigError, SeedsweepError

UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)  # also of Hydra's own folders
NO_OPTION = "Config group override must be a string"  # how Hydra begins, of optimizer=3
FULL = "HYDRA_FULL_ERROR"  # set by a user who wants the traceback


def compact_errors(main: Callable[[], Any]) -> Callable[[], Any]:
    """A Hydra main that answers wrong input in a line or two, where Hydra would add its search path and advice.

    Args:
        main: decorated by `hydra.main`.

    Returns:
        The same command, which exits with 1 after an error of ours or of Hydra's, and with a traceback only where
        `HYDRA_FULL_ERROR` is set.
    """

    @wraps(main)
    def command() -> Any:
        if os.environ.get(FULL, "0") != "0":
            return main()
        os.environ[FULL] = "1"  # has Hydra raise what it would print
        try:
            with _without_overrides():
                return _with_all_options(main)
        except (CompactHydraException, SeedsweepError) as error:
            sys.stderr.write(f"{_brief(error)}\n")
            sys.exit(1)
        except OSError as error:
            if error.errno not in UNWRITABLE or error.filename is None:
                raise
            sys.stderr.write(f"{os.path.abspath(error.filename)} cannot be written: {error.strerror}\n")
            sys.exit(1)
        except ValueError as error:
            if not str(error).startswith(NO_OPTION):
                raise
            sys.stderr.write(f"{_brief(error)}\n")
            sys.exit(1)
        finally:
            del os.environ[FULL]

    return command


@contextmanager
def _without_overrides() -> Iterator[None]:
    """Have Hydra raise the errors of ours that ended a job, before which it would write all of the job's overrides."""
    value = JobReturn.return_value

    def return_value(job: JobReturn) -> Any:
        if isinstance(job._return_value, SeedsweepError):
            raise job._return_value
        return value.fget(job)  # type: ignore[attr-defined]

    JobReturn.return_value = property(return_value, value.fset)  # type: ignore[assignment,attr-defined]
    try:
        yield
    finally:
        JobReturn.return_value = value  # type: ignore[method-assign]


def _with_all_options(main: Callable[[], Any]) -> Any:
    """What a command gives, with the options of a group in the place of `all`, once Hydra has found no such option."""
    for text in sys.argv[1:]:
        if text.startswith("="):  # at which Hydra would fail
            raise ConfigError("", text[1:], "must be KEY=VALUE, as in optimizer.lr=0.1")
    while True:
        try:
            return main()
        except MissingConfigException as error:
            from seedsweep.config.all_options import with_all_options

            overrides = with_all_options(error, sys.argv[1:])
            if overrides is None:
                raise
            sys.argv[1:] = overrides
            GlobalHydra.instance().clear()


def _brief(error: Exception) -> str:
    from seedsweep.config.composition_errors import explained  # only now, since every command waits for the imports

    return str(explained(error, sys.argv[1:]) or error).split("\nConfig search path", maxsplit=1)[0].strip()
