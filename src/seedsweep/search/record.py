"""A search in MLflow: its parent run while it goes on, the report at its end, and what a killed command left behind."""

import hashlib
import json
import math
import os
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from optuna.trial import TrialState
from rich.console import Console

from seedsweep.comparison.study_effects import StudyComparison, compare_studies
from seedsweep.config.csv_cells import original_table
from seedsweep.config.params import canonical
from seedsweep.config.planned_run import PlannedRun
from seedsweep.errors import ConfigError, StoreError, masked
from seedsweep.lifecycle.search_sweep import SearchSweep
from seedsweep.report.publish import page_address, provenance
from seedsweep.search.rounds import Search
from seedsweep.search.tables import ABOUT, best_table, importances_table, search_diagnostics, sentence, trials_table
from seedsweep.tracking.derived_runs import record_trials
from seedsweep.tracking.processes import alive, same_system, this_process
from seedsweep.tracking.recorded_sweeps import (
    RecordedSweep,
    add_artifacts,
    end_sweep,
    find_tagged,
    owner_at_work,
    read_artifact,
)
from seedsweep.tracking.sweep_writer import SweepRecord

TRIALS, CONFIRMED, IMPORTANCES = "trials.csv", "confirmed.csv", "importances.csv"
NUMBERS = ("searched", "fresh", "low", "high", "optimism", "value")  # in `CONFIRMED`
STRINGS = {"study": str, "option": str, "setting": str}  # which may look like numbers
REPORTED = "seedsweep.reported"  # tag of a search's sweep whose tables and page are written
SECONDS = 3.0  # between two writings of the trials
FOLDER, PAGE = "report", "search.html"
ANSWER = "seedsweep.answer"  # the tag that says which of the confirmed wins


def search_tags(search: Search) -> dict[str, str]:
    """The tags of a search's parent run: which studies they are, and the process that works on them.

    Args:
        search: that begins.

    Returns:
        Strings by name, without the prefix `seedsweep.`.
    """
    names = [study.name for study in search.studies]
    search_id = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]
    tags = {"search": search_id, "study": ", ".join(names)[:5000], "direction": direction(search)}
    return tags | {"metric": search.metric, "owner": json.dumps(this_process())}


def direction(search: Search) -> str:
    """Of the first objective, as Optuna calls it."""
    return "maximize" if search.aggregate.signs[0] < 0 else "minimize"


def end_killed(uri: str, search: Search) -> None:
    """End as KILLED what was left RUNNING by processes that worked on these studies and are gone."""
    for sweep in _recorded(uri, search):
        owner = json.loads(sweep.tags["seedsweep.owner"])
        if sweep.status == "RUNNING" and same_system(owner, this_process()) and not alive(owner):
            end_sweep(uri, sweep, "KILLED")


def unfinished_jobs(search: Search, uri: str | None) -> list[list[str]]:
    """Jobs by which a search that is over goes on with its sweep, where that was killed before it was closed.

    Args:
        search: that asks for no more jobs.
        uri: address of the store; None where the search is not tracked.

    Returns:
        Those of its first trial that came to its end; none where its newest sweep is complete.
    """
    newest = next(iter(_recorded(uri, search)), None)
    if newest is None or owner_at_work(newest) or (newest.status == "FINISHED" and REPORTED in newest.tags):
        return []
    trials = [(study, trial) for study in search.studies for trial in study.trials(TrialState.COMPLETE)]
    return trials[0][0].jobs(trials[0][1]) if trials else []


def record_round(sweep: SearchSweep, search: Search, last: bool = False) -> None:
    """Write how far a tracked search has come: the table of the trials, the best of them, and its value as a metric.

    Args:
        sweep: that the search is.
        search: whose trials are written.
        last: written in any case; before, what is in the store may be some seconds old.
    """
    record = sweep.record
    if record is None or (not last and time.monotonic() - search.recorded < SECONDS):
        return
    search.recorded = time.monotonic()
    table = trials_table(search, sweep.group)
    record.write_table(table, TRIALS)
    ended = int(table["state"].isin(["finished", "pruned", "failed"]).sum()) if len(table) else 0
    metrics, tags = {}, {"trials": f"{ended} of {sum(study.shared.n_trials for study in search.studies)}"}
    best = best_table(search).head(1 if len(search.aggregate.signs) == 1 else 0)
    for option, params, value in best[["option", "setting", "value"]].itertuples(index=False):
        if math.isfinite(value):
            tags |= {"best_params": " ".join(filter(None, (option, params)))[:5000], "best_value": f"{value:.6g}"}
            metrics["best_value"] = value
    record.write_progress(tags, metrics, ended)


def _record_trials(record: SweepRecord, table: pd.DataFrame) -> None:
    """Write a run for each trial below the sweep: its params, its value as a metric, and tags with its group."""
    trials = []
    params = [str(name) for name in table.columns if name not in ABOUT]
    for position, row in enumerate(table.to_dict("records")):
        name = " ".join(filter(None, (row["option"], f"trial {row['number']}")))
        trial_params = {key: canonical(row[key]) for key in params if not pd.isna(row[key])}
        tags = {"study": row["study"], "trial": str(row["number"]), "state": row["state"], "group": row["group"]}
        trials.append((PlannedRun(position, name, row["group"], "", "", (trial_params,)), tags))
    record_trials(record, trials, pd.to_numeric(table["value"]).to_numpy(dtype=float))


