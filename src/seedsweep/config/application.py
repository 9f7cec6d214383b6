"""What a sweeper asks of the application that it sweeps."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.utils import filter_overrides
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import InterpolationToMissingValueError

from seedsweep.config.completeness import resolve
from seedsweep.config.composing import Composed, composer_of
from seedsweep.errors import ConfigError, masked

TRACKING = {"uri", "sweep", "labels"}  # the keys by which an application says that its runs are tracked by seedsweep


def is_tracked(config: DictConfig) -> bool:
    """Whether the application's runs are tracked by seedsweep."""
    tracking = config.get("tracking")
    return OmegaConf.is_dict(tracking) and set(tracking) >= TRACKING


def sweep_name(config: DictConfig) -> str:
    """What a sweep is called: the primary config if it is not the usual one, and what was typed."""
    return " ".join([*_application(config), *_typed(config)]) or "sweep"


def search_name(config: DictConfig) -> str:
    """What a search is called, in whichever order its words were typed: it is the same one."""
    return " ".join([*_application(config), *sorted(_typed(config))]) or "search"


def _application(config: DictConfig) -> list[str]:
    name = config.hydra.job.config_name
    return [] if name == "config" else [name]


def _typed(config: DictConfig) -> list[str]:
    typed: list[str] = OmegaConf.to_container(config.hydra.overrides.task)  # type: ignore[assignment]
    return [word for word in filter_overrides(typed) if not word.startswith("compare=")]


def sweep_folder(config: DictConfig) -> Path:
    """The folder of a sweep, made, with the configuration that it started with."""
    folder = Path(config.hydra.sweep.dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "multirun.yaml").write_text(masked(OmegaConf.to_yaml(config)))
    except OSError as error:
        raise ConfigError("hydra.sweep.dir", folder, f"cannot be written: {error}") from error
    return folder


def compose_jobs(loader: ConfigLoader, config: DictConfig) -> Callable[[Sequence[str], int], Composed]:
    """What makes the configuration of a job, as its task will see it, of its overrides and its number."""

    def compose(overrides: Sequence[str], number: int) -> Any:
        composer = composer_of(loader, config)
        try:
            return composer.compose(overrides, number)
        except InterpolationToMissingValueError:
            whole = composer.full(overrides, number)
            with open_dict(whole):
                del whole["hydra"]
            resolve(whole)  # says which value is missing
            raise

    return compose
