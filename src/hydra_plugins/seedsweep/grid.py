"""`hydra/sweeper=grid`: every combination of the overrides, as a sweep that is planned, checked and recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, filter_overrides
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import InterpolationToMissingValueError

import seedsweep


@dataclass
class GridSweeperConf(BasicSweeperConf):
    """Hydra's basic sweeper's keys: `max_batch_size` jobs launched at once, `params` swept besides the command's."""

    _target_: str = "hydra_plugins.seedsweep.grid.GridSweeper"


ConfigStore.instance().store(group="hydra/sweeper", name="grid", node=GridSweeperConf, provider="seedsweep")


TRACKING = {"uri", "sweep", "labels"}  # the keys by which an application says that its runs are tracked by seedsweep


class GridSweeper(BasicSweeper):
    """Hydra's basic sweeper with the life of a sweep around it; the same as it for other applications' configs."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.task_function = task_function

    def sweep(self, arguments: list[str]) -> Sequence[Sequence[JobReturn]]:
        assert self.config is not None
        assert self.hydra_context is not None
        assert self.launcher is not None
        tracking = self.config.get("tracking")
        if not OmegaConf.is_dict(tracking) or not set(tracking) >= TRACKING:
            return super().sweep(arguments)  # type: ignore[no-any-return]
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        for override in overrides:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                value = str(override.input_line).split("=", 1)[-1]
                raise seedsweep.ConfigError(override.key_or_group, value, "a grid needs values: 0.01,0.1 or range(…)")
        if self.max_batch_size is not None and self.max_batch_size < 1:
            raise seedsweep.ConfigError("hydra.sweeper.max_batch_size", self.max_batch_size, "must be at least 1")
        batches = self.split_arguments(overrides, self.max_batch_size)
        jobs = [job for batch in batches for job in batch]
        folder = Path(self.config.hydra.sweep.dir)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "multirun.yaml").write_text(seedsweep.masked(OmegaConf.to_yaml(self.config)))
        except OSError as error:
            raise seedsweep.ConfigError("hydra.sweep.dir", folder, f"cannot be written: {error}") from error
        with seedsweep.open_sweep(self._name(), jobs, self._compose, folder) as sweep:
            task = sweep.member(self.task_function)
            self.launcher.setup(hydra_context=self.hydra_context, task_function=task, config=self.config)
            launched = 0
            for batch in batches:
                sweep.returns.append(self.launcher.launch(batch, initial_job_idx=launched))
                launched += len(batch)
        return sweep.returns

    def _name(self) -> str:
        assert self.config is not None
        name = self.config.hydra.job.config_name
        typed: list[str] = OmegaConf.to_container(self.config.hydra.overrides.task)  # type: ignore[assignment]
        words = [word for word in filter_overrides(typed) if not word.startswith("compare=")]
        return " ".join([*([] if name == "config" else [name]), *words]) or "sweep"

    def _compose(self, overrides: Sequence[str], number: int) -> Any:
        """The configuration of one job, as its task will see it."""
        assert self.hydra_context is not None
        assert self.config is not None
        composer = seedsweep.composer_of(self.hydra_context.config_loader, self.config)
        try:
            return composer.compose(overrides, number)
        except InterpolationToMissingValueError:
            config = composer.full(overrides, number)
            with open_dict(config):
                del config["hydra"]
            seedsweep.resolve(config)  # says which value is missing
            raise
