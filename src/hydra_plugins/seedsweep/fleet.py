"""`hydra/launcher=fleet`: the jobs of a sweep trained together, or job by job for applications that cannot."""

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus, _save_config, configure_log, env_override, setup_globals
from hydra.types import HydraContext, TaskFunction
from hydra.utils import get_method
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError

from hydra_plugins.seedsweep import workers as _  # noqa: F401  its options, which Hydra 1.4 does not look for
from seedsweep import plugin

log = logging.getLogger("seedsweep.launcher")
JOBS = "jobs.jsonl"


@dataclass
class FleetLauncherConf:
    """Keys of the launcher.

    `batched` is the dotted path of the batched form of the task function, a `seedsweep.plugin.BatchedTask`, by default
    what stands under `batched` in the application's own configuration. Without one, jobs are run one by one, as by
    Hydra's basic launcher. `job_dirs` has each job's folder written as Hydra does, besides one file for all. `workers`
    are those of `workers.py` beside this file.
    """

    _target_: str = "hydra_plugins.seedsweep.fleet.FleetLauncher"
    defaults: list[Any] = field(default_factory=lambda: [{"workers": "none"}])
    batched: str | None = "${oc.select:batched,null}"
    job_dirs: bool = False
    workers: Any = MISSING


ConfigStore.instance().store(group="hydra/launcher", name="fleet", node=FleetLauncherConf, provider="seedsweep")


