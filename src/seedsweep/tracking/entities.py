"""What a store says of experiments and runs: the part of MLflow's entities that is read here, under their names."""

from typing import NamedTuple


class Experiment(NamedTuple):
    """An experiment; `lifecycle_stage` is active or deleted."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str


class RunInfo(NamedTuple):
    """What a run is; its times are in milliseconds since 1970, the end of one that has none is None."""

    run_id: str
    run_name: str
    experiment_id: str
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str
    lifecycle_stage: str


class RunData(NamedTuple):
    """What a run has: of its metrics the last values."""

    tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[str, float]


class Run(NamedTuple):
    """A run of a store."""

    info: RunInfo
    data: RunData
