"""What `seedsweep-compare` does with runs that others recorded: tables, Lightning's logs, experiments of MLflow."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from rich.console import Console

from seedsweep.comparison.compare import Comparison
from seedsweep.comparison.question import KEYS
from seedsweep.config.overrides import as_typed, parse_override
from seedsweep.errors import ConfigError, masked

NO_SWEEP = ("latest", None)  # what `sweep` is unless a sweep is asked for
UNSAID = ("figures", "export", "uri", "tracking.uri")  # of no effect on the question


def asks_for_others(request: dict[str, Any], uri: str) -> bool:
    """Whether files, or an experiment without sweeps of ours, are asked for; checks what asks for it."""
    names = request["seeds"] if isinstance(request["seeds"], list) else [request["seeds"]]
    if not all(isinstance(name, str | None) for name in names):
        raise ConfigError("seeds", request["seeds"], "must be the name of a param, or a list of names")
    if request["runs"] is not None:
        for key, none in (("sweep", NO_SWEEP), ("experiment", (None,))):
            if request[key] not in none:
                raise ConfigError(key, request[key], f"leave it out: runs={request['runs']} is compared")
        return True
    if request["experiment"] is not None and request["sweep"] in NO_SWEEP:
        from seedsweep.tracking.foreign_runs import is_foreign

        if is_foreign(uri, request["experiment"]):
            return True
    if request["seeds"] is not None:
        allowed = "is for runs that others recorded; the seeds of a sweep are known"
        raise ConfigError("seeds", request["seeds"], allowed)
    return False


def answer_others(request: dict[str, Any], uri: str, formats: list[str], files: list[Path]) -> Comparison:
    """Compare them, print the verdicts and what was taken for what, and write the report and the files asked for."""
    from seedsweep.report.export import save
    from seedsweep.report.publish import compare_and_answer, publish_in_folder
    from seedsweep.sources.prepared import prepared

    question = {key: request[key] for key in KEYS}
    named = _named(request)
    with Console(stderr=True).status("reading"):
        recorded = _recorded(request, uri, named)
        ready = prepared(recorded, question, named, request["filter"])
    try:
        comparison = compare_and_answer(ready.runs, ready.curves, ready.question)
    except ConfigError:
        _say(ready.lines, stderr=True)  # what was guessed may be what is wrong
        raise
    _say(ready.lines)
    about = {"runs": recorded.source, "read as": "; ".join(ready.lines)}
    if request["runs"] is None:
        about["store"] = masked(uri)
    about = publish_in_folder(comparison, about, _typed(), formats)
    for file in files:
        Console(highlight=False, soft_wrap=True).print(f"Written: {save(comparison, file, about)}", markup=False)
    return comparison


def _recorded(request: dict[str, Any], uri: str, named: Any) -> Any:
    if request["runs"] is not None:
        from seedsweep.sources.files import runs_of_files

        return runs_of_files(request["runs"], named)
    from seedsweep.sources.mlflow_experiment import runs_of_experiment

    return runs_of_experiment(uri, request["experiment"], named)


def _named(request: dict[str, Any]) -> Any:
    from seedsweep.comparison.question import checked_question
    from seedsweep.sources.recorded_runs import Named

    question = checked_question({key: request[key] for key in KEYS})
    seeds = [request["seeds"]] if isinstance(request["seeds"], str) else request["seeds"]
    at = None if question.at is None else tuple(question.at)
    return Named(question.metric, question.by, at, tuple(seeds) if seeds else None)


def _say(lines: list[str], stderr: bool = False) -> None:
    console = Console(highlight=False, soft_wrap=True, stderr=stderr)
    for line in lines:
        console.print(line, markup=False)


def _typed() -> list[str]:
    """What was asked on the command line."""
    overrides = as_typed(HydraConfig.get().overrides.task)
    return [override for override in overrides if parse_override(override).key not in UNSAID]
