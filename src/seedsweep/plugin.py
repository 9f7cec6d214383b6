"""What Hydra plugins and other Hydra applications call: the contract behind our sweepers and our launcher."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seedsweep.gc_pause import collector_paused

if TYPE_CHECKING:
    from seedsweep.config.application import compose_jobs, is_tracked, sweep_folder, sweep_name
    from seedsweep.config.composing import composer_of
    from seedsweep.config.hydra_errors import shown_by_hydra
    from seedsweep.config.lazy_sequence import LazySequence
    from seedsweep.errors import ConfigError, FailedRunsError, masked
    from seedsweep.search.record import record_round, record_search, search_tags
    from seedsweep.search.setup import open_search, search_results
    from seedsweep.sweep.lifecycle import open_search_sweep, open_sweep

_MODULES = {
    "ConfigError": "errors",
    "FailedRunsError": "errors",
    "LazySequence": "config.lazy_sequence",
    "compose_jobs": "config.application",
    "composer_of": "config.composing",
    "is_tracked": "config.application",
    "masked": "errors",
    "open_search": "search.setup",
    "open_search_sweep": "sweep.lifecycle",
    "open_sweep": "sweep.lifecycle",
    "record_round": "search.record",
    "record_search": "search.record",
    "search_results": "search.setup",
    "search_tags": "search.record",
    "shown_by_hydra": "config.hydra_errors",
    "sweep_folder": "config.application",
    "sweep_name": "config.application",
}
__all__ = [
    "ConfigError",
    "FailedRunsError",
    "LazySequence",
    "collector_paused",
    "compose_jobs",
    "composer_of",
    "is_tracked",
    "masked",
    "open_search",
    "open_search_sweep",
    "open_sweep",
    "record_round",
    "record_search",
    "search_results",
    "search_tags",
    "shown_by_hydra",
    "sweep_folder",
    "sweep_name",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is used: Hydra imports plugins at every start, also for completion and `--help`."""
    if name not in _MODULES:
        raise AttributeError(f"module 'seedsweep.plugin' has no attribute {name!r}")
    with collector_paused():
        globals()[name] = getattr(import_module(f"seedsweep.{_MODULES[name]}"), name)
    return globals()[name]
