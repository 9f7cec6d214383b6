"""A sweep by Hydra's own sweepers and launchers, called from Python: nothing is typed, and nothing is printed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from threading import RLock
from typing import Any

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seedsweep.api.keywords import GROUPS, overrides_of, written
from seedsweep.config.all_options import with_all_options
from seedsweep.config.composition_errors import explained
from seedsweep.config.files_read_once import read_files_once
from seedsweep.config.home import shipped
from seedsweep.config.overrides import as_typed
from seedsweep.config.params import leaves
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.run_one import run
from seedsweep.tracking.sweep_writer import SweepRecord

ALONE = RLock()  # as there is one Hydra in a process
NEEDS_STORE = "the results of a sweep are read from its store: it needs one"
QUIET = (
    "hydra.mode=MULTIRUN",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
    "hydra.output_subdir=null",
    "compare=null",
)


def composed(overrides: Sequence[str]) -> DictConfig:
    """The configuration that a sweep starts from.

    Args:
        overrides: as they are typed.

    Returns:
        It, with its `hydra` node.

    Raises:
        ConfigError: Hydra cannot compose it.
    """
    with _hydra() as hydra:
        return _compose(hydra, overrides)


def _keys_of(config: DictConfig) -> list[str]:
    """The dotted keys that a configuration has, but for those of `hydra`."""
    plain: Any = OmegaConf.to_container(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))
    return [key for key, _ in leaves(plain)]


def typed(overrides: Sequence[str], keywords: Mapping[str, Any]) -> list[str]:
    """Keywords as overrides: first the groups, whose first options say which other keys there are.

    Args:
        overrides: that stand before them.
        keywords: as `seedsweep.sweep` takes them.

    Returns:
        As they are typed.

    Raises:
        ConfigError: there is no such key, or a value cannot be typed.
    """
    groups = {name: value for name, value in keywords.items() if name in GROUPS}
    others = {name: value for name, value in keywords.items() if name not in GROUPS}
    choices = overrides_of(groups, ())
    keys = _keys_of(composed([*overrides, *(choice.split(",")[0] for choice in choices)])) if others else ()
    return [*choices, *overrides_of(others, keys)]


def run_sweep(overrides: Sequence[str]) -> SweepRecord:
    """Run a sweep, or a search.

    Args:
        overrides: as they are typed.

    Returns:
        Its record in the store.

    Raises:
        ConfigError: a value is not allowed, or the sweep would not be recorded; nothing was trained.
        FailedRunsError: some runs raised; the others are recorded.
        SystemExit: it was interrupted; what had finished is recorded.
    """
    with _hydra() as hydra, TemporaryDirectory() as folder:
        config = _compose(hydra, overrides, f"hydra.sweep.dir={written(folder)}")
        if config.tracking.uri is None:
            raise ConfigError("tracking.uri", None, NEEDS_STORE)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=_no_callbacks())
        sweeper = Plugins.instance().instantiate_sweeper(config=config, hydra_context=context, task_function=run)
        if not hasattr(sweeper, "record"):
            raise ConfigError("hydra/sweeper", type(sweeper).__name__, "records nothing; take grid or optuna")
        sweeper.sweep(as_typed(config.hydra.overrides.task))
        return sweeper.record  # type: ignore[no-any-return]


def _compose(hydra: Any, overrides: Sequence[str], *own: str) -> DictConfig:
    """The configuration of overrides, and of our own before them."""
    before = [*QUIET, *own]
    try:
        config: DictConfig = hydra.compose_config("config", [*before, *overrides], RunMode.MULTIRUN, from_shell=False)
        OmegaConf.to_container(config.tracking, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        if expanded := with_all_options(error, overrides):
            return _compose(hydra, expanded, *own)
        raise explained(error) or ConfigError("sweep", " ".join(overrides), str(error)) from error
    return config


@contextmanager
def _hydra() -> Iterator[Any]:
    """Hydra for the body, whatever Hydra application this may be called in; calls in several threads wait here."""
    with ALONE:
        application, its_config = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
        GlobalHydra.instance().hydra = None  # it refuses another one
        try:
            with initialize_config_dir(str(shipped("conf")), job_name="train", version_base="1.3"):
                read_files_once(GlobalHydra.instance().config_loader())
                yield GlobalHydra.instance().hydra
        finally:
            GlobalHydra.instance().hydra, HydraConfig.instance().cfg = application, its_config


def _no_callbacks() -> Any:
    from hydra._internal.callbacks import Callbacks

    return Callbacks()
