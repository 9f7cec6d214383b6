"""A SQLite store that was moved or copied with its folder: MLflow keeps the places of artifacts as whole paths."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

UPDATE_EXPERIMENT = "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?"
UPDATE_RUNS = (
    "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?)"
    " WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?"
)
FOLDER = "artifacts"  # beside the database, with a folder of each experiment


def find_artifacts(file: Path) -> None:
    """Have a store name the artifacts that lie beside it, where it names those of the place that it comes from.

    Args:
        file: of the database; one that cannot be written stays as it is.
    """
    with suppress(sqlite3.Error), closing(sqlite3.connect(file, timeout=20)) as database, database:
        rows = database.execute("SELECT experiment_id, artifact_location FROM experiments").fetchall()
        for experiment, former in rows:
            folder = _path(former)
            here = file.parent / FOLDER / folder.name
            if folder.parent.name == FOLDER and here.is_dir() and not _is_same(folder, here):
                database.execute(
                    UPDATE_RUNS, (here.as_uri(), len(former) + 1, experiment, len(former) + 1, f"{former}/")
                )
                database.execute(UPDATE_EXPERIMENT, (here.as_uri(), experiment))


def _path(location: str | None) -> Path:
    return Path(url2pathname(urlparse(location or "").path))


def _is_same(former: Path, here: Path) -> bool:
    """Whether both paths lead to one folder, as where one of them is a link."""
    try:
        return former.samefile(here)
    except OSError:
        return False
