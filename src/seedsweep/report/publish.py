"""What `compare.py` does, and every sweep at its end: read, compare, say what is so, and keep the report."""

import logging
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.comparison.diagnostics import data_versions, origins
from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError, masked
from seedsweep.outcomes import RUN_COLUMNS
from seedsweep.report.console import print_comparison, where
from seedsweep.tracking.reader import load_curves, load_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, add_artifacts, find_sweeps
from seedsweep.validation import check_truth

if TYPE_CHECKING:
    from seedsweep.comparison.study_effects import Winners

log = logging.getLogger(__name__)
FOLDER, PAGE = "report", "report.html"  # among the artifacts of the sweep
LONGEST = 100  # characters of its name
READ = ("sweep", "experiment", "filter", "uri", "pngs")  # the keys that are not of the question
MADE = {"commit": "mlflow.source.git.commit", "version": "seedsweep.version", "torch": "seedsweep.version.torch"}


def answer(config: DictConfig) -> "Comparison | Winners | pd.DataFrame":
    """Compare the runs that `conf/compare.yaml` asks for; prints the verdicts, and stores the report with the sweep.

    With several sweeps, that is the newest of them. Of searches, what they have confirmed is compared. Raises
    `ConfigError` for a value that is not allowed.
    """
    from seedsweep.tracking.derived_runs import groups_page

    asked: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    chosen = (
        asked["sweep"] if isinstance(asked["sweep"], list) else [asked["sweep"]] if asked["sweep"] is not None else []
    )
    chosen = _as_typed() if any(isinstance(each, int | float) for each in chosen) else chosen
    if not all(isinstance(each, str) for each in chosen):
        raise ConfigError("sweep", asked["sweep"], "must be latest, the id of a sweep, or a list of such: [id,id]")
    for key in ("experiment", "filter"):
        if not isinstance(asked[key], str | None):
            raise ConfigError(key, asked[key], "must be a text")
    check_truth("pngs", asked["pngs"])
    start = time.perf_counter()
    with Console(stderr=True).status("reading"):
        sweeps = find_sweeps(asked["uri"], *chosen, experiment=asked["experiment"])
        ids = [sweep.run_id for sweep in sweeps]
    if (searched := _searched(sweeps, asked["uri"])) is not None:
        return searched
    with Console(stderr=True).status("reading"):
        runs = pd.concat([load_runs(sweep, asked["uri"]) for sweep in ids], ignore_index=True)
        curves = pd.concat([load_curves(sweep, asked["uri"]) for sweep in ids], ignore_index=True)
    log.debug("reading: %.2f s", time.perf_counter() - start)
    runs = _filtered(_newest(runs), asked["filter"])
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{'; '.join(map(_named, sweeps[:3]))}{' …' * (len(sweeps) > 3)}: {len(runs)} runs", markup=False)
    question = {key: value for key, value in asked.items() if key not in READ}
    found = say(runs, curves[curves["run"].isin(runs["run"])], sweeps, asked["uri"], question, _typed(), asked["pngs"])
    page = groups_page(sweeps[0].experiment_id, sweeps[0].run_id)
    console.print("The mean curves:", where(asked["uri"], page), markup=False)
    return found


def _searched(sweeps: list[RecordedSweep], uri: str) -> "Winners | pd.DataFrame | None":
    """What searches have confirmed, which is printed; None for other sweeps."""
    if not all("seedsweep.search" in sweep.tags for sweep in sweeps):
        return None
    from seedsweep.search.console import print_confirmed
    from seedsweep.search.record import FOLDER, PAGE, read_confirmed

    kept = read_confirmed(uri, sweeps)
    if kept is None:
        ids = ",".join(sweep.run_id[:8] for sweep in sweeps)
        allowed = "a search that has confirmed no trial has nothing to compare: search with hydra.sweeper.seeds=5"
        raise ConfigError("sweep", ids, allowed)
    if typed := _typed():
        override = parse_override(typed[0])
        allowed = "is not asked of a search, which is told by what it searched"
        raise ConfigError(override.typed_key, override.value, allowed)
    confirmed, winners = kept
    console = Console(highlight=False, soft_wrap=True)
    console.print("; ".join(map(_named, sweeps[:3])), markup=False)
    print_confirmed(confirmed, sweeps[0].tags["seedsweep.metric"], winners)
    console.print(f"The report: {place(sweeps[0], FOLDER, PAGE)}", markup=False)
    return winners or confirmed


