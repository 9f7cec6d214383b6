"""Hydra's configuration files, each read once: a sweep of six optimizers composes eight configurations of 13 files.

Hydra itself reads them again for each, and copies the store of all structured configurations besides: a third of the
time. Compositions change what they are given, so that each is given a copy.
"""

import copy
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra._internal import config_loader_impl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult

OF_FILES = ("file", "pkg")  # what may be computed, as by sources of somebody's own, is asked each time
UNCHANGED = (*OF_FILES, "structured")  # by being asked; other sources are copied for each composition, as by Hydra


class FilesReadOnce(ConfigRepository):
    """Hydra's repository, which reads each file once, whatever becomes of the file."""

    _read: dict[tuple[str, str], bytes]  # pickled, which is copied five times faster than nodes

    @classmethod
    def of(cls, repository: ConfigRepository) -> "FilesReadOnce":
        """Another one of the same sources."""
        once = cls.__new__(cls)
        once.sources, once._read = repository.sources, {}
        return once

    def __deepcopy__(self, memo: dict[int, Any]) -> "FilesReadOnce":
        """A copy for one composition, which may give it sources of its own."""
        copied = copy.copy(self)
        copied.sources = [
            source if source.scheme() in UNCHANGED else copy.deepcopy(source, memo) for source in self.sources
        ]
        return copied

    def load_config(self, config_path: str) -> ConfigResult | None:
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None or source.scheme() not in OF_FILES:
            return super().load_config(config_path)
        key = (source.path, config_path)
        if key not in self._read:
            self._read[key] = pickle.dumps(super().load_config(config_path), pickle.HIGHEST_PROTOCOL)
        return pickle.loads(self._read[key])  # type: ignore[no-any-return]  # noqa: S301 - of this process


def read_files_once(loader: ConfigLoader) -> None:
    """Have a loader read each file once from now on, if its repository is Hydra's own.

    Args:
        loader: that composes several configurations of the same files.
    """
    usual = getattr(loader, "repository", None)
    if type(usual) is ConfigRepository:
        loader.repository = FilesReadOnce.of(usual)  # type: ignore[attr-defined]


@contextmanager
def files_read_once() -> Iterator[None]:
    """Have the first loader that is made in the body read each file once: that of a command, and of nothing in it."""
    of_loaders: Any = config_loader_impl
    usual = of_loaders.ConfigRepository

    def first(config_search_path: ConfigSearchPath) -> FilesReadOnce:
        of_loaders.ConfigRepository = usual
        return FilesReadOnce.of(usual(config_search_path))

    of_loaders.ConfigRepository = first
    try:
        yield
    finally:
        if of_loaders.ConfigRepository is first:
            of_loaders.ConfigRepository = usual
