"""A search in MLflow: its parent run while it goes on, the report at its end, and what a killed command left behind."""

import hashlib
import json
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.console import Console

from seedsweep.comparison.study_effects import Winners, judge_winners
from seedsweep.config.planned_run import PlannedRun, canonical
from seedsweep.errors import ConfigError, masked
from seedsweep.outcomes import Column
from seedsweep.search.processes import alive, same_system, this_process
from seedsweep.search.rounds import Search
from seedsweep.search.tables import ABOUT, best_table, doubts, importances_table, sentence, trials_table
from seedsweep.sweep.lifecycle import Sweep
from seedsweep.tracking import connection as store
from seedsweep.tracking.derived_runs import replace_runs
from seedsweep.tracking.sql import end_running, open_database
from seedsweep.tracking.sql_writer import NewRun
from seedsweep.tracking.tags import named
from seedsweep.tracking.writer import SweepRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

TRIALS, CONFIRMED, IMPORTANCES = "trials.csv", "confirmed.csv", "importances.csv"
NUMBERS = ("searched", "fresh", "low", "high", "optimism", "value")  # in `CONFIRMED`
TEXTS = {"study": str, "option": str, "setting": str}  # which may look like numbers
SECONDS = 3.0  # between two writings of the trials
FOLDER, PAGE = "report", "search.html"


def search_tags(search: Search) -> dict[str, str]:
    """The tags of a search's parent run: which studies they are, and the process that works on them."""
    names = [studied.study.study.study_name for studied in search.studies]
    known = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]
    about = {"search": known, "study": ", ".join(names)[:5000], "direction": direction(search)}
    about["metric"] = search.metric
    return about | {"owner": json.dumps(this_process())}


def direction(search: Search) -> str:
    """Of the first objective, as Optuna calls it."""
    return "maximize" if search.judge.signs[0] < 0 else "minimize"


def end_killed(uri: str, search: Search) -> None:
    """End as KILLED what was left RUNNING by processes that worked on these studies and are gone."""
    for client, run in _kept(uri, search, "= 'RUNNING'"):
        owner = json.loads(run.data.tags["seedsweep.owner"])
        if not same_system(owner, this_process()) or alive(owner):
            continue
        if database := open_database(client.tracking_uri):
            end_running(database, run.info.run_id, "KILLED")
        else:
            _end_members(client, run)
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

    table = trials_table(search, sweep.group)
    record.client.log_text(record.run_id, table.to_csv(index=False, lineterminator="\n"), TRIALS)
    done = int(table["state"].isin(["finished", "pruned", "failed"]).sum()) if len(table) else 0
    metrics, tags = [], {"trials": f"{done} of {sum(studied.study.n_trials for studied in search.studies)}"}
    best = best_table(search).head(1 if len(search.judge.signs) == 1 else 0)
    for option, params, value in best[["option", "setting", "value"]].itertuples(index=False):
        if math.isfinite(value):
            tags |= {"best_params": " ".join(filter(None, (option, params)))[:5000], "best_value": f"{value:.6g}"}
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


def winners_of(search: Search, confirmed: pd.DataFrame) -> Winners | None:
    """What the winners of several studies, again with the same fresh seeds, allow to say; None for one study."""
    return _winners(confirmed, direction(search)) if len(confirmed) else None


def _winners(confirmed: pd.DataFrame, toward: str) -> Winners | None:
    first = confirmed[confirmed["rank"] == 1]
    return judge_winners(first, toward == "maximize") if first["study"].nunique() > 1 else None


