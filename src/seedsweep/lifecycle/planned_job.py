"""How the run of a job will be known in the store: its group, its key, its params."""

from collections.abc import Collection

from seedsweep.config.composing import Composed
from seedsweep.config.overrides import parse_override
from seedsweep.config.planned_run import PlannedRun, plan_run
from seedsweep.problem.factories import data


def planned(job: Composed, labels: Collection[str] | None = None) -> PlannedRun:
    """How the run of a job will be known.

    Args:
        job: whose configuration is checked.
        labels: the keys that tell the runs of its sweep apart; by default those in the configuration, else the keys
            that the job overrides.

    Returns:
        The planned run.
    """
    if labels is None:
        labels = job.config["tracking"]["labels"]
    if labels is None:
        labels = [parse_override(override).param for override in job.overrides]
    return plan_run(job.config, job.choices, labels, data(job.config).fingerprint, job.number)
