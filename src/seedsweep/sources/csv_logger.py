"""Folders of Lightning's CSVLogger: `metrics.csv` has the curves of a run, `hparams.yaml` beside it its params."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from seedsweep.config.params import leaves
from seedsweep.errors import ConfigError
from seedsweep.sources.column_names import named_epoch, named_step, names_time
from seedsweep.sources.columns import told_apart
from seedsweep.sources.points import last_values, tidy
from seedsweep.sources.recorded_runs import CURVES, Named, RecordedRuns
from seedsweep.sources.table_files import KEY, read_table

METRICS = "metrics.csv"
PARAMS = ("config.yaml", "hparams.yaml")  # the first by Lightning's command line; the later one counts
FOLDER = "folder"  # the param that says which folder the versions of a run lie in


def logged_folders(root: Path) -> list[Path]:
    """The folders below this one, or itself, that hold the curves of a run, in the order of their versions."""
    folders = {file.parent for file in root.rglob(METRICS)}
    return sorted(folders, key=lambda folder: [_sortable(part) for part in folder.relative_to(root).parts])


def runs_of_folders(roots: Mapping[Path, Sequence[Path]], source: str, named: Named) -> RecordedRuns:
    """The runs of folders that CSVLogger wrote.

    Args:
        roots: the folders of the runs below each folder that was asked for.
        source: how they are called.
        named: the columns that the question names.

    Returns:
        The runs.

    Raises:
        ConfigError: a file in them cannot be read.
    """
    params: dict[str, dict[str, Any]] = {}
    curves, empty = [], list[str]()
    for root, folders in roots.items():
        for folder in folders:
            name = str(folder)
            parts = folder.relative_to(root).parts
            above = "/".join(parts[:-1] if parts and parts[-1].startswith("version_") else parts) or root.name
            params[name] = {FOLDER: above} | _params(folder)
            try:
                curves.append(_curves(folder / METRICS, name))
            except ConfigError as error:
                if "has no rows" not in str(error) and (folder / METRICS).stat().st_size:
                    raise
                empty.append(name)
    table = pd.DataFrame.from_dict(params, orient="index", dtype=object).apply(_typed)
    points = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=CURVES)
    last = last_values(points)
    table = table.rename(columns={name: f"param.{name}" for name in table if name in last})
    columns = told_apart(table, named, are_params=True)
    table = table.join(last)
    return RecordedRuns(
        source=source,
        table=table,
        params=tuple(columns.params),
        metrics=tuple(str(name) for name in last if not names_time(str(name))),
        about=tuple(str(name) for name in last if names_time(str(name))),
        outcomes=pd.Series(None, index=table.index, dtype=object),
        absent="missing",
        left_out=columns.left_out,
        curves=lambda metric: points[points["metric"] == metric],
        notes=(f"{len(empty)} without any point, which are missing",) * bool(empty),
        are_params=True,
    )


def _curves(file: Path, run: str) -> pd.DataFrame:
    table = read_table(file).frame
    names = list(map(str, table))
    step, epoch = named_step(names), named_epoch(names)
    if step is None and epoch is None:
        raise ConfigError(KEY, file, "has neither a column `step` nor `epoch`; CSVLogger writes both")
    numbers = [name for name in names if name not in (step, epoch) and table[name].dtype.kind in "iuf"]
    return tidy(table.assign(**{"\0run": run}), "\0run", numbers, step, epoch)


def _params(folder: Path) -> dict[str, Any]:
    """The params of a run by their dotted names; lists and other values as strings."""
    params: dict[str, Any] = {}
    for name in PARAMS:
        file = folder / name
        if file.is_file():
            content = _yaml(file)
            params |= dict(leaves(content)) if isinstance(content, dict) else {}
    return {str(name): _plain(value) for name, value in params.items()}


def _plain(value: Any) -> Any:
    is_plain = value is None or isinstance(value, str | int | float)
    return value if is_plain and not (isinstance(value, float) and math.isnan(value)) else str(value)


def _typed(values: pd.Series) -> pd.Series:
    """The values of a param as numbers where all that there are are such."""
    held = values.dropna()
    if any(isinstance(value, bool) for value in held):
        return values
    try:
        return pd.to_numeric(held).reindex(values.index)
    except (TypeError, ValueError):
        return values


def _yaml(file: Path) -> Any:
    """The content of a YAML file; nothing in it is run, and an unknown tag such as `!!python/object` is ignored."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    def without_tag(loader: Any, _: str, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_mapping(node, deep=True)

    Loader.add_multi_constructor("", without_tag)
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader)  # noqa: S506, it is a safe one
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(KEY, file, f"is no YAML that can be read: {' '.join(str(error).split())}") from error


def _sortable(part: str) -> tuple[str, int]:
    head, _, number = part.rpartition("_")
    return (head, int(number)) if number.isdecimal() else (part, -1)
