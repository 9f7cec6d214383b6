"""How the commands answer wrong input: in a line or two, without a traceback."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn
from hydra.errors import CompactHydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from seedsweep.cli.typed_words import in_order
from seedsweep.cli.unwritable import unwritable
from seedsweep.config.files_read_once import files_read_once
from seedsweep.errors import SeedsweepError
from seedsweep.gc_pause import collect_seldom

OTHERS = (OmegaConfBaseException, AssertionError)  # that Hydra raises for what was typed wrong
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
        collect_seldom()
        if os.environ.get(FULL, "0") != "0":
            return main()
        os.environ[FULL] = "1"  # has Hydra raise what it would print
        try:
            with _without_overrides(), files_read_once():
                return _with_all_options(main)
        except (CompactHydraException, SeedsweepError) as error:
            sys.stderr.write(f"{_brief(error)}\n")
            sys.exit(1)
        except Exception as error:
            message = unwritable(error, sys.argv[1:]) or _explained(error)
            if message is None:
                raise
            sys.stderr.write(f"{message}\n")
            sys.exit(1)
        finally:
            del os.environ[FULL]

    return command


@contextmanager
def _without_overrides() -> Iterator[None]:
    """Have Hydra raise what was typed wrong and ended a job, before which it would write all of the job's overrides."""
    value = JobReturn.return_value

    def return_value(job: JobReturn) -> Any:
        if isinstance(job._return_value, SeedsweepError | OmegaConfBaseException):
            raise job._return_value
        return value.fget(job)  # type: ignore[attr-defined]

    JobReturn.return_value = property(return_value, value.fset)  # type: ignore[assignment,attr-defined]
    try:
        yield
    finally:
        JobReturn.return_value = value  # type: ignore[method-assign]


def _with_all_options(main: Callable[[], Any]) -> Any:
    """What a command gives, with the options of a group in the place of `all`, once Hydra has found no such option."""
    sys.argv[1:] = in_order(sys.argv[1:])
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


def _explained(error: Exception) -> str | None:
    """What is said of an error that Hydra would show with a traceback; None where that is needed."""
    if not isinstance(error, OTHERS) and not str(error).startswith(NO_OPTION):
        return None
    from seedsweep.config.composition_errors import explained

    explanation = explained(error, sys.argv[1:])
    return None if explanation is None else str(explanation)


def _brief(error: Exception) -> str:
    from seedsweep.config.composition_errors import explained  # only now, since every command waits for the imports

    return str(explained(error, sys.argv[1:]) or error).split("\nConfig search path", maxsplit=1)[0].strip()
