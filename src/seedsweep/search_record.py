"""A search in MLflow: its parent run while it goes on, the report at its end, and what a killed command left behind."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from optuna.trial import TrialState
from rich.console import Console

from seedsweep import store
from seedsweep.confirming import Confirmed
from seedsweep.database import end_running, open_database
from seedsweep.errors import ConfigError, masked
from seedsweep.group_runs import replace_runs
from seedsweep.identity import named
from seedsweep.owners import alive, same_system, this_process
from seedsweep.planning import PlannedRun, canonical
from seedsweep.results import Column
from seedsweep.rows import NewRun
from seedsweep.search import Search
from seedsweep.search_tables import ABOUT, confirmed_table, importances_table, setting, trials_table
from seedsweep.sweep import Sweep
from seedsweep.tracking import SweepRecord
from seedsweep.winners import Winners, judge_winners

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

TRIALS, CONFIRMED, IMPORTANCES = "trials.csv", "confirmed.csv", "importances.csv"
SECONDS = 3.0  # between two writings of the trials
FOLDER, PAGE = "report", "search.html"


def search_tags(search: Search) -> dict[str, str]:
    """The tags of a search's parent run: which studies they are, and the process that works on them."""
    names = [studied.study.study.study_name for studied in search.studies]
    known = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]
    about = {"search": known, "study": ", ".join(names)[:5000], "direction": direction(search)}
    return about | {"owner": json.dumps(this_process())}


def direction(search: Search) -> str:
    """Of the first objective, as Optuna calls it."""
    return "maximize" if search.judge.signs[0] < 0 else "minimize"


def end_killed(uri: str, search: Search) -> None:
    """End as KILLED what was left RUNNING by processes that worked on these studies and are gone."""
    try:
        client = store.connect(uri)
    except ConfigError:  # nothing has been recorded there yet, or what opens it next says why it cannot be
        return
    known = search_tags(search)["search"]
    clause = f"tags.`seedsweep.search` = '{known}' and attributes.status = 'RUNNING'"
    experiments = [each.experiment_id for each in client.search_experiments(max_results=50_000)]
    for run in client.search_runs(experiments, clause) if experiments else []:
        owner = json.loads(run.data.tags["seedsweep.owner"])
        if not same_system(owner, this_process()) or alive(owner):
            continue
        if database := open_database(client.tracking_uri):
            end_running(database, run.info.run_id, "KILLED")
        else:
            _end_members(client, run.info.run_id, experiments)
        client.set_terminated(run.info.run_id, "KILLED")


def record_round(sweep: Sweep, search: Search, last: bool = False) -> None:
    """Write how far a tracked search has come: the table of the trials, the best of them, and its value as a metric.

    What is there may be some seconds old, until the `last` round.
    """
    record = sweep.record
    if record is None or (not last and time.monotonic() - search.recorded < SECONDS):
        return
    search.recorded = time.monotonic()
    from mlflow.entities import Metric, RunTag

    table = trials_table(search, sweep.plan.group)
    record.client.log_text(record.run_id, table.to_csv(index=False, lineterminator="\n"), TRIALS)
    done = int(table["state"].isin(["finished", "pruned", "failed"]).sum()) if len(table) else 0
    metrics, tags = [], {"trials": f"{done} of {sum(studied.study.n_trials for studied in search.studies)}"}
    if best := best_trial(search):
        option, params, value = best
        words = " ".join(filter(None, (option, setting(params))))
        tags |= {"best_params": words[:5000], "best_value": f"{value:.6g}"}
        metrics.append(Metric("best_value", value, int(time.time() * 1000), done))
    record.client.log_batch(record.run_id, metrics, [], [RunTag(f"seedsweep.{key}", tags[key]) for key in tags])


def _record_trials(record: SweepRecord, table: pd.DataFrame) -> None:
    """Write a run for each trial below the sweep: its params, its value as a metric, and tags with its group."""
    now, runs = int(time.time() * 1000), []
    params = [str(name) for name in table.columns if name not in ABOUT]
    for place, row in enumerate(table.to_dict("records")):
        name = " ".join(filter(None, (row["option"], f"trial {row['number']}")))
        given = {key: canonical(row[key]) for key in params if not pd.isna(row[key])}
        tags = {"kind": "trial", "sweep": record.run_id, "study": row["study"], "trial": str(row["number"])}
        tags |= {"state": row["state"], "group": row["group"]}
        planned = PlannedRun(place, name, row["group"], "", "", (given,))
        runs.append(NewRun(planned, record.experiment_ids[0], named(tags), now))
    values = pd.to_numeric(table["value"]).to_numpy(dtype=float)
    known = np.flatnonzero(np.isfinite(values))
    columns = [Column("value", 0, 0, now, known, values[known])] if len(known) else []
    replace_runs(record.client, record.run_id, "trial", runs, columns)


