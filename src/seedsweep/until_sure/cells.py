"""The cells between which seeds decide: the jobs of a grid without their seeds, by option and by data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from seedsweep.comparison.named_values import option_labels
from seedsweep.comparison.params import compared
from seedsweep.comparison.problems import problems
from seedsweep.config.overrides import parse_override
from seedsweep.config.planned_run import SEEDS, PlannedRun
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.planned_job import planned
from seedsweep.lifecycle.sweep import Compose, Overrides
from seedsweep.nearest import did_you_mean

BY = "hydra.sweeper.by"
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Cells:
    """What is judged: a cell is the same option and setting on all data sets.

    `jobs` are the overrides of each cell by data set, `options` and `names` those of each cell, `keys` those of the
    runs with one seed, which tell these cells from others.
    """

    by: str
    options: tuple[str, ...]
    names: tuple[str, ...]
    jobs: dict[str, tuple[Overrides, ...]]
    keys: tuple[str, ...]

    def job(self, data_set: str, cell: int, seed: int) -> list[str]:
        """The overrides of one run."""
        return [*self.jobs[data_set][cell], f"seed={seed}"]


def find_cells(jobs: Sequence[Overrides], compose: Compose, labels: Sequence[str], by: str | None) -> Cells:
    """The cells of the jobs of a grid.

    Args:
        jobs: the overrides of each, without a seed.
        compose: what makes a job's configuration of its overrides and its number.
        labels: the params in which the jobs differ.
        by: the param whose options are judged; None: the optimizer, or the first one that was swept.

    Returns:
        The cells, in the order of the jobs.

    Raises:
        ConfigError: a seed is given, two jobs are trained alike, or there is one option only.
    """
    for override in (override for job in jobs for override in job):
        if parse_override(override).key == "seed":
            allowed = "until_sure buys the seeds: hydra.sweeper.first_seeds=10 says how many come first"
            raise ConfigError("seed", parse_override(override).value, allowed)
    runs = [planned(compose([*job, "seed=0"], number), labels) for number, job in enumerate(jobs)]
    _check_alike(jobs, runs, compose, labels)
    table = pd.DataFrame([run.params for run in runs])
    by = _checked_by(by, table)
    data_sets = problems(table)
    of_job = ["" for _ in jobs] if data_sets is None or data_sets.nunique() == 1 else data_sets.tolist()
    several = len(set(of_job)) > 1
    cells = [tuple(override for override in job if not (several and _chooses_data(override))) for job in jobs]
    first = {cell: index for index, cell in reversed(list(enumerate(cells)))}
    order = list(dict.fromkeys(cells))
    by_place = {(data_set, cell): job for data_set, cell, job in zip(of_job, cells, jobs, strict=True)}
    table_of = {name: tuple(by_place[name, cell] for cell in order) for name in dict.fromkeys(of_job)}
    options = tuple(option_labels(table[by].iloc[[first[cell] for cell in order]], by))
    if len(set(options)) < 2:
        raise ConfigError(by, options[0], f"is the only option: sweep another one, or name another param by {BY}=…")
    return Cells(
        by, options, tuple(runs[first[cell]].group for cell in order), table_of, tuple(run.key for run in runs)
    )


def _checked_by(by: str | None, table: pd.DataFrame) -> str:
    by = compared(table) if by is None else by
    if by not in table:
        raise ConfigError(BY, by, f"is no param of these runs{did_you_mean(by, list(map(str, table)))}")
    return by


def _chooses_data(override: str) -> bool:
    return parse_override(override).key.partition(".")[0] == "data"


def _check_alike(
    jobs: Sequence[Overrides], runs: Sequence[PlannedRun], compose: Compose, labels: Sequence[str]
) -> None:
    """Raise `ConfigError` if two cells are trained alike, or one of them with all seeds."""
    first: dict[str, PlannedRun] = {}
    for run in runs:
        if run.key in first:
            raise ConfigError(
                "sweep", run.group, f"is trained as {first[run.key].group} already; leave one of them out"
            )
        first[run.key] = run
    if planned(compose([*jobs[0], "seed=1"], 0), labels).key == runs[0].key:
        raise ConfigError("seed", "0 or 1", f"trains the same run: leave {SEEDS[1]} or {SEEDS[2]} to follow from it")
