"""seedsweep: which optimizer, at which learning rate, really wins, given that every run depends on its seed."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from seedsweep.importing import collector_paused

__version__ = "0.1.0"

if TYPE_CHECKING:
    from seedsweep.answering import answer
    from seedsweep.application import compose_jobs, is_tracked, sweep_folder, sweep_name
    from seedsweep.building import resolve
    from seedsweep.comparing import compare
    from seedsweep.composing import composer_of
    from seedsweep.errors import ConfigError, FailedRunsError, compact_errors, masked
    from seedsweep.job import run
    from seedsweep.jobs import run_all
    from seedsweep.reading import load_curves, load_model, load_runs
    from seedsweep.search_record import record_round, record_search, search_tags
    from seedsweep.searching import found, open_search
    from seedsweep.sweep import open_sweep

_WHERE = {
    "ConfigError": "errors",
    "FailedRunsError": "errors",
    "answer": "answering",
    "compact_errors": "errors",
    "compare": "comparing",
    "composer_of": "composing",
    "compose_jobs": "application",
    "found": "searching",
    "is_tracked": "application",
    "load_curves": "reading",
    "load_model": "reading",
    "load_runs": "reading",
    "masked": "errors",
    "open_search": "searching",
    "record_round": "search_record",
    "record_search": "search_record",
    "search_tags": "search_record",
    "open_sweep": "sweep",
    "resolve": "building",
    "run": "job",
    "run_all": "jobs",
    "sweep_folder": "application",
    "sweep_name": "application",
}
__all__ = [
    "ConfigError",
    "FailedRunsError",
    "answer",
    "compact_errors",
    "compare",
    "compose_jobs",
    "composer_of",
    "found",
    "is_tracked",
    "load_curves",
    "load_model",
    "load_runs",
    "masked",
    "open_search",
    "open_sweep",
    "record_round",
    "record_search",
    "resolve",
    "run",
    "run_all",
    "search_tags",
    "sweep_folder",
    "sweep_name",
]


def __getattr__(name: str) -> Any:
    """Import the public names when they are used: completion and `--help` must not wait for torch and MLflow."""
    if name not in _WHERE:
        raise AttributeError(f"module 'seedsweep' has no attribute {name!r}")
    with collector_paused():
        globals()[name] = getattr(import_module(f"seedsweep.{_WHERE[name]}"), name)
    return globals()[name]


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _default_uri() -> str:
    from seedsweep.store import default_uri

    return default_uri()


OmegaConf.register_new_resolver("seedsweep.default_uri", _default_uri, replace=True)
OmegaConf.register_new_resolver("seedsweep.stem", lambda path: Path(str(path)).stem, replace=True)
