"""Files and folders that cannot be written, Hydra's own among them: what is said instead of a traceback."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from traceback import walk_tb

from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError

UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST)  # of a folder that was to be made, or a log to be begun
LOG = "Unable to configure handler"  # how logging begins, whose cause says why


def unwritable(error: Exception, typed: Sequence[str]) -> str | None:
    """What is said of a file or a folder that cannot be written.

    Args:
        error: that ended a command.
        typed: its overrides.

    Returns:
        The path, with the key of Hydra's that named it, and the reason; None where the error is another.
    """
    reason = error.__cause__ if str(error).startswith(LOG) else error
    if not isinstance(reason, OSError) or reason.filename is None:
        return None
    makes = reason is not error or any(frame.f_code is Path.mkdir.__code__ for frame, _ in walk_tb(error.__traceback__))
    if reason.errno not in (*UNWRITABLE, *NO_FOLDER * makes):
        return None
    path = os.path.abspath(reason.filename)
    sentence = f"{path} cannot be written: {reason.strerror}"
    for override in map(parse_override, typed):
        if override.key.startswith("hydra.") and override.value and override.value in path:
            return str(ConfigError(override.typed_key, override.value, sentence))
    return sentence
