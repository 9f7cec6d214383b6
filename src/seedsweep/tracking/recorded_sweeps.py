"""Sweeps that were recorded: finding them in a store, reading and adding their artifacts, ending those left running."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seedsweep.config.detail import GROUPS
from seedsweep.errors import ConfigError
from seedsweep.nearest import did_you_mean
from seedsweep.tracking.chunk_files import DETAIL
from seedsweep.tracking.connection import connect, store_errors
from seedsweep.tracking.processes import Owner, may_live
from seedsweep.tracking.queries import experiment_ids, of_kind, search_runs
from seedsweep.tracking.sql import end_running, open_database

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client, Run

ASKED = "seedsweep.asked"  # tag of a sweep whose command was typed again
OWNER = "seedsweep.owner"  # tag of a sweep: the process that is at it
BEGINNING = 4  # characters of a sweep's id that are enough if no other begins so


@dataclass(frozen=True)
class RecordedSweep:
    """The parent run of a sweep, as the store has it.

    `asked` is when its command was typed last, in milliseconds since 1970, `status` is MLflow's (RUNNING, FINISHED,
    FAILED or KILLED), `artifacts` the address of the folder of its artifacts.
    """

    run_id: str
    name: str
    experiment_id: str
    asked: int
    status: str
    tags: Mapping[str, str]
    artifacts: str


def recorded(run: "Run") -> RecordedSweep:
    """The sweep whose parent run MLflow's client gives."""
    info, tags = run.info, dict(run.data.tags)
    asked = int(tags.get(ASKED, info.start_time))
    about = (info.run_id, info.run_name, info.experiment_id, asked, info.status)
    return RecordedSweep(*about, tags, info.artifact_uri)


def owner_at_work(sweep: RecordedSweep) -> Owner | None:
    """The process that may be training a sweep.

    Args:
        sweep: as the store has it.

    Returns:
        What `this_process` said in it; None for a sweep that ended, or whose process is gone for certain.
    """
    owner = json.loads(sweep.tags.get(OWNER, "null"))
    return owner if sweep.status == "RUNNING" and owner and may_live(owner) else None


@store_errors()
def find_sweeps(uri: str, *chosen: str, experiment: str | None = None) -> list[RecordedSweep]:
    """The sweeps of a store by their ids.

    Args:
        uri: address of the store.
        chosen: run ids of sweeps, the beginnings of these, or `latest`; none for all sweeps.
        experiment: the name of the experiment that they must be in.

    Returns:
        The sweeps in the order in which they are chosen; if none is named all of them, the newest first.

    Raises:
        ConfigError: no such store, experiment or sweep; its message names the newest sweeps.
    """
    return sweeps_of(connect(uri), *chosen, experiment=experiment)


def sweeps_of(client: "Client", *chosen: str, experiment: str | None = None) -> list[RecordedSweep]:
    """The sweeps of `find_sweeps`, by a client that is connected."""
    parents = map(recorded, search_runs(client, of_kind("sweep")))
    sweeps = sorted(parents, key=lambda sweep: sweep.asked, reverse=True)
    if experiment is not None:
        named = client.get_experiment_by_name(experiment)
        sweeps = [sweep for sweep in sweeps if named and sweep.experiment_id == named.experiment_id]
        if not sweeps:
            names = sorted(experiment.name for experiment in client.search_experiments())
            allowed = f"has no sweeps; there are {', '.join(names)}{did_you_mean(experiment, names)}"
            raise ConfigError("experiment", experiment, allowed)
    by_id = {sweep.run_id: sweep for sweep in sweeps} | ({"latest": sweeps[0]} if sweeps else {})
    for name in chosen if sweeps else ("latest",):
        matching = [run_id for run_id in by_id if run_id.startswith(name)]
        by_id |= {name: by_id[matching[0]]} if len(matching) == 1 and len(name) >= BEGINNING else {}
        if name not in by_id:
            newest = "; ".join(f"{sweep.run_id} ({sweep.name})" for sweep in sweeps[:3])
            allowed = f"no such sweep; the newest are {newest}" if newest else "there are no sweeps yet"
            raise ConfigError("sweep", name, allowed)
    return [by_id[name] for name in dict.fromkeys(chosen)] if chosen else sweeps


def chunked_sweeps(client: "Client", experiments: Collection[str] | None = None) -> list[RecordedSweep]:
    """The sweeps in groups that a store has, of the experiments with these names, or of all."""
    return [recorded(run) for run in search_runs(client, of_kind("sweep") | {DETAIL: GROUPS}, experiments)]


@store_errors()
def find_tagged(uri: str, tag: str, value: str) -> list[RecordedSweep]:
    """The recorded sweeps with a tag, such as those of the commands that worked on one search.

    Args:
        uri: address of the store.
        tag: its name, without `seedsweep.`.
        value: of the tag, which is no text of somebody's.

    Returns:
        The sweeps, the newest first; none where the store cannot be opened.
    """
    try:
        client = connect(uri)
    except ConfigError:  # nothing has been recorded there yet, or what opens it next says why it cannot be
        return []
    sweeps = map(recorded, search_runs(client, of_kind("sweep", **{tag: value})))
    return sorted(sweeps, key=lambda sweep: sweep.asked, reverse=True)


@store_errors()
def add_artifacts(uri: str, sweep: RecordedSweep, folder: Path, below: str) -> None:
    """Add the files of a folder to the artifacts of a sweep.

    Args:
        uri: address of the store.
        sweep: whose artifacts they become.
        folder: where the files are.
        below: the folder among the artifacts where they are put.
    """
    connect(uri).log_artifacts(sweep.run_id, str(folder), below)


@store_errors()
def read_artifact(uri: str, sweeps: Sequence[RecordedSweep], name: str) -> list[bytes]:
    """The content of an artifact of each of the sweeps.

    Args:
        uri: address of the store.
        sweeps: whose artifacts are read.
        name: path of the artifact.

    Returns:
        The contents, in the order of the sweeps.

    Raises:
        StoreError, OSError: one of them has no such artifact.
    """
    client = connect(uri)
    return [_content(client, sweep.run_id, name) for sweep in sweeps]


def _content(client: "Client", run_id: str, name: str) -> bytes:
    with TemporaryDirectory() as folder:  # without a folder of its own MLflow would leave one
        return Path(client.download_artifacts(run_id, name, folder)).read_bytes()


@store_errors()
def end_sweep(uri: str, sweep: RecordedSweep, status: str) -> None:
    """End a sweep whose process is gone, and the runs of it that are RUNNING.

    Args:
        uri: address of the store.
        sweep: which is RUNNING.
        status: MLflow's, as `KILLED`.
    """
    client = connect(uri)
    end_runs(client, sweep.run_id, status)
    client.set_terminated(sweep.run_id, status)


def remove_running(client: "Client", sweep: str) -> None:
    """Mark as deleted the runs of a sweep, its run id, that are RUNNING."""
    clause = f"tags.`seedsweep.sweep` = '{sweep}' and attributes.status = 'RUNNING'"
    while runs := client.search_runs(experiment_ids(client), clause):
        for run in runs:
            client.delete_run(run.info.run_id)


def end_runs(client: "Client", sweep: str, status: str) -> None:
    """End the runs of a sweep, its run id, that are RUNNING."""
    if database := open_database(client.tracking_uri):
        end_running(database, sweep, status)
        return
    clause = f"tags.`seedsweep.sweep` = '{sweep}' and attributes.status = 'RUNNING'"
    while runs := client.search_runs(experiment_ids(client), clause):
        for run in runs:
            client.set_terminated(run.info.run_id, status)
