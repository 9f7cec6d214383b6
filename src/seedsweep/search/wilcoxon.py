"""A pruner that asks whether a trial is worse than the best so far over the same seeds, by Wilcoxon's test."""

import numpy as np
from optuna.pruners import BasePruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy import stats

from seedsweep.validation import check_integer, check_positive

SEEDS = "seedsweep.epoch."  # with the epoch, the user attribute of a trial with the values of its runs, by seed


class WilcoxonSeedsPruner(BasePruner):
    """Gives up a trial whose runs are worse than those of the best trial with the same seeds, after the same epoch.

    That is so where the one-sided signed-rank test has a p-value below `p_threshold`: with 4 seeds the smallest is
    1/16, with fewer than 4 none is below 0.1. Optuna's WilcoxonPruner takes steps for the problems that a trial is
    evaluated on, and would count the epochs of one run as so many; this one looks at one epoch at a time.
    """

    def __init__(self, p_threshold: float = 0.1, n_startup_trials: int = 2):
        check_positive("hydra.sweeper.pruner.p_threshold", p_threshold)
        check_integer("hydra.sweeper.pruner.n_startup_trials", n_startup_trials, 0)
        self.p_threshold, self.n_startup_trials = p_threshold, n_startup_trials

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial is worse, after its last reported epoch, than the best of those that came to their end."""
        finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(finished) < max(1, self.n_startup_trials):
            return False
        sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
        best = min(finished, key=lambda run: sign * run.values[0])
        name = f"{SEEDS}{trial.last_step}"
        ours, theirs = (np.array(run.user_attrs.get(name, ()), dtype=float) for run in (trial, best))
        if len(ours) != len(theirs) or not len(ours):
            return False
        worse = np.nan_to_num(sign * (ours - theirs), nan=0.0)  # nan: diverged in both
        return bool(worse.any() and stats.wilcoxon(worse, alternative="greater").pvalue < self.p_threshold)
