"""The end of a comparison: verdicts are printed, the report is kept, of a sweep with it, mean curves go to MLflow."""

import logging
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd
from rich.console import Console

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.comparison.diagnostic import Diagnostic
from seedsweep.comparison.diagnostics import data_versions, origins
from seedsweep.config.home import command
from seedsweep.errors import ConfigError, masked
from seedsweep.report.console import print_comparison, print_headline
from seedsweep.report.unfinished import unfinished
from seedsweep.tracking.recorded_sweeps import RecordedSweep, add_artifacts

log = logging.getLogger(__name__)
FOLDER, PAGE = "report", "report.html"  # among the artifacts of the sweep
WORKING_FOLDER, FIGURES = "seedsweep-report", "figures"  # of runs that are not of a sweep, in the working directory
LONGEST = 100  # characters of its name
MADE = {"commit": "mlflow.source.git.commit", "version": "seedsweep.version", "torch": "seedsweep.version.torch"}


def compare_sweeps(
    runs: pd.DataFrame, curves: pd.DataFrame, sweeps: list[RecordedSweep], question: Mapping[str, Any]
) -> Comparison:
    """Compare the runs of some sweeps, and print the answer in one sentence.

    Args:
        runs: a row a run, as `load_runs` gives them.
        curves: of these runs, as `load_curves` gives them.
        sweeps: that the runs are of.
        question: the arguments of `compare`.

    Returns:
        The comparison, with diagnostics of how the sweeps were made.

    Raises:
        ConfigError: the question does not fit the runs.
    """
    made = [{name: sweep.tags.get(tag, "unknown") for name, tag in MADE.items()} for sweep in sweeps]
    return compare_and_answer(
        runs, curves, question, lambda: [*unfinished(sweeps, runs), *origins(made), *data_versions(runs)]
    )


def compare_and_answer(
    runs: pd.DataFrame,
    curves: pd.DataFrame | None,
    question: Mapping[str, Any],
    diagnostics: Callable[[], list[Diagnostic]] = list,
) -> Comparison:
    """Compare runs, and print the answer in one sentence.

    Args:
        runs: a row a run, as `compare` takes them.
        curves: of these runs; None where there are only last values.
        question: the arguments of `compare`.
        diagnostics: gives those besides the ones of the runs themselves.

    Returns:
        The comparison.

    Raises:
        ConfigError: the question does not fit the runs.
    """
    start = time.perf_counter()
    with Console(stderr=True).status("comparing"):
        comparison = compare(runs, curves, **question)
        comparison.added_diagnostics += diagnostics()
    log.debug("comparing: %.2f s", time.perf_counter() - start)
    print_headline(comparison)
    return comparison


def publish(
    comparison: Comparison,
    runs: pd.DataFrame,
    sweeps: list[RecordedSweep],
    uri: str,
    typed: Sequence[str] = (),
    formats: Collection[str] = (),
) -> dict[str, str]:
    """Print what follows the headline; store the report and the runs of the groups with the first of the sweeps.

    Args:
        comparison: as `compare_sweeps` gives it.
        runs: that were compared.
        sweeps: that the runs are of; the first keeps the report.
        uri: address of their store.
        typed: the overrides by which a question differs from the usual one; its report has a folder of its own.
        formats: in which every figure is kept as a file, too.

    Returns:
        How the comparison was made, as its page says it.
    """
    print_comparison(comparison)
    about = _asked(typed) | provenance(sweeps, uri) | {"model": _model(runs), "data fingerprint": _fingerprints(runs)}
    folder = re.sub(r"[^\w.=,<>+-]+", "_", " ".join([FOLDER, *typed]))[:LONGEST]
    with tempfile.TemporaryDirectory() as written:
        _write(comparison, Path(written), about, formats)
        add_artifacts(uri, sweeps[0], Path(written), folder)
    _record_mean_curves(comparison, sweeps[0], uri)
    Console(highlight=False, soft_wrap=True).print(f"The report: {page_address(sweeps[0], folder)}", markup=False)
    return about


