"""The end of a comparison: verdicts are printed, the report is kept with the sweep, mean curves go to MLflow."""

import logging
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pandas as pd
from rich.console import Console

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.comparison.diagnostics import data_versions, origins
from seedsweep.errors import masked
from seedsweep.report.console import print_comparison
from seedsweep.tracking.recorded_sweeps import RecordedSweep, add_artifacts

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)
FOLDER, PAGE = "report", "report.html"  # among the artifacts of the sweep
LONGEST = 100  # characters of its name
MADE = {"commit": "mlflow.source.git.commit", "version": "seedsweep.version", "torch": "seedsweep.version.torch"}


def publish(
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    sweeps: list[RecordedSweep],
    uri: str,
    question: Mapping[str, Any],
    typed: Sequence[str] = (),
    pngs: bool = True,
) -> Comparison:
    """Compare and print; store the report and the runs of the groups with the first of the sweeps.

    Args:
        runs: a row a run, as `load_runs` gives them.
        curves: of these runs, as `load_curves` gives them.
        sweeps: that the runs are of; the first keeps the report.
        uri: address of their store.
        question: the arguments of `compare`.
        typed: the overrides by which a question differs from the usual one; its report has a folder of its own.
        pngs: whether every figure is kept as a file, too.

    Returns:
        The comparison that was published.

    Raises:
        ConfigError: the question does not fit the runs.
    """
    from seedsweep.report.html import write_report
    from seedsweep.tracking.derived_runs import record_groups

    start = time.perf_counter()
    with Console(stderr=True).status("comparing"):
        comparison = compare(runs, curves, **question)
        made = [{name: sweep.tags.get(tag, "unknown") for name, tag in MADE.items()} for sweep in sweeps]
        comparison.added_diagnostics += [*origins(made), *data_versions(runs)]
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
    Console(highlight=False, soft_wrap=True).print(f"The report: {page_address(first, below)}", markup=False)
    return comparison


def about(sweeps: list[RecordedSweep], uri: str) -> dict[str, str]:
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


def _data(runs: pd.DataFrame) -> dict[str, str]:
    return {"data fingerprint": ", ".join(sorted(set(runs["fingerprint"].dropna()))) or "unknown"}


def page_address(sweep: RecordedSweep, below: str, page: str = PAGE) -> str:
    """Where a report can be opened.

    Args:
        sweep: that keeps it.
        below: its folder among the sweep's artifacts.
        page: its file there.

    Returns:
        A path, or words where to find it in MLflow's UI.
    """
    folder = urlsplit(sweep.artifacts)
    if folder.scheme in ("", "file"):
        return f"{unquote(folder.path)}/{below}/{page}"
    return f"{below}/{page} among the artifacts of {sweep.run_id} in MLflow"
