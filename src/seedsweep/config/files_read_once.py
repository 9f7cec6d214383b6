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


class FilesReadOnce(ConfigRepository):
    """Hydra's repository for as long as its files stay as they are, which is one command."""

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        super().initialize_sources(config_search_path)
        self._read: dict[str, bytes] = {}  # pickled, which is copied five times faster than nodes

    def __deepcopy__(self, memo: dict[int, Any]) -> "FilesReadOnce":
        """A copy for one composition, which may give it sources of its own."""
        return copy.copy(self)

    def load_config(self, config_path: str) -> ConfigResult | None:
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None or source.scheme() not in OF_FILES:
            return super().load_config(config_path)
        if config_path not in self._read:
            self._read[config_path] = pickle.dumps(super().load_config(config_path), pickle.HIGHEST_PROTOCOL)
        return pickle.loads(self._read[config_path])  # type: ignore[no-any-return]  # noqa: S301 - of this process


def read_files_once(loader: ConfigLoader) -> None:
    """Have a loader read each file once from now on, if it is one of Hydra's own.

    Args:
        loader: that composes several configurations of the same files.
    """
    if type(getattr(loader, "repository", None)) is ConfigRepository:
        loader.repository = FilesReadOnce(loader.get_search_path())  # type: ignore[attr-defined]


@contextmanager
def files_read_once() -> Iterator[None]:
    """Have each loader that is made in the body read each file once."""
    of_loaders: Any = config_loader_impl
    before, of_loaders.ConfigRepository = of_loaders.ConfigRepository, FilesReadOnce
    try:
        yield
    finally:
        of_loaders.ConfigRepository = before
