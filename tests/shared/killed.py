"""Sweeps that are killed at an event, see `dying`, and what is in the store of one that was gone on with."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient

import seedsweep
from shared.forks import forks
from shared.stores import runs_in

DYING = Path(__file__).with_name("dying.py")
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


def sweep_until(folder: Path, uri: str, *words: str, at: int = 0) -> Died:
    """A sweep of these words, or of a function if there are none, that kills itself at an event; 0 for never."""
    environment = os.environ | {"MLFLOW_TRACKING_URI": uri}
    process = forks().start(str(DYING), str(at), *words, cwd=folder, env=environment)
    out, err = process.communicate()
    killed = process.returncode == -KILL
    return Died(killed, process.wait(), at if killed else int(out.split()[-1]), out + err)


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
