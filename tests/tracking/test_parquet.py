"""Tables that are written in parts are those that would be written at once."""

from itertools import chain
from pathlib import Path

import pandas as pd

from seedsweep.tracking.frames import runs_frame
from seedsweep.tracking.parquet import write_runs
from seedsweep.tracking.sql import StoredRuns

TEXTS = [  # of params, one part after the other
    {"a": ["1", "2"], "b": ["true", "false"], "c": ["1e-05", "0.5"], "d": ["1", "null"], "e": ["1", "2"]},
    {"a": ["3", "4"], "b": ["true", "true"], "c": ["no", "1"], "d": ["null", "2"], "f": ["true", "false"]},
    {"a": ["9007199254740993", "6"], "b": ["false", "true"], "c": ["1", None], "d": ["3", "4"], "f": ["true", "true"]},
]


def written(folder: Path, *parts: pd.DataFrame) -> pd.DataFrame:
    write_runs(iter(parts), folder / "runs.parquet")
    return pd.read_parquet(folder / "runs.parquet")


def frames(texts: list[dict[str, list[str | None]]]) -> list[pd.DataFrame]:
    """Parts of a table of runs, two in each, with these params as texts."""
    made = []
    for number, params in enumerate(texts):
        stored = [(f"r{number}{position}", "n", "FINISHED", 1_000 * number, None) for position in range(2)]
        tags = [(run[0], "seedsweep.job", str(2 * number + position)) for position, run in enumerate(stored)]
        pairs = [(run[0], key, value[position]) for position, run in enumerate(stored) for key, value in params.items()]
        metrics = [(run[0], "val/loss", float(number)) for run in stored]
        known = [(run, key, value) for run, key, value in pairs if value is not None]
        made.append(StoredRuns(stored, [tags], [known], [metrics]))
    whole = StoredRuns(*(list(chain(*item)) for item in zip(*made, strict=True)))
    about = [runs_frame(item._replace(params=()), None, lambda _: ()) for item in made]
    params = [pd.DataFrame(item, dtype="str") for item in texts]
    return [
        *(pd.concat(item, axis=1) for item in zip(about, params, strict=True)),
        runs_frame(whole, None, lambda _: ()),
    ]


def test_table_in_parts_is_the_table_at_once(tmp_path: Path) -> None:
    *parts, whole = frames(TEXTS)
    whole.to_parquet(tmp_path / "whole.parquet", index=False)
    pd.testing.assert_frame_equal(written(tmp_path, *parts), pd.read_parquet(tmp_path / "whole.parquet"))


def test_typed_table_is_written_as_it_is(tmp_path: Path) -> None:
    whole = frames(TEXTS)[-1]
    pd.testing.assert_frame_equal(written(tmp_path, whole), whole)
