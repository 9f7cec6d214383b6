"""seedsweep: which optimizer, at which learning rate, really wins, given that every run depends on its seed."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from seedsweep.importing import collector_paused

__version__ = "0.1.0"

if TYPE_CHECKING:
    from seedsweep.errors import ConfigError, FailedRunsError, compact_errors
    from seedsweep.job import run
    from seedsweep.reading import load_curves, load_model, load_runs
    from seedsweep.sweep import open_sweep

_WHERE = {
    "ConfigError": "errors",
    "FailedRunsError": "errors",
    "compact_errors": "errors",
    "load_curves": "reading",
    "load_model": "reading",
    "load_runs": "reading",
    "open_sweep": "sweep",
    "run": "job",
}
__all__ = [
    "ConfigError",
    "FailedRunsError",
    "compact_errors",
    "load_curves",
    "load_model",
    "load_runs",
    "open_sweep",
    "run",
]


def __getattr__(name: str) -> Any:
    """Import the public names when they are used: completion and `--help` must not wait for torch and MLflow."""
    if name not in _WHERE:
        raise AttributeError(f"module 'seedsweep' has no attribute {name!r}")
    with collector_paused():
        return getattr(import_module(f"seedsweep.{_WHERE[name]}"), name)


def _default_uri() -> str:
    from seedsweep.store import default_uri

    return default_uri()


OmegaConf.register_new_resolver("seedsweep.default_uri", _default_uri, replace=True)
OmegaConf.register_new_resolver("seedsweep.stem", lambda path: Path(str(path)).stem, replace=True)
