"""What many Hydra jobs do at once: those that can train together as fleets, the others one by one."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from seedsweep import fleet
from seedsweep.assembling import assemble, chunks, refuse_model, refuse_optimizer
from seedsweep.building import Config, build, check, data, describe
from seedsweep.bulk import record_fleet
from seedsweep.composing import Composed
from seedsweep.errors import ConfigError
from seedsweep.grouping import ASKED, group
from seedsweep.importing import collector_paused
from seedsweep.job import train_alone
from seedsweep.planning import PlannedRun, overridden, plan_run
from seedsweep.results import objectives

Advance = Callable[[int], None]  # by so many epochs of one run
log = logging.getLogger(__name__)


def run_all(jobs: Sequence[Composed], advance: Advance | None = None) -> list[float | Exception]:
    """Train and record the runs of `jobs`; the objective of each, or the exception that ended it.

    Raises `ConfigError` before anything is recorded if a configuration is wrong.
    """
    from mlflow.exceptions import MlflowException

    spent: Counter[str] = Counter()
    configs = [job.config for job in jobs]
    with _timed("planning", spent), collector_paused():
        for config in configs:
            check(config)
        fleets, alone = group(configs, (refuse_model, refuse_optimizer))
    _say_why(alone)
    values: dict[int, float | Exception] = {}
    for places in fleets:
        for chosen in chunks([configs[place] for place in places]):
            members = [places[place] for place in chosen]
            runs = [(configs[member], plan(jobs[member])) for member in members]
            try:
                values |= zip(members, _train_together(runs, advance, spent), strict=True)
            except (ConfigError, MlflowException, OSError):  # of the store: no other engine could record there
                raise
            except Exception as error:
                failed = dict.fromkeys(members, f"the fleet failed: {type(error).__name__}: {error}")
                _say_why(failed)
                alone |= failed
    with _timed("training one by one", spent):
        for place in sorted(alone):
            values[place] = _train_one(configs[place], plan(jobs[place]), advance)
    log.debug("%d runs: %s", len(jobs), ", ".join(f"{name} {seconds:.2f} s" for name, seconds in spent.items()))
    return [values[place] for place in range(len(jobs))]


def plan(job: Composed, labels: Collection[str] | None = None) -> PlannedRun:
    """How the run of a job, whose configuration is checked, will be known.

    `labels` are those of `plan_run`; by default those in the configuration, else the keys that it overrides.
    """
    if labels is None:
        labels = job.config["tracking"]["labels"]
    if labels is None:
        labels = [overridden(override) for override in job.overrides]
    return plan_run(job.config, job.choices, labels, data(job.config).fingerprint, job.number)


def _train_together(
    runs: Sequence[tuple[Config, PlannedRun]], advance: Advance | None, spent: Counter[str]
) -> list[float]:
    """Train and record a fleet; the objectives of its members."""
    first = runs[0][0]
    splits = data(first)
    with record_fleet(first["tracking"], [planned for _, planned in runs], "fleet", splits.fingerprint) as record:
        with _timed("training", spent):
            result = fleet.train(assemble([config for config, _ in runs]), record.publish, advance)
        with collector_paused():
            values = objectives(result, [tuple(config["objective"].values()) for config, _ in runs])
        with _timed("tracking", spent):
            record.finish(result, describe(first, splits))
    return values


def _train_one(config: Config, planned: PlannedRun, advance: Advance | None) -> float | Exception:
    try:
        return train_alone(config, build(config), planned)[0]
    except Exception as error:  # of that run: it is recorded as failed, and the others go on
        return error
    finally:
        if advance:
            advance(config["trainer"]["max_epochs"])


def _say_why(alone: Mapping[int, str]) -> None:
    for reason, count in Counter(alone.values()).items():
        if reason != ASKED:
            log.warning("%d run%s trained one by one: %s", count, " is" if count == 1 else "s are", reason)


@contextmanager
def _timed(what: str, spent: Counter[str]) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        spent[what] += time.perf_counter() - start  # type: ignore[assignment]
