"""`hydra/sweeper=grid`: every combination of the overrides, as a sweep that is planned, checked and recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, filter_overrides
from omegaconf import DictConfig, OmegaConf, open_dict

import seedsweep


@dataclass
class GridSweeperConf(BasicSweeperConf):
    """Hydra's basic sweeper's keys: `max_batch_size` jobs launched at once, `params` swept besides the command's."""

    _target_: str = "hydra_plugins.seedsweep.grid.GridSweeper"


ConfigStore.instance().store(group="hydra/sweeper", name="grid", node=GridSweeperConf, provider="seedsweep")


class GridSweeper(BasicSweeper):
    """Hydra's basic sweeper with the life of a sweep around it; the same as it for other applications' configs."""

    def sweep(self, arguments: list[str]) -> Sequence[Sequence[JobReturn]]:
        assert self.config is not None
        assert self.hydra_context is not None
        assert self.launcher is not None
        if "tracking" not in self.config:
            return super().sweep(arguments)  # type: ignore[no-any-return]
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        batches = self.split_arguments(overrides, self.max_batch_size)
        jobs = [job for batch in batches for job in batch]
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        returns = []
        with seedsweep.open_sweep(self._name(), jobs, self._compose, folder) as sweep:
            task = sweep.member(self.launcher.task_function)
            self.launcher.setup(hydra_context=self.hydra_context, task_function=task, config=self.config)
            for batch in batches:
                returns.append(self.launcher.launch(batch, initial_job_idx=len(sweep.results)))
                sweep.results += returns[-1]
        return returns

    def _name(self) -> str:
        assert self.config is not None
        name = self.config.hydra.job.config_name
        words = filter_overrides(self.config.hydra.overrides.task)
        return " ".join([*([] if name == "config" else [name]), *words]) or "sweep"

    def _compose(self, number: int, overrides: Sequence[str]) -> DictConfig:
        """The configuration of one job, as its task will see it."""
        assert self.hydra_context is not None
        config: Any = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
            HydraConfig.instance().set_config(config.copy())
            del config["hydra"]
        return config
