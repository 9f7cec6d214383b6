"""As a script: a sweep that kills itself (SIGKILL) at an event, and says in the end how many there were.

An event is a statement to the database, half of what is inserted in one transaction, a commit, an epoch of a fleet, or
a chunk's file that is written but not in its place.
"""

import os
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import seedsweep

ROOT = Path(__file__).parents[2]
KILL = 9


def descend(optimizer: str, lr: float, seed: int, log: Callable[..., None]) -> float:
    """A function of somebody's own."""
    for step in range(3):
        log("val/loss", (1 - lr) ** step + seed / 10, step)
    return lr if optimizer == "fast" else lr / 2


class Events:
    """Counts the events of this process, and kills it at one of them."""

    def __init__(self, at: int):
        self.at, self.count = at, 0

    def tick(self, *_: Any) -> None:
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), KILL)

    def halved(self, rows: Iterable[Any]) -> Iterator[Any]:
        rows = list(rows)
        yield from rows[: len(rows) // 2]
        self.tick()
        yield from rows[len(rows) // 2 :]

    def watch(self) -> None:
        from sqlalchemy import Engine, event

        from seedsweep.tracking import artifact_files, copied_runs, fleet_writer, sql_run, sql_writer

        event.listen(Engine, "before_cursor_execute", self.tick)
        event.listen(Engine, "commit", self.tick)
        fleet_writer.FLUSH_SECONDS, fleet_writer.SHARE = -1, 1  # every epoch is written
        for module in (copied_runs, sql_run, sql_writer):
            insert = module.insert
            module.insert = lambda connection, table, rows, insert=insert: insert(connection, table, self.halved(rows))
        publish = fleet_writer.FleetRecord.publish

        def published(record: Any, columns: Any) -> None:
            self.tick()
            publish(record, columns)

        fleet_writer.FleetRecord.publish = published  # type: ignore[method-assign]
        write = artifact_files.ArtifactFiles.write

        def written(files: Any, below: str, suffix: str, content: Callable[[Path], object]) -> str:
            return write(files, below, suffix, lambda path: (content(path), self.tick()))

        artifact_files.ArtifactFiles.write = written  # type: ignore[method-assign]


def sweep(words: list[str]) -> None:
    """One of these words, or of `descend` if there are none."""
    if words:
        sys.argv = [str(ROOT / "train.py"), "-m", *words]
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        seedsweep.sweep(descend, optimizer=["fast", "slow"], lr=[0.1, 0.2], seeds=2, processes=1)


if __name__ == "__main__":
    events = Events(int(sys.argv[1]))
    events.watch()
    try:
        sweep(sys.argv[2:])
    finally:
        sys.stdout.write(f"\n{events.count}\n")
