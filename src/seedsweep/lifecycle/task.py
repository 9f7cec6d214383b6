"""What a sweep's jobs run: the application's task, told which sweep it belongs to."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from seedsweep.config.application import BatchedTask
from seedsweep.config.composing import Composed
from seedsweep.config.detail import RUNS
from seedsweep.config.lazy_sequence import LazySequence
from seedsweep.lifecycle.progress import advance
from seedsweep.lifecycle.training import PruneJobs
from seedsweep.lifecycle.workers.orphans import end_with
from seedsweep.tracking.processes import Owner, this_process

Task = Callable[[DictConfig], Any]


@dataclass
class SweepTask:
    """The task of a job of the sweep with this run id; it travels to the job's process.

    `labels` are the keys that tell the sweep's runs apart, `progress` is the file of its bar, and `prune` ends runs of
    a fleet. `detail` is that in which the sweep is recorded. `numbers` are the jobs' in the plan by those that they
    were launched with; where it has none they are alike. `owner` is the sweep's process, with which those of its jobs
    end.
    """

    task: Task
    sweep: str | None
    labels: tuple[str, ...]
    progress: Path
    prune: PruneJobs | None = None
    detail: str = RUNS
    numbers: "array[int]" = field(default_factory=lambda: array("q"))
    owner: Owner = field(default_factory=this_process)

    def __call__(self, config: DictConfig) -> Any:
        end_with(self.owner)
        config.tracking.sweep = self.sweep
        config.tracking.labels = list(self.labels)
        with open_dict(config.tracking):
            config.tracking.detail = self.detail
            config.tracking.job = self._number(HydraConfig.get().job.num)
        try:
            return self.task(config)
        finally:
            advance(self.progress, config.trainer.max_epochs)

    def _number(self, launched: int) -> int:
        return self.numbers[launched] if launched < len(self.numbers) else launched

    def batched(self, task: BatchedTask) -> Callable[[Sequence[Composed]], Sequence[Any]]:
        """The batched form of the task, as the jobs of this sweep have to run it."""

        def run(jobs: Sequence[Composed]) -> Sequence[Any]:
            own = {"sweep": self.sweep, "labels": list(self.labels), "detail": self.detail}
            tracking = jobs[0].config["tracking"] | own

            def of_sweep(index: int) -> Composed:
                job = jobs[index]  # composed whenever it is looked at
                return replace(job, number=self._number(job.number), config=job.config | {"tracking": tracking})

            pruning = {"prune": self.prune} if self.prune else {}
            return task(LazySequence(len(jobs), of_sweep), partial(advance, self.progress), **pruning)

        return run
