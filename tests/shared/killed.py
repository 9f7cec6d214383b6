"""Sweeps that kill themselves (SIGKILL) at an event: in forks of one process that has imported everything before.

An event is a statement to the database, half of what is inserted in one transaction, a commit, an epoch of a fleet, or
a chunk's file that is written but not in its place.
As a script: reads a line of JSON for each sweep, and answers with one.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow import MlflowClient

import seedsweep
from shared.stores import runs_in

ROOT = Path(__file__).parents[2]
KILL = 9
SMALL = ("trainer.max_epochs=2", "optimizer=sgd,adam", "seed=0,1", "compare=false")
SWEEPS = {
    "fleets": (*SMALL, "trainer.max_members=3"),
    "the reference engine": (*SMALL, "trainer.engine=lightning"),
    "groups": (*SMALL, "trainer.max_members=2", "tracking.detail=groups"),
    "a function": (),
}
POINT = ["name", "metric", "step", "epoch", "value"]


@dataclass(frozen=True)
class Died:
    """How a sweep ended: by itself at an event, or with an exit status; how many events there were, what it printed."""

    killed: bool
    code: int
    events: int
    out: str


class Forks:
    """The process whose forks are the sweeps; `folder` is where they work."""

    def __init__(self, folder: Path):
        self.folder = folder
        command = [sys.executable, __file__]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, cwd=folder, env=environment, **pipes)

    def sweep(self, uri: str, *words: str, at: int = 0) -> Died:
        """A sweep of these words, or of `descend` if there are none, that kills itself at an event; 0 for never."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"uri": uri, "words": words, "at": at}) + "\n")
        self._process.stdin.flush()
        return Died(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate()


def curves(uri: str) -> pd.DataFrame:
    """The points of the newest sweep's runs, known by the runs' names."""
    runs = seedsweep.load_runs("latest", uri)
    points = seedsweep.load_curves("latest", uri).merge(runs[["run", "name"]], on="run")
    return points[POINT].sort_values(POINT, ignore_index=True)


def check_once(uri: str, ended: Died, undisturbed: pd.DataFrame) -> None:
    """The store has one sweep that finished, each run of its plan once, and the curves of one that nobody killed."""
    assert ended.code == 0, ended.out
    client = MlflowClient(uri)
    (parent,) = runs_in(client, "sweep")
    planned, in_groups = int(parent.data.tags["seedsweep.planned"]), "seedsweep.detail" in parent.data.tags
    runs, table = runs_in(client), seedsweep.load_runs(parent.info.run_id, uri)
    assert {parent.info.status, *(run.info.status for run in runs)} == {"FINISHED"} == set(table["status"])
    keys = Counter(run.data.tags["seedsweep.key"] for run in runs)
    assert set(keys.values()) == ({1} if runs else set())
    assert len(keys) == planned * (not in_groups)
    assert table["job"].tolist() == list(range(planned))
    assert planned == int(parent.data.tags["seedsweep.finished"])
    for kind in ("group", "best") if in_groups else ():
        groups = Counter(run.data.tags["seedsweep.group"] for run in runs_in(client, kind))
        assert groups == dict.fromkeys(table["group"], 1)
    assert curves(uri).equals(undisturbed)


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
        event.listen(Engine, "connect", _without_syncing)
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


def _without_syncing(connection: Any, _: Any) -> None:
    """A process that is killed takes nothing from the system with it, so that SQLite need not wait for the disk."""
    if "sqlite3" in type(connection).__module__:
        connection.execute("PRAGMA synchronous = OFF")


def sweep(words: list[str]) -> None:
    """In a fork: the sweep."""
    import runpy

    import seedsweep

    if words:
        sys.argv = [str(ROOT / "train.py"), "-m", *words]
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        seedsweep.sweep(descend, optimizer=["fast", "slow"], lr=[0.1, 0.2], seeds=2, processes=1)


def fork(uri: str, words: list[str], at: int) -> Died:
    (reader, writer), file = os.pipe(), Path("printed.txt")
    if child := os.fork():
        os.close(writer)
        with os.fdopen(reader) as pipe:
            count = pipe.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == KILL
        return Died(killed, -1 if killed else os.WEXITSTATUS(status), int(count or at), file.read_text())
    os.environ["MLFLOW_TRACKING_URI"], events, code = uri, Events(at), 0
    with file.open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    try:
        events.watch()
        sweep(words)
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        os.write(writer, str(events.count).encode())
        os._exit(code)


def main() -> None:
    import mlflow.store.tracking.sqlalchemy_store
    import pytorch_lightning
    import sklearn.datasets

    import seedsweep.plugin
    import seedsweep.report.publish

    names = ("open_sweep", "open_search", "record_search", "search_results", "composer_of")
    _ = (mlflow, pytorch_lightning, sklearn, seedsweep.report, [getattr(seedsweep.plugin, name) for name in names])
    for line in sys.stdin:
        sys.stdout.write(json.dumps(vars(fork(**json.loads(line)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
