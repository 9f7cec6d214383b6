"""The contract with Hydra plugins and with other people's Hydra applications. `docs/plugins.md` shows it at work.

Errors
    `ConfigError`         a value is not allowed: `ConfigError(key, value, what is allowed)`
    `FailedRunsError`     some runs of a sweep raised; the others are recorded
    `shown_by_hydra`      a context in which Hydra shows our errors as messages, without a traceback
    `hydra_error`         the same for an error that is returned
    `masked`              a text without the passwords of its addresses
    `mask_files`          the same for the YAML files of a folder

Applications
    `shipped`             a folder of configurations that seedsweep comes with: `conf` or `sweeps`
    `is_tracked`          whether seedsweep tracks the runs of an application
    `BatchedTask`         the signature of the function that `batched` in its configuration names

Jobs
    `Composed`            a job: its number, overrides, configuration (a plain dictionary) and chosen options
    `compose_jobs`        for sweepers: the function that composes jobs
    `composer_of`         for launchers: the composer that this function shares with the launcher
    `current_in_hydra`    a context in which `${hydra:…}` and `HydraConfig` are of a job
    `LazySequence`        a sequence of so many items, made when they are looked at

Workers, as `hydra/launcher=fleet` has them
    `on_workers`          the batched form of `seedsweep.run_all` whose jobs are trained by other processes
    `workers_of`          for sweepers: a context at whose end the workers that a launcher has started are ended

Sweeps
    `sweep_name`          what a sweep is called
    `sweep_folder`        where it keeps its files
    `open_sweep`          its life: jobs are checked, planned and recorded before it, closed and compared after it
    `collector_paused`    a context without garbage collection, where many lasting objects are made

Searches, as `hydra/sweeper=optuna` runs them
    `open_search`         the studies and their state, which asks for jobs and is told what they returned
    `open_search_sweep`   `open_sweep` for a sweep to which jobs are added as it goes
    `search_tags`         by which the sweep is recognised as a search
    `record_round`        keeps the trials beside the sweep, after a round
    `record_search`       keeps the trials and the confirmed ones, at the end
    `unfinished_jobs`     by which a search that is over closes a sweep that was killed
    `search_results`      what is printed and written at the end

Sweeps that buy seeds until it is sure, as `hydra/sweeper=until_sure` runs them
    `open_purchase`       what asks for the jobs of the next seeds, and is told what they returned
    `open_sure_sweep`     `open_sweep` for a sweep to which these jobs are added
    `purchase_tags`       by which such a sweep is recognised
    `record_purchase`     keeps the evidence beside the sweep and prints a line, after each round
    `show_purchase`       what is printed and kept at the end

Hydra imports plugins at each start, also for completion and `--help`: a name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seedsweep.gc_pause import collector_paused

if TYPE_CHECKING:
    from seedsweep.config.application import BatchedTask, compose_jobs, is_tracked, sweep_folder, sweep_name
    from seedsweep.config.composing import Composed, composer_of, current_in_hydra
    from seedsweep.config.home import shipped
    from seedsweep.config.hydra_errors import hydra_error, shown_by_hydra
    from seedsweep.config.hydra_files import mask_files
    from seedsweep.config.lazy_sequence import LazySequence
    from seedsweep.errors import ConfigError, FailedRunsError, masked
    from seedsweep.lifecycle.opening import open_search_sweep, open_sure_sweep, open_sweep
    from seedsweep.lifecycle.workers.launcher_workers import workers_of
    from seedsweep.lifecycle.workers.on_workers import on_workers
    from seedsweep.search.record import record_round, record_search, search_tags, unfinished_jobs
    from seedsweep.search.results import search_results
    from seedsweep.search.setup import open_search
    from seedsweep.until_sure.identity import purchase_tags
    from seedsweep.until_sure.record import record_purchase, show_purchase
    from seedsweep.until_sure.setup import open_purchase

__all__ = [
    "BatchedTask",
    "Composed",
    "ConfigError",
    "FailedRunsError",
    "LazySequence",
    "collector_paused",
    "compose_jobs",
    "composer_of",
    "current_in_hydra",
    "hydra_error",
    "is_tracked",
    "mask_files",
    "masked",
    "on_workers",
    "open_purchase",
    "open_search",
    "open_search_sweep",
    "open_sure_sweep",
    "open_sweep",
    "purchase_tags",
    "record_purchase",
    "record_round",
    "record_search",
    "search_results",
    "search_tags",
    "shipped",
    "show_purchase",
    "shown_by_hydra",
    "sweep_folder",
    "sweep_name",
    "unfinished_jobs",
    "workers_of",
]
_NAMES = {
    "config.application": ("BatchedTask", "compose_jobs", "is_tracked", "sweep_folder", "sweep_name"),
    "config.composing": ("Composed", "composer_of", "current_in_hydra"),
    "config.home": ("shipped",),
    "config.hydra_errors": ("hydra_error", "shown_by_hydra"),
    "config.hydra_files": ("mask_files",),
    "config.lazy_sequence": ("LazySequence",),
    "errors": ("ConfigError", "FailedRunsError", "masked"),
    "search.record": ("record_round", "record_search", "search_tags", "unfinished_jobs"),
    "search.results": ("search_results",),
    "search.setup": ("open_search",),
    "lifecycle.opening": ("open_search_sweep", "open_sure_sweep", "open_sweep"),
    "until_sure.identity": ("purchase_tags",),
    "until_sure.record": ("record_purchase", "show_purchase"),
    "until_sure.setup": ("open_purchase",),
    "lifecycle.workers.launcher_workers": ("workers_of",),
    "lifecycle.workers.on_workers": ("on_workers",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module 'seedsweep.plugin' has no attribute {name!r}")
    with collector_paused():
        globals()[name] = getattr(import_module(f"seedsweep.{_MODULES[name]}"), name)
    return globals()[name]
