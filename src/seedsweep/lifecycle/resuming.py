"""What a sweep need not train: its own runs of a command that was ended or killed, and those of other sweeps."""

import json
import logging
import os
from collections.abc import Mapping
from typing import NoReturn

from omegaconf import OmegaConf

from seedsweep.config.detail import GROUPS, KEY, RUNS, chosen_detail
from seedsweep.config.planned_call import METRIC, SELECT
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.progress import working
from seedsweep.lifecycle.sweep import Sweep
from seedsweep.report.console import print_in_groups, print_reused
from seedsweep.tracking.connection import connect, sweeps_lock
from seedsweep.tracking.processes import this_process
from seedsweep.tracking.recorded_sweeps import OWNER, RecordedSweep, owner_at_work
from seedsweep.tracking.sweep_writer import SweepRecord
from seedsweep.tracking.tags import PREPARED
from seedsweep.tracking.unfinished_sweeps import find_former, recorded_plan
from seedsweep.validation import check_boolean

log = logging.getLogger(__name__)


def open_record(sweep: Sweep, tags: Mapping[str, str]) -> None:
    """Record a sweep that is planned, in the store that its jobs name, or go on with the one that has its plan.

    Args:
        sweep: gets its record, and what is left to train of it.
        tags: of the parent run, besides a sweep's own.

    Raises:
        ConfigError: the store is out of reach, or a process that may live is at the same sweep.
    """
    tracking = sweep.first["tracking"]
    reuse = tracking.get("reuse", True)
    check_boolean("tracking.reuse", reuse)
    sweep.detail = chosen_detail(tracking.get("detail"), len(sweep.plan), sweep.details)
    judged = {METRIC: sweep.first["objective"]["metric"], SELECT: sweep.first["objective"]["select"]}
    tags = judged | dict(tags)
    with working("opening the store"):
        client, owner = connect(tracking["uri"], create=True), json.dumps(this_process())
    tag, value = sweep.identity(tags)
    with sweeps_lock(client.tracking_uri):
        former = find_former(client, tag, value, sweep.plan.experiments) if reuse else []
        former = [sweep_of for sweep_of in former if not (sweep.is_shared and _may_be_at_work(sweep_of))]
        if former and _may_be_at_work(former[0]):
            _refuse(former[0])
        if former and sweep.grows and recorded_plan(client, former[0].run_id) is None:
            former = []  # what it had is taken from it like from any other
        config = OmegaConf.to_yaml(OmegaConf.create(dict(sweep.first)))
        named = tags | {"owner": owner, tag: value}
        named |= {PREPARED: "\n".join(sweep.notes)} if sweep.notes else {}
        named |= {"detail": GROUPS} if sweep.detail == GROUPS else {}
        about = (sweep.plan, sweep.name, config, sweep.optima(), named)
        sweep.record = SweepRecord(tracking["uri"], *about, sweep.common_params(), former[0] if former else None)
        if former:
            _go_on(sweep, sweep.record, former[0], owner)
            sweep.record.write_about(sweep.plan, config, sweep.optima())  # it may be gone, or never have been written
        sweep.detail = sweep.record.detail
    _say_detail(sweep, tracking.get("detail"))
    if reuse and (stored := sweep.take_stored()):
        print_reused(stored, len(sweep.plan))


def _go_on(sweep: Sweep, record: SweepRecord, former: RecordedSweep, owner: str) -> None:
    """Take over a former sweep of the same command; one that is complete is left as it is."""
    sweep.first["objective"]["metric"] = former.tags[f"seedsweep.{METRIC}"]  # of calls what they have logged first
    record.ask_again()
    sweep.go_on(record.runs())
    sweep.is_complete = former.status == "FINISHED" and not len(sweep.left)
    if not sweep.is_complete:
        record.go_on(owner)


def _say_detail(sweep: Sweep, asked: str | None) -> None:
    """Say in which detail a sweep is recorded where that is not what was asked for, or nothing was."""
    if asked not in (None, sweep.detail):
        log.warning("%s=%s: the sweep goes on as it began, with %s=%s", KEY, asked, KEY, sweep.detail)
    elif asked is None and sweep.detail != RUNS:
        print_in_groups(len(sweep.plan))


def _may_be_at_work(former: RecordedSweep) -> bool:
    """Whether another process may be at a sweep."""
    return owner_at_work(former) not in (None, this_process())


def _refuse(former: RecordedSweep) -> NoReturn:
    owner = json.loads(former.tags[OWNER])
    where = f"is being trained by process {owner['pid']} of {owner['host']}"
    remedy = "wait for it; if it is gone, end the sweep as KILLED in MLflow; tracking.reuse=false trains all of it anew"
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        remedy = f"every task of a Slurm step types its command: start one, by srun --ntasks=1; or {remedy}"
    raise ConfigError("sweep", former.run_id, f"{where}: {remedy}")
