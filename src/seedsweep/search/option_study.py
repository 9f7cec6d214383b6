"""The study of one option, with the space that it searches and the seeds of its runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, Trial, TrialState

from seedsweep.search.shared_study import SharedStudy
from seedsweep.search.spaces import SearchSpace, as_overrides

Jobs = list[list[str]]  # the overrides of each


@dataclass(frozen=True)
class OptionStudy:
    """A study and the space that it searches: for one of several options, if any, and with seeds of its own.

    Its trials are trained with each of the `seeds`; None for the job as it is.
    """

    shared: SharedStudy
    space: SearchSpace
    option: str = ""
    seeds: Sequence[int] | None = None

    @property
    def name(self) -> str:
        """Of the study in its storage."""
        return self.shared.study.study_name

    def jobs(self, trial: Trial | FrozenTrial, seeds: Sequence[int] | None = None) -> Jobs:
        """The jobs of a trial: one for each of these seeds, by default its study's."""
        overrides = as_overrides(trial.params, self.space)
        seeds = self.seeds if seeds is None else seeds
        return [overrides] if seeds is None else [[*overrides, f"seed={seed}"] for seed in seeds]

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The trials in these states, or all; not to be changed."""
        return self.shared.study.get_trials(deepcopy=False, states=states or None)