def best_trial(search: Search) -> tuple[str, dict[str, Any], float] | None:
    """The option, params and value of the best trial of all studies; None where none has a number."""
    if len(search.judge.signs) > 1:
        return None
    sign = search.judge.signs[0]
    found = [(studied.option, trial) for studied in search.studies for trial in studied.trials(TrialState.COMPLETE)]
    finite = [each for each in found if abs(each[1].values[0]) != float("inf")]
    if not finite:
        return None
    option, trial = min(finite, key=lambda each: sign * each[1].values[0])
    return option, trial.params, trial.values[0]


def winners_of(search: Search, confirmed: Sequence[Confirmed]) -> Winners | None:
    """What the winners of several studies, again with the same fresh seeds, allow to say; None for one study."""
    if len(search.studies) < 2 or not confirmed:
        return None
    runs = confirmed_table(search, confirmed)
    return judge_winners(runs[runs["rank"] == 1], direction(search) == "maximize")


def read_winners(client: "MlflowClient", sweeps: "Sequence[Run]") -> Winners | None:
    """What the winners of searches that are kept allow to say; None where they are no searches of several studies."""
    from mlflow.exceptions import MlflowException

    if len({run.data.tags.get("seedsweep.direction") for run in sweeps} - {None}) != 1:
        return None
    sweeps = sorted(sweeps, key=lambda run: run.info.start_time, reverse=True)
    with TemporaryDirectory() as folder:
        try:
            files = [
                client.download_artifacts(run.info.run_id, CONFIRMED, f"{folder}/{run.info.run_id}") for run in sweeps
            ]
        except (MlflowException, OSError):  # not confirmed, or no search at all
            return None
        parts = [pd.read_csv(file, keep_default_na=False, na_values={"value": [""]}) for file in files]
    runs = pd.concat(part.assign(sweep=place) for place, part in enumerate(parts)).query("rank == 1")
    newest = runs[runs["sweep"] == runs.groupby("study")["sweep"].transform("min")]  # of a study that went on
    if newest["study"].nunique() < 2:
        return None
    try:
        return judge_winners(newest, sweeps[0].data.tags["seedsweep.direction"] == "maximize")
    except ValueError as error:
        ids = ",".join(run.info.run_id for run in sweeps)
        raise ConfigError("sweep", ids, f"the winners cannot be compared: {error}") from error


def record_search(sweep: Sweep, search: Search, confirmed: Sequence[Confirmed]) -> None:
    """Write the last tables of a tracked search that came to its end, and its report, whose place is printed."""
    from seedsweep.answering import about, place
    from seedsweep.search_report import write_search_report

    record_round(sweep, search, last=True)
    record = sweep.record
    table = trials_table(search, sweep.plan.group)
    if record is None or len(search.judge.signs) > 1 or table.empty:
        return
    again, importances = confirmed_table(search, confirmed), importances_table(search)
    _record_trials(record, table)
    winners, run = winners_of(search, confirmed), record.client.get_run(record.run_id)
    for part, name in ((again, CONFIRMED), (importances, IMPORTANCES)):
        if len(part):
            record.client.log_text(record.run_id, part.to_csv(index=False, lineterminator="\n"), name)
    with TemporaryDirectory() as folder:
        write_search_report(
            table,
            again,
            importances,
            Path(folder),
            {"study": run.data.tags["seedsweep.study"]} | about([run], record.uri),
            metric=sweep.first["objective"]["metric"],
            maximize=direction(search) == "maximize",
            sentences=winners.sentences if winners else (),
            winners=winners.table if winners else None,
            pngs=False,
        )
        record.client.log_artifacts(record.run_id, folder, FOLDER)
    Console(highlight=False, soft_wrap=True).print(f"The report: {place(run, FOLDER, PAGE)}", markup=False)


def dashboard(storage: Any) -> str | None:
    """The address of a storage as optuna-dashboard takes it; None for one that is in memory."""
    uri = getattr(storage, "url", None)
    backend = getattr(storage, "_backend", None)
    path = getattr(backend, "_file_path", None)
    return masked(str(uri)) if uri else os.fspath(path) if path else None


def _end_members(client: "MlflowClient", sweep: str, experiments: Sequence[str]) -> None:
    clause = f"tags.`seedsweep.sweep` = '{sweep}' and attributes.status = 'RUNNING'"
    for run in client.search_runs(list(experiments), clause):
        client.set_terminated(run.info.run_id, "KILLED")
