"""What a run is known by in the store: its experiment, its tags and its params."""

import getpass
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from seedsweep import __version__
from seedsweep.caching import cached
from seedsweep.config.cutting import cut
from seedsweep.config.params import LONGEST
from seedsweep.config.planned_run import PlannedRun
from seedsweep.errors import ConfigError
from seedsweep.tracking.addresses import artifact_location
from seedsweep.tracking.artifact_folders import artifact_address
from seedsweep.tracking.mlflow_client import mlflow_error

if TYPE_CHECKING:
    from seedsweep.tracking.client import Client

OFTEN = "trainer.log_every_n_steps"  # a param: what else is asked of a run besides its key
NAME = 250  # characters of a run's name
PREPARED = "prepared"  # the tag that says what was done to a table before the training
MEASURED_BY = "seedsweep.measured_by"  # tag of a run: a digest of the metrics that were given as classes
KIND = {"mlflow.experimentKind": "custom_model_development"}  # else the UI takes it for one of language models


def experiment_id(client: "Client", name: str) -> str:
    """The experiment of that name, made where there is none."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            location = artifact_location(client.tracking_uri, name)
            client.create_experiment(name, location, tags=KIND)
        except mlflow_error():  # another process was faster
            if client.get_experiment_by_name(name) is None:
                raise
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise ConfigError("experiment", name, "was purged by another process while it was made")
    if experiment.lifecycle_stage == "deleted":
        raise ConfigError("experiment", name, "was deleted in MLflow; restore it there, or give another name")
    return str(experiment.experiment_id)


class NewRun(NamedTuple):
    """What is written of a run when it is made.

    `experiment` is the id of its experiment, `tags` are by their full names, `start` and `end` in milliseconds since
    1970; one that has no end gets that of its recording. `shared` are params that its sweep has for it.
    """

    planned: PlannedRun
    experiment: str
    tags: dict[str, str]
    start: int
    end: int | None = None
    shared: Mapping[str, str] = MappingProxyType({})

    @property
    def params(self) -> dict[str, str]:
        """The params that it has itself."""
        return own_params(self.planned, self.shared)


def own_params(planned: PlannedRun, shared: Mapping[str, str]) -> dict[str, str]:
    """The params of a run, as long as MLflow takes them, that are not among those which its sweep has for it."""
    *nodes, seeds = planned.shared_params
    params = dict(_own_params(shared, *nodes))
    for key, value in seeds.items():
        params[key] = cut(value, LONGEST)
        if shared.get(key) == params[key]:
            del params[key]
    return params


@cached
def _own_params(shared: Mapping[str, str], *nodes: Mapping[str, str]) -> dict[str, str]:
    params = {key: cut(value, LONGEST) for node in nodes for key, value in node.items()}
    return {key: value for key, value in params.items() if shared.get(key) != value}


def new_id() -> str:
    """A run id that no other run has, after those made before: in no order they double the time of inserting."""
    return f"{time.time_ns() // 10**6:012x}{token_hex(10)}"


def run_id(planned: PlannedRun, sweep: str | None) -> str:
    """The id of a run: of a sweep's made of the sweep, its job and its key, so that it is recorded once.

    They ascend with the jobs.
    """
    if sweep is None or not planned.key:
        return new_id()
    identity = hashlib.sha256(f"{sweep}/{planned.job}/{planned.key}".encode()).hexdigest()
    return f"{sweep[:12]}{planned.job:08x}{identity[:12]}"


def artifact_folder(client: "Client", experiment: str, run: str) -> str:
    """The folder of a run's artifacts, as MLflow would choose it.

    Args:
        client: of the store.
        experiment: the id of the run's experiment.
        run: its id.
    """
    return artifact_address(client.get_experiment(experiment).artifact_location, run)


def create_run(client: "Client", experiment: str, name: str, tags: Mapping[str, str], start: int) -> str:
    """Make a run; its id."""
    return str(client.create_run(experiment, start_time=start, tags=dict(tags), run_name=name[:NAME]).info.run_id)


def run_tags(planned: PlannedRun, engine: str, fingerprint: str, sweep: str | None) -> dict[str, str]:
    """What a run is known by in the store, before it has an outcome."""
    tags = {"kind": "run", "group": planned.group, "key": planned.key, "engine": engine, "data": fingerprint}
    if planned.demand.measured_by:
        tags |= {MEASURED_BY.removeprefix("seedsweep."): planned.demand.measured_by}
    return named(tags | ({"sweep": sweep, "job": str(planned.job)} if sweep else {}))


def named(tags: Mapping[str, str]) -> dict[str, str]:
    """Our tags by their full names, and MLflow's."""
    parent = {"mlflow.parentRunId": tags["sweep"]} if "sweep" in tags else {}
    return {f"seedsweep.{key}": value[:5000] for key, value in tags.items()} | _origin(sys.argv[0]) | parent


@lru_cache(maxsize=8)
def _origin(started: str) -> dict[str, str]:
    """Who ran which code, started by that script, under the tags that MLflow's UI shows."""
    script = Path(started)
    tags = {
        "mlflow.user": _user(),
        "mlflow.source.name": script.name,
        "mlflow.source.type": "LOCAL",
        "seedsweep.version": __version__,
    }
    if git := shutil.which("git"):
        command = [git, "-C", str(script.parent.resolve()), "rev-parse", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if commit.returncode == 0:
            tags["mlflow.source.git.commit"] = commit.stdout.strip()
    return tags


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in containers, users without a name
        return str(os.getuid())
