"""The files of a sweep's artifacts that are named by their digests: written whole or not at all, and found again."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seedsweep.errors import StoreError
from seedsweep.tracking.artifact_folders import local_folder
from seedsweep.tracking.mlflow_client import mlflow_error

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client

DIGITS = 32  # of a digest that a name has
NAME = re.compile(rf"[0-9a-f]{{{DIGITS}}}\.(parquet|safetensors)")
PART = ".part"  # the end of the name of a file that is being written


class ArtifactFiles:
    """Files of one sweep: in a folder of this file system, or wherever an MLflow server keeps them.

    Args:
        client: of the store.
        sweep: its run id.
        address: of the folder of its artifacts; asked for where it is None.
    """

    def __init__(self, client: "Client", sweep: str, address: str | None = None):
        self.sweep = sweep
        self._client = client
        self._folder = local_folder(address or client.get_run(sweep).info.artifact_uri)

    def names(self, below: str) -> list[str]:
        """The files in a folder that are named as here, in alphabetical order; others are not looked at."""
        if self._folder is None:
            paths = [artifact.path for artifact in self._client.list_artifacts(self.sweep, below)]
        else:
            folder = self._folder / below
            paths = os.listdir(folder) if folder.is_dir() else []
        return sorted(f"{below}/{Path(path).name}" for path in paths if NAME.fullmatch(Path(path).name))

    def write(self, below: str, suffix: str, write: Callable[[Path], object]) -> str:
        """Have a file written, and put in its place once it is complete.

        Args:
            below: its folder.
            suffix: the end of its name, with the dot.
            write: writes it to a path.

        Returns:
            Its name among the artifacts.
        """
        if self._folder is not None:
            (folder := self._folder / below).mkdir(parents=True, exist_ok=True)
            part = folder / f"{token_hex(16)}{PART}"
            try:
                return self._put(part, below, suffix, write)
            finally:
                part.unlink(missing_ok=True)
        with TemporaryDirectory() as temporary:
            return self._put(Path(temporary) / PART, below, suffix, write)

    def _put(self, part: Path, below: str, suffix: str, write: Callable[[Path], object]) -> str:
        write(part)
        with part.open("rb+") as file:
            name = f"{hashlib.file_digest(file, 'sha256').hexdigest()[:DIGITS]}{suffix}"
            os.fsync(file.fileno())  # else a machine that loses its power may keep the name and lose the content
        file_of_name = part.rename(part.with_name(name))
        if self._folder is None:
            self._client.log_artifact(self.sweep, str(file_of_name), below)
        return f"{below}/{name}"

    def read(self, name: str) -> bytes:
        """The content of a file; raises `StoreError` if it is gone, or is not what its name says."""
        try:
            with TemporaryDirectory() as folder:  # without a folder of its own MLflow would leave one
                content = self._path(name, folder).read_bytes()
        except (OSError, mlflow_error()) as error:
            raise self.damaged(name, "is gone or cannot be read") from error
        if not Path(name).stem == hashlib.sha256(content).hexdigest()[:DIGITS]:
            raise self.damaged(name, "is not what was written: its content does not go with its name")
        return content

    def damaged(self, name: str, reason: str) -> StoreError:
        """The error of a file that is not as it was written."""
        where = self._folder / name if self._folder is not None else f"{name} among the artifacts"
        remedy = "delete the chunk's file in runs/, and the sweep's command trains its runs again"
        return StoreError(f"{where} of sweep {self.sweep[:8]} {reason}; {remedy}")

    def remove_parts(self, *below: str) -> None:
        """Remove what processes that are gone did not write to its end."""
        for folder in below if self._folder is not None else ():
            for part in (self._folder / folder).glob(f"*{PART}"):  # type: ignore[operator]  # as it is not None
                part.unlink(missing_ok=True)

    def _path(self, name: str, folder: str) -> Path:
        if self._folder is not None:
            return self._folder / name
        return Path(self._client.download_artifacts(self.sweep, name, folder))