class FleetLauncher(BasicLauncher):
    """Hydra's basic launcher, with the jobs of a batch given to one function where the application has such."""

    def __init__(self, batched: str | None = None, job_dirs: bool = False, workers: Any = None):
        super().__init__()
        self.batched, self.job_dirs = batched, job_dirs
        keys: Any = OmegaConf.to_container(workers, resolve=True) if OmegaConf.is_config(workers) else workers
        self.workers = keys or {"kind": "none"}
        self._of_sweep = False
        self._on_workers: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        if self.batched is not None and "." not in self.batched:
            self.batched = None  # an application's own word, that has nothing to do with this one
        with plugin.shown_by_hydra():
            self._check_workers(config)
        if self.batched is None:
            return
        try:
            self._run_all: plugin.BatchedTask = get_method(self.batched)
        except (ImportError, ValueError) as error:
            with plugin.shown_by_hydra():
                raise plugin.ConfigError("hydra.launcher.batched", self.batched, str(error)) from error
        if self._has_workers():
            with plugin.shown_by_hydra():
                environment = {str(key): str(value) for key, value in config.hydra.job.env_set.items()}
                self._run_all = self._on_workers = plugin.on_workers(self._run_all, self.workers, environment)
        if of_sweep := getattr(task_function, "batched", None):  # it tells its jobs what they belong to
            self._run_all = of_sweep(self._run_all)
            self._of_sweep = True

    def _check_workers(self, config: DictConfig) -> None:
        """Raise `ConfigError` if there are to be workers, and the jobs are such as Hydra runs itself."""
        hydra, key = config.hydra, "hydra/launcher/workers"
        if not self._has_workers():
            return
        if self.batched is None:
            raise plugin.ConfigError(key, self._kind(), "trains what seedsweep.run_all trains, and no other")
        if hydra.job.chdir:
            allowed = "cannot be with hydra.job.chdir=true, which has jobs run by this process"
            raise plugin.ConfigError(key, self._kind(), allowed)

    def _kind(self) -> Any:
        return self.workers["kind"] if isinstance(self.workers, dict) else self.workers

    def _has_workers(self) -> bool:
        return bool(self._kind() != "none")

    def close(self) -> None:
        """End the workers, which stay from one launch to the next."""
        if self._on_workers is not None:
            self._on_workers.close()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        assert self.config is not None
        hydra = self.config.hydra
        chdir = not version.base_at_least("1.2") if hydra.job.chdir is None else hydra.job.chdir
        if self.batched is None or chdir:  # which wants jobs as Hydra runs them
            return super().launch(job_overrides, initial_job_idx)
        setup_globals()
        configure_log(hydra.hydra_logging, hydra.verbose)
        with plugin.shown_by_hydra():
            return self._launch_together(job_overrides, initial_job_idx) if job_overrides else []

    def _launch_together(self, job_overrides: Sequence[Sequence[str]], first: int) -> Sequence[JobReturn]:
        assert self.config is not None
        assert self.hydra_context is not None
        composer = plugin.composer_of(self.hydra_context.config_loader, self.config)
        jobs = composer.jobs(job_overrides, first)
        try:
            self._save(composer, jobs, first)
        except InterpolationToMissingValueError as error:
            log.warning("the jobs are run one by one: %s", error)
            return super().launch(job_overrides, first)
        with env_override(self.config.hydra.job.env_set):
            self._call_back(composer, jobs)
            values = list(self._run_all(jobs if self._of_sweep else list(jobs)))
        if len(values) != len(jobs):
            count = f"{len(values)} values for {len(jobs)} jobs"
            raise ValueError(f"hydra.launcher.batched={self.batched} gave {count}")
        shared = {"working_dir": str(Path.cwd()), "task_name": self.config.hydra.job.name}

        def job_return(index: int) -> JobReturn:
            return _Return(composer, first + index, job_overrides[index], values[index], shared)

        returns = plugin.LazySequence(len(values), job_return)
        with env_override(self.config.hydra.job.env_set):
            self._call_back(composer, jobs, returns)
        return returns

    def _call_back(self, composer: Any, jobs: Sequence[Any], returns: Sequence[JobReturn] | None = None) -> None:
        """Call the application's callbacks for the start of each job, or for its end where it has returned."""
        assert self.config is not None
        assert self.hydra_context is not None
        assert self.task_function is not None
        callbacks = self.hydra_context.callbacks
        for index, job in enumerate(jobs if self.config.hydra.get("callbacks") else ()):
            config = composer.full(job.overrides, job.number)
            with plugin.current_in_hydra(config):
                if returns is None:
                    callbacks.on_job_start(config=config, task_function=self.task_function)
                else:
                    callbacks.on_job_end(config=config, job_return=returns[index])

    def _save(self, composer: Any, jobs: Sequence[Any], first: int) -> None:
        """Compose all jobs; write what `.hydra` folders hold, in one file of a line a job, or the folders."""
        assert self.config is not None
        start = time.perf_counter()
        folder, below = Path(self.config.hydra.sweep.dir), self.config.hydra.output_subdir
        has_folders = below and (self.job_dirs or self.config.hydra.get("callbacks"))
        folder.mkdir(parents=True, exist_ok=True)
        with (
            (folder / JOBS if below else Path(os.devnull)).open("a" if first else "w") as file,
            plugin.collector_paused(),
        ):
            before = file.tell()
            try:
                for job in jobs:
                    if below:
                        line = {"job": job.number, "overrides": job.overrides, "config": job.config}
                        file.write(plugin.masked(_json(line)) + "\n")
                    if has_folders:
                        self._save_folder(composer.full(job.overrides, job.number), below)
            except InterpolationToMissingValueError:
                file.truncate(before)
                raise
        log.debug("composing: %.2f s", time.perf_counter() - start)

    def _save_folder(self, config: DictConfig, below: str) -> None:
        output = Path(config.hydra.runtime.output_dir) / below
        _save_config(_without_hydra(config), "config.yaml", output)
        _save_config(OmegaConf.masked_copy(config, "hydra"), "hydra.yaml", output)
        _save_config(config.hydra.overrides.task, "overrides.yaml", output)
        plugin.mask_files(output)


def _without_hydra(config: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def _json(line: Any) -> str:
    try:
        return json.dumps(line)
    except TypeError:  # an application's own types, which OmegaConf keeps: enums, paths, bytes
        return json.dumps(_plain(line))


def _plain(value: Any) -> Any:
    """The value as OmegaConf writes it."""
    if isinstance(value, Mapping):
        return {key.name if isinstance(key, Enum) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    return value if isinstance(value, bool | int | float | None) else str(value)


class _Return(JobReturn):
    """What a job returned; its configuration is composed when somebody asks for it, which hardly anybody does."""

    def __init__(self, composer: Any, number: int, overrides: Sequence[str], value: Any, shared: Mapping[str, Any]):
        self._composer, self._number = composer, number
        status = JobStatus.FAILED if isinstance(value, Exception) else JobStatus.COMPLETED
        super().__init__(list(overrides), status=status, **shared)
        self._return_value = plugin.hydra_error(value) if isinstance(value, Exception) else value

    def __getattribute__(self, name: str) -> Any:
        if name == "cfg":
            return _without_hydra(self._full)
        if name == "hydra_cfg":
            return OmegaConf.masked_copy(self._full, "hydra")
        return super().__getattribute__(name)

    @cached_property
    def _full(self) -> DictConfig:
        config: DictConfig = self._composer.full(self.overrides, self._number)
        return config