def read_confirmed(client: "MlflowClient", sweeps: "Sequence[Run]") -> tuple[pd.DataFrame, Winners | None] | None:
    """The `confirmed_table` of searches that are kept, and what the winners of several studies allow to say.

    None where they are no searches, or have confirmed nothing. Raises `ConfigError` for winners of other seeds.
    """
    from mlflow.exceptions import MlflowException

    directions = {run.data.tags.get("seedsweep.direction") for run in sweeps}
    if None in directions or len(directions) > 1:
        return None
    sweeps = sorted(sweeps, key=lambda run: run.info.start_time, reverse=True)
    with TemporaryDirectory() as folder:
        try:
            files = [
                client.download_artifacts(run.info.run_id, CONFIRMED, f"{folder}/{run.info.run_id}") for run in sweeps
            ]
        except (MlflowException, OSError):  # none was confirmed
            return None
        blank: dict[Any, Any] = {key: [""] for key in NUMBERS}
        parts = [pd.read_csv(file, dtype=TEXTS, keep_default_na=False, na_values=blank) for file in files]
    runs = pd.concat(part.assign(sweep=place) for place, part in enumerate(parts))
    newest = runs[runs["sweep"] == runs.groupby("study")["sweep"].transform("min")]  # of a study that went on
    try:
        return newest, _winners(newest, str(directions.pop()))
    except ValueError as error:
        ids = ",".join(run.info.run_id for run in sweeps)
        raise ConfigError("sweep", ids, f"the winners cannot be compared: {error}") from error


def record_search(sweep: Sweep | None, search: Search, again: pd.DataFrame, uri: str | None) -> None:
    """Write the last tables of a tracked search that came to its end, and its report, whose place is printed.

    Where there was nothing left to do there is no `sweep`, and the report is that of the command that did the rest.
    """
    from seedsweep.report.publish import about
    from seedsweep.report.search_html import write_search_report

    if sweep is None:
        for _, run in _kept(uri, search, "= 'FINISHED'")[:1] if uri else ():
            _print_place(run)
        return
    earlier = [run.info.run_id[:8] for _, run in _kept(uri, search, "!= 'RUNNING'")] if uri else []
    record_round(sweep, search, last=True)
    record = sweep.record
    table = trials_table(search, sweep.group)
    if record is None or len(search.judge.signs) > 1 or table.empty:
        return
    importances = importances_table(search)
    _record_trials(record, table)
    winners, run = winners_of(search, again), record.client.get_run(record.run_id)
    sentences = winners.sentences if winners else [sentence(again, search.metric)] if len(again) else []
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
            sentences=[*sentences, *doubts(search, again)],
            winners=winners.table if winners else None,
            pngs=False,
        )
        record.client.log_artifacts(record.run_id, folder, FOLDER)
    if earlier := [each for each in earlier if each != record.run_id[:8]]:
        words = f"The runs of earlier commands of this search are in the sweeps {', '.join(earlier)}"
        Console(highlight=False, soft_wrap=True).print(words, markup=False)
    _print_place(run)


def _print_place(run: "Run") -> None:
    from seedsweep.report.publish import place

    Console(highlight=False, soft_wrap=True).print(f"The report: {place(run, FOLDER, PAGE)}", markup=False)


def dashboard(storage: Any) -> str | None:
    """The address of a storage as optuna-dashboard takes it; None for one that is in memory."""
    uri = getattr(storage, "url", None)
    backend = getattr(storage, "_backend", None)
    path = getattr(backend, "_file_path", None)
    return masked(str(uri)) if uri else os.fspath(path) if path else None


def _kept(uri: str, search: Search, status: str) -> "list[tuple[MlflowClient, Run]]":
    """The parent runs of these studies in that status, the newest first, with the client that knows them."""
    try:
        client = store.connect(uri)
    except ConfigError:  # nothing has been recorded there yet, or what opens it next says why it cannot be
        return []
    known = search_tags(search)["search"]
    clause = f"tags.`seedsweep.search` = '{known}' and attributes.status {status}"
    experiments = _experiments(client)
    runs = client.search_runs(experiments, clause, order_by=["start_time DESC"]) if experiments else []
    return [(client, run) for run in runs]


def _end_members(client: "MlflowClient", sweep: "Run") -> None:
    clause = f"tags.`seedsweep.sweep` = '{sweep.info.run_id}' and attributes.status = 'RUNNING'"
    while runs := client.search_runs(_experiments(client), clause):
        for run in runs:
            client.set_terminated(run.info.run_id, "KILLED")


def _experiments(client: "MlflowClient") -> list[str]:
    return [each.experiment_id for each in client.search_experiments(max_results=50_000)]
