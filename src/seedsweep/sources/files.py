"""Which files and folders are asked for, and how each kind of them is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.sources.csv_logger import METRICS, logged_folders, runs_of_folders
from seedsweep.sources.recorded_runs import Named, RecordedRuns, one_of
from seedsweep.sources.run_tables import runs_of_tables
from seedsweep.sources.table_files import KEY, TABLES


def runs_of_files(asked: Any, named: Named) -> RecordedRuns:
    """The runs of the files or folders that are asked for.

    Args:
        asked: the key `runs`: a path, or a list of them, of tables or of folders.
        named: the columns that the question names.

    Returns:
        The runs.

    Raises:
        ConfigError: there is no such file, or it holds no runs.
    """
    paths = [Path(str(path)).expanduser() for path in (asked if isinstance(asked, list) else [asked])]
    if not paths or any(isinstance(path, dict | None) or path == "" for path in _listed(asked)):
        raise ConfigError(KEY, asked, "must be a file or a folder, or a list of such: [a.csv,b.csv]")
    for path in paths:
        if not path.exists():
            raise ConfigError(KEY, path, "no such file or folder")
    source = one_of([str(path) for path in paths], 3)
    paths = [path.parent if path.name == METRICS else path for path in paths]
    folders = {path: logged_folders(path) for path in paths if path.is_dir()}
    logged = {root: inner for root, inner in folders.items() if inner}
    tables = [file for path in paths if path not in logged for file in _tables(path)]
    if logged and tables:
        raise ConfigError(KEY, source, "are tables and folders of CSVLogger; compare one kind at a time")
    return runs_of_folders(logged, source, named) if logged else runs_of_tables(tables, source, named)


def _listed(asked: Any) -> Sequence[Any]:
    return asked if isinstance(asked, list) else [asked]


def _tables(path: Path) -> list[Path]:
    """The file, or those in the folder."""
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in TABLES)
    if not files:
        allowed = f"holds neither a {METRICS}, as Lightning's CSVLogger writes it, nor a table (*.csv, *.parquet)"
        raise ConfigError(KEY, path, allowed)
    return files