def publish_in_folder(
    comparison: Comparison, about: Mapping[str, str], typed: Sequence[str] = (), formats: Collection[str] = ()
) -> dict[str, str]:
    """Print what follows the headline; write the report into the working directory, in place of the one before.

    Args:
        comparison: of runs that are not of a sweep.
        about: how the runs were recorded, as the page says it.
        typed: the overrides that the question was asked by.
        formats: in which every figure is kept as a file, too.

    Returns:
        How the comparison was made, as its page says it.

    Raises:
        ConfigError: the folder cannot be written.
    """
    print_comparison(comparison)
    about, folder = _asked(typed) | dict(about), Path.cwd() / WORKING_FOLDER
    shutil.rmtree(folder / FIGURES, ignore_errors=True)
    try:
        _write(comparison, folder, about, formats)
    except OSError as error:
        raise ConfigError("runs", WORKING_FOLDER, f"the report cannot be written to {folder}: {error}") from error
    Console(highlight=False, soft_wrap=True).print(f"The report: {folder / PAGE}", markup=False)
    return about


def _asked(typed: Sequence[str]) -> dict[str, str]:
    return {"question": " ".join([command("compare"), *typed])}


def _write(comparison: Comparison, folder: Path, about: Mapping[str, str], formats: Collection[str]) -> None:
    from seedsweep.report.html import write_report

    start = time.perf_counter()
    with Console(stderr=True).status("writing the report"):
        write_report(comparison, folder, about, formats=formats)
    log.debug("report: %.2f s", time.perf_counter() - start)


def _record_mean_curves(comparison: Comparison, sweep: RecordedSweep, uri: str) -> None:
    from seedsweep.tracking.derived_runs import record_groups

    start = time.perf_counter()
    by, at = str(comparison.question.by), comparison.question.at or ()
    values = comparison.runs.drop_duplicates(["problem", "group"])[["problem", "group", *at]]
    groups = comparison.groups.merge(values, on=["problem", "group"])
    record_groups(sweep.run_id, comparison.bands, groups, uri, by, at, comparison.question.metric)
    log.debug("groups: %.2f s", time.perf_counter() - start)


def provenance(sweeps: list[RecordedSweep], uri: str) -> dict[str, str]:
    """How a comparison was made, as its page says it.

    Args:
        sweeps: that were compared, or the parent run of a search.
        uri: address of their store.

    Returns:
        Store, sweeps, command, commit and versions, in words.
    """
    tags = sweeps[0].tags
    names = [f"{sweep.name} ({sweep.run_id})" for sweep in sweeps]
    origin = {"store": masked(uri), "sweeps": ", ".join(names)}
    origin |= {"command": tags.get("seedsweep.command", ""), "commit": tags.get("mlflow.source.git.commit", "unknown")}
    versions = {key.rsplit(".", 1)[-1]: value for key, value in tags.items() if key.startswith("seedsweep.version.")}
    versions = {"seedsweep": tags.get("seedsweep.version", "unknown")} | versions
    return origin | {"versions": ", ".join(f"{name} {value}" for name, value in versions.items())}


def _model(runs: pd.DataFrame) -> str:
    """The models by their options; nothing where that is no param."""
    return ", ".join(runs["model"].dropna().astype(str).unique()) if "model" in runs else ""


def _fingerprints(runs: pd.DataFrame) -> str:
    return ", ".join(sorted(set(runs["fingerprint"].dropna()))) or "unknown"


def page_address(sweep: RecordedSweep, folder: str, page: str = PAGE) -> str:
    """Where a report can be opened.

    Args:
        sweep: that keeps it.
        folder: of the report, among the sweep's artifacts.
        page: its file in that folder.

    Returns:
        A path, or words where to find it in MLflow's UI.
    """
    artifacts = urlsplit(sweep.artifacts)
    if artifacts.scheme in ("", "file"):
        return f"{unquote(artifacts.path)}/{folder}/{page}"
    return f"{folder}/{page} among the artifacts of {sweep.run_id} in MLflow"
