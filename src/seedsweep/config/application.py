"""What a sweeper and a launcher ask of the application whose jobs they run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from hydra.core.config_loader import ConfigLoader
from hydra.core.utils import filter_overrides
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import InterpolationKeyError, InterpolationToMissingValueError

from seedsweep.config.additions import added, check_additions
from seedsweep.config.completeness import resolve
from seedsweep.config.composing import Composed, composer_of
from seedsweep.config.overrides import as_typed
from seedsweep.errors import ConfigError, masked

TRACKING = {"uri", "sweep", "labels"}  # the keys by which an application says that its runs are tracked by seedsweep
UNNAMED = ("compare=", "tracking.reuse=", "tracking.detail=")  # overrides that change nothing of what a sweep is


class BatchedTask(Protocol):
    """The batched form of an application's task: what `batched` in a configuration names.

    It takes the jobs that are launched together, and returns what the task would return for each of them, in their
    order; an exception in the place of a value stands for a job that failed. What the configurations of the jobs have
    in common is shared between them, and must not be changed in place.

    In a sweep that seedsweep records, it is also given what `seedsweep.run_all` takes besides: a function to be called
    with the epochs that have been trained, and `prune`, if a search may end runs early.
    """

    def __call__(self, jobs: Sequence[Composed], *args: Any, **kwargs: Any) -> Sequence[Any]: ...


def is_tracked(config: DictConfig) -> bool:
    """Whether seedsweep tracks the runs of an application.

    Args:
        config: the application's configuration.

    Returns:
        True if it has a group `tracking` with the keys `uri`, `sweep` and `labels`.
    """
    tracking = config.get("tracking")
    return OmegaConf.is_dict(tracking) and set(tracking) >= TRACKING


def sweep_name(config: DictConfig) -> str:
    """The name under which a sweep is recorded.

    Args:
        config: the configuration that the sweeper was set up with, with its `hydra` node.

    Returns:
        The name of the primary config, unless it is `config`, and the overrides as they were typed.
    """
    return " ".join([*_application(config), *_typed(config)]) or "sweep"


def search_name(config: DictConfig) -> str:
    """The name of a search, the same one in whichever order its overrides were typed.

    Args:
        config: the configuration that the sweeper was set up with, with its `hydra` node.

    Returns:
        The name of the primary config, unless it is `config`, and the overrides in alphabetical order.
    """
    return " ".join([*_application(config), *sorted(_typed(config))]) or "search"


def _application(config: DictConfig) -> list[str]:
    name = config.hydra.job.config_name
    return [] if name == "config" else [name]


def _typed(config: DictConfig) -> list[str]:
    overrides = filter_overrides(as_typed(config.hydra.overrides.task))
    return [override for override in overrides if not override.startswith(UNNAMED)]


def sweep_folder(config: DictConfig) -> Path:
    """Make the folder of a sweep, and keep in it the configuration that the sweep started with.

    Args:
        config: the configuration that the sweeper was set up with, with its `hydra` node.

    Returns:
        The folder that `hydra.sweep.dir` names.

    Raises:
        ConfigError: it cannot be written.
    """
    folder = Path(config.hydra.sweep.dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "multirun.yaml").write_text(masked(OmegaConf.to_yaml(config)))
    except OSError as error:
        raise ConfigError("hydra.sweep.dir", folder, f"cannot be written: {error}") from error
    return folder


def compose_jobs(loader: ConfigLoader, config: DictConfig) -> Callable[[Sequence[str], int], Composed]:
    """A function that composes the configurations of a sweep's jobs, as their tasks will see them.

    Args:
        loader: Hydra's, from the `hydra_context` that the sweeper was set up with.
        config: the configuration that the sweeper was set up with, with its `hydra` node.

    Returns:
        A function of the overrides of a job and its number. It raises `ConfigError` for a missing value or key
        and, if seedsweep tracks the runs, for a key that is added and that nothing uses.
    """
    tracked = is_tracked(config)
    of_hydra = added(as_typed(config.hydra.overrides.hydra)) if tracked else []
    checked = set()

    def compose(overrides: Sequence[str], number: int) -> Composed:
        composer = composer_of(loader, config)
        try:
            job = composer.compose(overrides, number)
        except (InterpolationKeyError, InterpolationToMissingValueError):
            unresolved = composer.full(overrides, number)
            with open_dict(unresolved):
                del unresolved["hydra"]
            resolve(unresolved)  # raises an error that names the missing value
            raise
        if tracked and (additions := [*of_hydra, *added(overrides)]):
            kind = (*(typed.key for typed in additions), *job.choices.values())
            if kind not in checked:
                full = composer.full(overrides, number)
                check_additions(additions, full, full.hydra, loader)
                checked.add(kind)
        return job

    return compose
