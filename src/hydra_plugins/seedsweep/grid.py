"""`hydra/sweeper=grid`: every combination of the overrides, as a sweep that is planned, checked and recorded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from seedsweep import plugin


@dataclass
class GridSweeperConf(BasicSweeperConf):
    """Hydra's basic sweeper's keys: `max_batch_size` jobs launched at once, `params` swept besides the command's."""

    _target_: str = "hydra_plugins.seedsweep.grid.GridSweeper"
    params: dict[str, str] | None = field(default_factory=dict)  # so that +hydra.sweeper.params.KEY=VALUE adds one


ConfigStore.instance().store(group="hydra/sweeper", name="grid", node=GridSweeperConf, provider="seedsweep")


class GridSweeper(BasicSweeper):
    """Hydra's basic sweeper, which plans, records and compares the sweeps of applications that seedsweep tracks."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.task_function = task_function
        self.record: Any = None  # what the store has of the sweep

    def sweep(self, arguments: list[str]) -> Sequence[Sequence[JobReturn]]:
        assert self.config is not None
        if not plugin.is_tracked(self.config):
            return super().sweep(arguments)  # type: ignore[no-any-return]
        with plugin.shown_by_hydra():
            return self._sweep(arguments)

    def jobs(self, arguments: list[str]) -> Sequence[list[str]]:
        """The overrides of each combination, made when they are looked at."""
        assert self.hydra_context is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        for override in overrides:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                value = override.get_value_string()
                raise plugin.ConfigError(override.key_or_group, value, "a grid needs values: 0.01,0.1 or range(…)")
        values = list({override.get_key_element(): self._values(override) for override in overrides}.values())
        return plugin.LazySequence(math.prod(map(len, values)), partial(_combination, values))

    def _sweep(self, arguments: list[str]) -> Sequence[Sequence[JobReturn]]:
        assert self.config is not None
        assert self.hydra_context is not None
        assert self.launcher is not None
        if self.max_batch_size is not None and self.max_batch_size < 1:
            raise plugin.ConfigError("hydra.sweeper.max_batch_size", self.max_batch_size, "must be at least 1")
        jobs = self.jobs(arguments)
        folder = plugin.sweep_folder(self.config)
        compose = plugin.compose_jobs(self.hydra_context.config_loader, self.config)
        with plugin.open_sweep(plugin.sweep_name(self.config), jobs, compose, folder) as sweep:
            self.record = sweep.record
            task = sweep.member(self.task_function)
            self.launcher.setup(hydra_context=self.hydra_context, task_function=task, config=self.config)
            with plugin.workers_of(self.launcher):
                for first, launched in sweep.rounds(jobs, self.max_batch_size):
                    sweep.returns.append(self.launcher.launch(launched, initial_job_idx=first))
        return sweep.returns

    def _values(self, override: Override) -> list[str]:
        """What an override stands for, as Hydra's basic sweeper reads it."""
        return [value for batch in self.split_arguments([override], None) for (value,) in batch]


def _combination(values: Sequence[Sequence[str]], index: int) -> list[str]:
    """The combination of one value of each key that has this index where the last key varies fastest."""
    combination = []
    for options in reversed(values):
        index, position = divmod(index, len(options))
        combination.append(options[position])
    return combination[::-1]
