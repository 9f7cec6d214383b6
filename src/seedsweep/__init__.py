"""seedsweep: which optimizer, at which learning rate, really wins, given that every run depends on its seed.

This is what people call. Hydra plugins, and other Hydra applications, call `seedsweep.plugin`.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from seedsweep.gc_pause import collector_paused

__version__ = "0.1.0"

if TYPE_CHECKING:
    from seedsweep.api.check import check
    from seedsweep.api.comparison import compare
    from seedsweep.api.results import Results
    from seedsweep.api.results import open_results as open  # noqa: A004, F401
    from seedsweep.api.sweep import sweep
    from seedsweep.config.completeness import resolve
    from seedsweep.errors import ConfigError, FailedRunsError
    from seedsweep.lifecycle.run_many import run_all
    from seedsweep.lifecycle.run_one import run
    from seedsweep.tracking.reader import load_curves, load_runs
    from seedsweep.tracking.weights import load_model

__all__ = [  # without `open`, which `from seedsweep import *` would put in place of Python's
    "ConfigError",
    "FailedRunsError",
    "Results",
    "check",
    "compare",
    "load_curves",
    "load_model",
    "load_runs",
    "resolve",
    "run",
    "run_all",
    "sweep",
]
_MODULES = {
    "ConfigError": "errors",
    "FailedRunsError": "errors",
    "Results": "api.results",
    "check": "api.check",
    "compare": "api.comparison",
    "load_curves": "tracking.reader",
    "load_model": "tracking.weights",
    "load_runs": "tracking.reader",
    "open": "api.results:open_results",
    "resolve": "config.completeness",
    "run": "lifecycle.run_one",
    "run_all": "lifecycle.run_many",
    "sweep": "api.sweep",
}
__path__.append(str(Path(__file__).parent / "names"))  # seedsweep.model and others, which configurations name


def __getattr__(name: str) -> Any:
    """Import the public names when they are used: completion and `--help` must not wait for torch and MLflow."""
    if name not in _MODULES:
        raise AttributeError(f"module 'seedsweep' has no attribute {name!r}")
    module, _, called = _MODULES[name].partition(":")
    with collector_paused():
        globals()[name] = getattr(import_module(f"seedsweep.{module}"), called or name)
    return globals()[name]


def __dir__() -> list[str]:
    return [*__all__, "__version__", "open"]


def _default_uri() -> str:
    from seedsweep.tracking.addresses import default_uri

    return default_uri()


def _command(name: str) -> str:
    from seedsweep.config.home import command

    return command(name)


def _made_by(node: Any) -> str:
    """The last component of what makes an object, of its configuration or its name alone."""
    return str(node._target_ if OmegaConf.is_dict(node) else node).rpartition(".")[2]


OmegaConf.register_new_resolver("seedsweep.default_uri", _default_uri, replace=True)
OmegaConf.register_new_resolver("seedsweep.command", _command, replace=True)
OmegaConf.register_new_resolver("seedsweep.stem", lambda path: Path(str(path)).stem, replace=True)
OmegaConf.register_new_resolver("seedsweep.made_by", _made_by, replace=True)