def winners_of(search: Search, confirmed: pd.DataFrame) -> StudyComparison | None:
    """What the winners of several studies, again with the same fresh seeds, allow to say; None for one study.

    None also where more and more seeds have decided between them.
    """
    return _winners(confirmed, direction(search)) if len(confirmed) and not search.answer else None


def _winners(confirmed: pd.DataFrame, toward: str) -> StudyComparison | None:
    first = confirmed[confirmed["rank"] == 1]
    return compare_studies(first, toward == "maximize") if first["study"].nunique() > 1 else None


def read_confirmed(uri: str, sweeps: Sequence[RecordedSweep]) -> tuple[pd.DataFrame, StudyComparison | None] | None:
    """The `confirmed_table` of recorded searches, and what the winners of several studies allow to say.

    None where they are no searches, or have confirmed nothing. Raises `ConfigError` for winners of other seeds.
    """
    directions = {sweep.tags.get("seedsweep.direction") for sweep in sweeps}
    if None in directions or len(directions) > 1:
        return None
    sweeps = sorted(sweeps, key=lambda sweep: sweep.asked, reverse=True)
    try:
        files = read_artifact(uri, sweeps, CONFIRMED)
    except (StoreError, OSError):  # none was confirmed
        return None
    blank: dict[Any, Any] = {key: [""] for key in NUMBERS}
    read = [pd.read_csv(BytesIO(file), dtype=STRINGS, keep_default_na=False, na_values=blank) for file in files]
    tables = map(original_table, read)
    runs = pd.concat(table.assign(sweep=position) for position, table in enumerate(tables))
    newest = runs[runs["sweep"] == runs.groupby("study")["sweep"].transform("min")]  # of a study that went on
    try:
        decided = any(sweep.tags.get(ANSWER) for sweep in sweeps)
        return newest, None if decided else _winners(newest, str(directions.pop()))
    except ValueError as error:
        ids = ",".join(sweep.run_id for sweep in sweeps)
        raise ConfigError("sweep", ids, f"the winners cannot be compared: {error}") from error


def record_search(sweep: SearchSweep | None, search: Search, confirmed: pd.DataFrame, uri: str | None) -> None:
    """Write the last tables of a tracked search that came to its end, and its report, whose address is printed.

    Args:
        sweep: that the search was; None where there was nothing left to do, and the report is that of the command that
            did the rest.
        search: that is over.
        confirmed: the `confirmed_table`.
        uri: address of the store; None where the search is not tracked.
    """
    if sweep is None:
        for former in [former for former in _recorded(uri, search) if former.status == "FINISHED"][:1]:
            _print_address(former)
        return
    earlier = [former.run_id[:8] for former in _recorded(uri, search) if former.status != "RUNNING"]
    record_round(sweep, search, last=True)
    trials = trials_table(search, sweep.group)
    if sweep.record is None:
        return
    recorded = sweep.record.recorded()
    has_page = len(search.aggregate.signs) == 1 and not trials.empty
    if has_page:
        if search.answer or ANSWER in recorded.tags:  # of an earlier command, which asked for more
            sweep.record.write_progress({"answer": search.answer}, {}, 0)
        _write_tables(sweep.record, recorded, search, trials, confirmed, sweep.first["objective"]["metric"])
    sweep.record.write_progress({REPORTED.removeprefix("seedsweep."): "true"}, {}, len(trials))
    if not has_page:
        return
    if earlier := [run_id for run_id in earlier if run_id != sweep.record.run_id[:8]]:
        words = f"The runs of earlier commands of this search are in the sweeps {', '.join(earlier)}"
        Console(highlight=False, soft_wrap=True).print(words, markup=False)
    _print_address(recorded)


def _write_tables(
    record: SweepRecord,
    recorded: RecordedSweep,
    search: Search,
    trials: pd.DataFrame,
    confirmed: pd.DataFrame,
    metric: str,
) -> None:
    """Write the trials as runs, the tables, and the page of a search's figures."""
    from seedsweep.report.search_html import write_search_report

    importances, winners = importances_table(search), winners_of(search, confirmed)
    _record_trials(record, trials)
    for table, name in ((confirmed, CONFIRMED), (importances, IMPORTANCES)):
        if len(table):
            record.write_table(table, name)
    if winners:
        sentences = winners.sentences
    else:
        sentences = [search.answer or sentence(confirmed, search.metric)] if len(confirmed) else []
    with TemporaryDirectory() as folder:
        write_search_report(
            trials,
            confirmed,
            importances,
            Path(folder),
            {"study": recorded.tags["seedsweep.study"]} | provenance([recorded], record.uri),
            metric=metric,
            maximize=direction(search) == "maximize",
            sentences=[*sentences, *search_diagnostics(search, confirmed)],
            winners=winners.table if winners else None,
        )
        add_artifacts(record.uri, recorded, Path(folder), FOLDER)


def _print_address(sweep: RecordedSweep) -> None:
    address = page_address(sweep, FOLDER, PAGE)
    Console(highlight=False, soft_wrap=True).print(f"The report: {address}", markup=False)


def dashboard(storage: Any) -> str | None:
    """The address of a storage as optuna-dashboard takes it; None for one that is in memory."""
    uri = getattr(storage, "url", None)
    backend = getattr(storage, "_backend", None)
    path = getattr(backend, "_file_path", None)
    return masked(str(uri)) if uri else os.fspath(path) if path else None


def _recorded(uri: str | None, search: Search) -> list[RecordedSweep]:
    """The sweeps of the commands that worked on these studies, the newest first."""
    return find_tagged(uri, "search", search_tags(search)["search"]) if uri else []