def say(
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    sweeps: list[RecordedSweep],
    uri: str,
    question: Mapping[str, Any],
    typed: Sequence[str] = (),
    pngs: bool = True,
) -> Comparison:
    """Compare and print; store the report and the runs of the groups with the first of the sweeps.

    `typed` are the overrides by which a question differs from the usual one: its report has a folder of its own.
    """
    from seedsweep.report.html import write_report
    from seedsweep.tracking.derived_runs import record_groups

    start = time.perf_counter()
    with Console(stderr=True).status("comparing"):
        comparison = compare(runs, curves, **question)
        made = [{name: sweep.tags.get(tag, "unknown") for name, tag in MADE.items()} for sweep in sweeps]
        comparison.doubts += [*origins(made), *data_versions(runs)]
    print_comparison(comparison)
    log.debug("comparing: %.2f s", time.perf_counter() - start)
    first, start = sweeps[0], time.perf_counter()
    below = re.sub(r"[^\w.=,<>+-]+", "_", " ".join([FOLDER, *typed]))[:LONGEST]
    with Console(stderr=True).status("writing the report"), tempfile.TemporaryDirectory() as folder:
        asked = {"question": " ".join(["python compare.py", *typed])}
        write_report(comparison, Path(folder), asked | about(sweeps, uri) | _data(runs), pngs=pngs)
        add_artifacts(uri, first, Path(folder), below)
    log.debug("report: %.2f s", time.perf_counter() - start)
    start = time.perf_counter()
    by, at = str(comparison.question.by), comparison.question.at or ()
    values = comparison.runs.drop_duplicates(["problem", "group"])[["problem", "group", *at]]
    groups = comparison.groups.merge(values, on=["problem", "group"])
    record_groups(first.run_id, comparison.bands, groups, uri, by, at)
    log.debug("groups: %.2f s", time.perf_counter() - start)
    Console(highlight=False, soft_wrap=True).print(f"The report: {place(first, below)}", markup=False)
    return comparison


def _typed() -> list[str]:
    """What was asked on the command line besides which sweeps."""
    return [each for each in HydraConfig.get().overrides.task if not each.startswith(("sweep=", "uri=", "pngs="))]


def _as_typed() -> list[str]:
    """The sweeps as they were typed: YAML takes the beginning of an id for a number, as 123456 or 67e41."""
    given = next(each for each in HydraConfig.get().overrides.task if each.startswith("sweep="))
    return [each.strip() for each in (parse_override(given).value or "").strip("[]").split(",")]


def _named(sweep: RecordedSweep) -> str:
    return f"sweep {sweep.run_id[:8]} {sweep.name}"


def _newest(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs without those that a later sweep trained again."""
    params = [name for name in map(str, runs) if "/" not in name and name not in RUN_COLUMNS]
    known = runs.groupby(params, dropna=False)["fingerprint"].transform("first")  # those never run have none
    order = runs.assign(
        ended=runs["outcome"].isin(["finished", "diverged"]), fingerprint=runs["fingerprint"].fillna(known)
    )
    order = order.sort_values(["ended", "started"])
    return runs.loc[order.drop_duplicates([*params, "fingerprint"], keep="last").index.sort_values()]


def _filtered(runs: pd.DataFrame, query: str | None) -> pd.DataFrame:
    """The runs for which the query is true; a dot in a name needs no backticks there."""
    if query is None:
        return runs
    names = sorted((name for name in map(str, runs) if not name.isidentifier()), key=len, reverse=True)
    quoted = re.sub("|".join([r"`[^`]*`", *map(re.escape, names)]), lambda found: f"`{found[0].strip('`')}`", query)
    try:
        chosen = np.asarray(runs.eval(quoted, engine="python"))
        if chosen.dtype != bool or chosen.shape != (len(runs),):
            raise ValueError("it must be true or false for each run")
    except Exception as error:  # whatever a query may raise
        raise ConfigError("filter", query, f"is no query of the table of runs: {error}") from error
    if not chosen.any():
        raise ConfigError("filter", query, f"is true for none of the {len(runs)} runs")
    return runs[chosen]


def about(sweeps: list[RecordedSweep], uri: str) -> dict[str, str]:
    """How the comparison was made."""
    tags = sweeps[0].tags
    names = [f"{sweep.name} ({sweep.run_id})" for sweep in sweeps]
    said = {"store": masked(uri), "sweeps": ", ".join(names)}
    said |= {"command": tags.get("seedsweep.command", ""), "commit": tags.get("mlflow.source.git.commit", "unknown")}
    versions = {key.rsplit(".", 1)[-1]: value for key, value in tags.items() if key.startswith("seedsweep.version.")}
    versions = {"seedsweep": tags.get("seedsweep.version", "unknown")} | versions
    return said | {"versions": ", ".join(f"{name} {value}" for name, value in versions.items())}


def _data(runs: pd.DataFrame) -> dict[str, str]:
    return {"data fingerprint": ", ".join(sorted(set(runs["fingerprint"].dropna()))) or "unknown"}


def place(sweep: RecordedSweep, below: str, page: str = PAGE) -> str:
    """Where a report can be opened: a file, or in MLflow's UI."""
    folder = urlsplit(sweep.artifacts)
    if folder.scheme in ("", "file"):
        return f"{unquote(folder.path)}/{below}/{page}"
    return f"{below}/{page} among the artifacts of {sweep.run_id} in MLflow"
