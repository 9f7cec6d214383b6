"""What `seedsweep-compare` does: reads the sweeps that are asked for, and has runs or confirmed trials compared."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from seedsweep.cli.compare_others import answer_others, asks_for_others
from seedsweep.comparison.compare import Comparison
from seedsweep.comparison.question import KEYS
from seedsweep.comparison.selection import filtered_runs, newest_runs
from seedsweep.comparison.study_effects import StudyComparison
from seedsweep.config.overrides import as_typed, parse_override
from seedsweep.config.planned_call import own_question
from seedsweep.errors import ConfigError, masked
from seedsweep.report.console import how_to_open
from seedsweep.report.export import checked_paths, save
from seedsweep.report.figure_files import checked_formats
from seedsweep.report.publish import compare_sweeps, publish
from seedsweep.report.unfinished import unfinished
from seedsweep.tracking.pages import view_page
from seedsweep.tracking.reader import load_curves, load_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, find_sweeps
from seedsweep.validation import check_keys

log = logging.getLogger(__name__)
STORE = ("tracking.uri", "uri")  # the second is what the key was called
SWEEPS = (*STORE, "sweep", "figures", "export")  # the keys that say which sweeps are read, and what is kept
SELECTION = (*SWEEPS, "tracking", "experiment", "filter", "runs", "seeds")  # and which runs; the rest is the question


def answer(config: DictConfig) -> Comparison | StudyComparison | pd.DataFrame:
    """Compare the runs that `conf/compare.yaml` asks for, print the verdicts, and keep the report with the sweep.

    Args:
        config: the composed configuration of the command.

    Returns:
        The comparison; of searches what they have confirmed, and of several studies what their winners allow to say.

    Raises:
        ConfigError: a value is not allowed, or there is no such sweep.
    """
    request: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    names, uri = _sweep_names(request), _store(request)
    formats, files = checked_formats("figures", request["figures"]), checked_paths("export", request["export"])
    if asks_for_others(request, uri):
        return answer_others(request, uri, formats, files)
    start = time.perf_counter()
    with Console(stderr=True).status("reading"):
        sweeps = find_sweeps(uri, *names, experiment=request["experiment"])
    console = Console(highlight=False, soft_wrap=True)
    if all("seedsweep.search" in sweep.tags for sweep in sweeps):
        from seedsweep.search.answer import answer_search  # which imports Optuna

        if files:
            raise ConfigError("export", files[0], "is not made of a search, whose tables are among its artifacts")
        return answer_search(sweeps, uri, _title(sweeps), _typed())
    if "seedsweep.until_sure" in sweeps[0].tags and len(sweeps) == 1 and not _typed():
        from seedsweep.until_sure.answer import answer_purchase

        return answer_purchase(sweeps[0], uri, _title(sweeps))
    with Console(stderr=True).status("reading"):
        runs = pd.concat([load_runs(sweep.run_id, uri) for sweep in sweeps], ignore_index=True)
        curves = pd.concat([load_curves(sweep.run_id, uri) for sweep in sweeps], ignore_index=True)
    log.debug("reading: %.2f s", time.perf_counter() - start)
    runs = filtered_runs(newest_runs(runs), request["filter"])
    curves = curves[curves["run"].isin(runs["run"])]
    question = {key: value for key, value in request.items() if key not in SELECTION} | _own_question(sweeps)
    with _saying_what_is_unfinished(sweeps, runs):
        comparison = compare_sweeps(runs, curves, sweeps, question)
    console.print(f"{_title(sweeps)}{' …' * (len(sweeps) > 3)}: {len(runs)} runs", markup=False)
    several = [f"sweep={','.join(sweep.run_id[:8] for sweep in sweeps)}"] * (len(sweeps) > 1)  # not the first one's own
    about = publish(comparison, runs, sweeps, uri, [*several, *_typed()], formats)
    page = view_page(sweeps[0].experiment_id, sweeps[0].run_id, "group")
    console.print("The mean curves:", how_to_open(uri, page), markup=False)
    for file in files:
        console.print(f"Written: {save(comparison, file, about)}", markup=False)
    return comparison


@contextmanager
def _saying_what_is_unfinished(sweeps: list[RecordedSweep], runs: pd.DataFrame) -> Iterator[None]:
    """A context at whose error there is said, too, which of the sweeps are not complete: that may be why."""
    try:
        yield
    except ConfigError:
        for diagnostic in unfinished(sweeps, runs):
            words = f"{diagnostic.sentence}: {diagnostic.remedy}"
            Console(highlight=False, soft_wrap=True).print(words, markup=False)
        raise


def _store(request: dict[str, Any]) -> str:
    """The address of the store; `uri` is what the key was called."""
    if request["uri"] is not None:
        log.warning("uri is called tracking.uri now, as in every command: tracking.uri=%s", masked(str(request["uri"])))
    return request["uri"] or request["tracking"]["uri"]  # type: ignore[no-any-return]


def _own_question(sweeps: list[RecordedSweep]) -> dict[str, Any]:
    """How the runs of a function are compared, unless it was typed."""
    typed = {parse_override(override).key for override in as_typed(HydraConfig.get().overrides.task)}
    return {key: value for key, value in own_question(sweeps[0].tags).items() if key not in typed}


def _sweep_names(request: dict[str, Any]) -> list[str]:
    """The sweeps that are asked for; checks the keys that are not of the question."""
    sweep = request["sweep"]
    names = sweep if isinstance(sweep, list) else [] if sweep is None else [sweep]
    if any(isinstance(name, int | float) for name in names):
        names = _as_typed()
    if not all(isinstance(name, str) for name in names):
        raise ConfigError("sweep", sweep, "must be latest, the id of a sweep, or a list of such: [id,id]")
    check_keys(request, (*KEYS, *SELECTION))
    for key in ("experiment", "filter"):
        if not isinstance(request[key], str | None):
            raise ConfigError(key, request[key], "must be a string")
    return names


def _as_typed() -> list[str]:
    """The sweeps as they were typed: YAML takes the beginning of an id for a number, as 123456 or 67e41."""
    override = next(
        override for override in as_typed(HydraConfig.get().overrides.task) if override.startswith("sweep=")
    )
    return [name.strip() for name in (parse_override(override).value or "").strip("[]").split(",")]


def _typed() -> list[str]:
    """What was asked on the command line besides which sweeps."""
    overrides = as_typed(HydraConfig.get().overrides.task)
    return [override for override in overrides if parse_override(override).key not in SWEEPS]


def _title(sweeps: list[RecordedSweep]) -> str:
    return "; ".join(f"sweep {sweep.run_id[:8]} {sweep.name}" for sweep in sweeps[:3])
