"""Artifacts that lie in a folder of this file system, as MLflow puts them there."""

import os
import shutil
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit
from urllib.request import url2pathname

UPLOADING = ".artifact.uploading."  # how the name of a file begins that is not complete: MLflow lists none of them


def artifact_address(location: str, run_id: str) -> str:
    """The address of a run's artifacts below that of its experiment's, as MLflow would choose it."""
    if not set("?#;") & set(location):
        return f"{location.rstrip('/')}/{run_id}/artifacts"
    from mlflow.utils.uri import append_to_uri_path

    return str(append_to_uri_path(location, run_id, "artifacts"))  # type: ignore[no-untyped-call]


def local_folder(address: str) -> Path | None:
    """The folder that an address of artifacts means.

    Args:
        address: as MLflow's tables have it.

    Returns:
        None for a place that is not in this file system.
    """
    parts = urlsplit(address)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(url2pathname(parts.path))
    return None if parts.scheme else Path(url2pathname(address))


def put_artifact(file: Path, address: str, below: str) -> None:
    """Put a copy of a file among the artifacts at an address, wherever that is."""
    if folder := local_folder(address):
        put_file(file, folder / below)
        return
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(address).log_artifact(str(file), below)  # type: ignore[no-untyped-call]


def put_file(file: Path, folder: Path) -> None:
    """Put a copy of a file into a folder, which is made if need be; it is there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{UPLOADING}{token_hex(8)}"
    try:
        shutil.copyfile(file, unfinished)
        os.replace(unfinished, folder / file.name)
    finally:
        unfinished.unlink(missing_ok=True)


def put_folder(source: Path, folder: Path) -> None:
    """Put copies of all the files below one folder into another."""
    for file in sorted(source.rglob("*")):
        if file.is_file():
            put_file(file, folder / file.relative_to(source).parent)


def file_within(folder: Path, path: str) -> Path | None:
    """The file at a path below a folder; None where it cannot be read, or the path leads out of the folder."""
    try:
        file = Path(os.path.realpath(folder / path, strict=True))
    except (OSError, ValueError):  # ValueError: the path has a NUL
        return None
    is_within = file.is_relative_to(os.path.realpath(folder))
    return file if is_within and os.access(file, os.R_OK) else None
