"""Which runs leave at the end of an epoch, since Optuna's pruner gives up their trial."""

from collections.abc import Mapping, Sequence

import numpy as np
from optuna.trial import Trial

from seedsweep.config.composing import Composed
from seedsweep.outcomes import STOPPED_EPOCH, Column
from seedsweep.search.aggregate import Aggregate
from seedsweep.search.spaces import job_id
from seedsweep.search.wilcoxon import SEEDS


class Pruning:
    """Reports the value of each trial of a round after every epoch, and knows which of them were given up.

    The value of a trial is the aggregate of those of its runs that train together. Where they train in several fleets,
    or one by one, the first to come to the end of an epoch reports it; the other runs leave, too, once the trial is
    given up. With `by_seed`, the values of its runs are kept besides, for a pruner that compares them one by one.
    """

    def __init__(self, metric: str, aggregate: Aggregate, by_seed: bool = False):
        self.metric, self.aggregate, self.by_seed = metric, aggregate, by_seed
        self.begin({})

    def begin(self, trials: Mapping[Trial, Sequence[Sequence[str]]]) -> None:
        """Forget the last round; the trials of this one have these jobs, by their overrides."""
        self.trials: dict[str, list[Trial]] = {}  # by job: a choice may be suggested twice in a round
        for trial, jobs in trials.items():
            for job in jobs:
                self.trials.setdefault(job_id(job), []).append(trial)
        self.pruned: set[Trial] = set()
        self.pruned_jobs: set[str] = set()  # the ids of those that did not come to their end
        self._stopped: dict[str, float] = {}  # the last values of runs that stopped early, by the ids of their jobs
        self._reported: set[tuple[Trial, int]] = set()  # with the epoch

    def __call__(self, jobs: Sequence[Composed], columns: Sequence[Column]) -> list[int]:
        """The indices in `jobs`, the members of a fleet, of those that end here, by the columns of an epoch."""
        measured = [column for column in columns if column.metric == self.metric]
        if not measured or not self.trials:
            return []
        newest = measured[-1]
        values = dict(zip(newest.members.tolist(), newest.values.tolist(), strict=True))
        for column in columns:
            if column.metric == STOPPED_EPOCH:
                self._stopped |= {job_id(jobs[index].overrides): values[index] for index in column.members.tolist()}
        leaving: set[int] = set()
        for trial, indices in self._indices(jobs).items():
            in_training = [index for index in indices if index in values]
            # what is measured no more, and did not stop early, has diverged
            runs = [[values.get(index, self._stopped.get(job_id(jobs[index].overrides), np.inf))] for index in indices]
            is_over = all(jobs[index].config["trainer"]["max_epochs"] == newest.epoch + 1 for index in in_training)
            if in_training and self._gives_up(trial, runs, newest.epoch + 1, is_over):
                leaving |= set(indices)
        self.pruned_jobs |= {job_id(jobs[index].overrides) for index in leaving} - set(self._stopped)
        return sorted(leaving)

    def _indices(self, jobs: Sequence[Composed]) -> dict[Trial, list[int]]:
        indices: dict[Trial, list[int]] = {}
        for index, job in enumerate(jobs):
            for trial in self.trials.get(job_id(job.overrides), ()):
                indices.setdefault(trial, []).append(index)
        return indices

    def _gives_up(self, trial: Trial, runs: Sequence[Sequence[float]], epoch: int, is_over: bool) -> bool:
        if (trial, epoch) in self._reported:
            return trial in self.pruned
        self._reported.add((trial, epoch))
        (value,) = self.aggregate.value(runs)
        if self.by_seed:
            trial.set_user_attr(f"{SEEDS}{epoch}", [run[0] for run in runs])
        trial.report(value, epoch)
        if not is_over and trial.should_prune():
            self.pruned.add(trial)
        return trial in self.pruned
