"""The search: rounds of trials, each trained with several seeds, until the studies have them all; the best again."""

import logging
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, SupportsFloat

from hydra.errors import HydraException
from optuna.trial import FrozenTrial, Trial, TrialState

from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError
from seedsweep.search.aggregate import Judge
from seedsweep.search.confirm import Confirmed, confirm, different
from seedsweep.search.pruning import Pruning
from seedsweep.search.shared_study import SharedStudy
from seedsweep.search.spaces import Searched, as_overrides, known_as

log = logging.getLogger(__name__)
RUNS = "seedsweep.runs"  # user attribute of a trial: the values of its runs by their jobs, of a study those confirming
Jobs = list[list[str]]  # the overrides of each
Ended = Sequence[Any]  # what each job returned, or the exception that ended it
Rounds = Generator[Jobs, Ended, list[Confirmed]]


@dataclass(frozen=True)
class Studied:
    """A study and what is searched in it: for one of several options, if any, and with its own seeds.

    Its trials are trained with each of the `seeds`; None for the job as it is.
    """

    study: SharedStudy
    searched: Searched
    option: str = ""
    seeds: Sequence[int] | None = None

    def jobs(self, trial: Trial | FrozenTrial, seeds: Sequence[int] | None = None) -> Jobs:
        """The jobs of a trial, one for each of its study's seeds, or of others."""
        overrides = as_overrides(trial.params, self.searched)
        seeds = self.seeds if seeds is None else seeds
        return [overrides] if seeds is None else [[*overrides, f"seed={seed}"] for seed in seeds]

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The trials in these states, or all; not to be changed."""
        return self.study.study.get_trials(deepcopy=False, states=states or None)


@dataclass
class Search:
    """How trials are trained: `n_jobs` of each study at a time, those of all studies together.

    More than the fraction `max_failure_rate` of failed trials in a round ends the search: of those that raise, or
    whose jobs `check` refuses. The best `confirm` of each
    study are trained again with the `fresh` seeds. What was trained once, here or before in these studies, is not
    trained again.
    """

    studies: Sequence[Studied]
    judge: Judge
    n_jobs: int
    max_failure_rate: float = 0.0
    confirm: int = 0
    fresh: Sequence[int] = ()
    pruning: Pruning | None = None
    metric: str = "value"  # what a job returns
    check: Callable[[Sequence[str]], object] = len  # raises what is wrong with a job

    def __post_init__(self) -> None:
        self._known: dict[str, Any] = {}
        self.recorded = -math.inf  # when the trials were last written, by the clock that only goes forward
        self.expected = len(self.studies) * self.confirm * len(self.fresh)  # runs, at most
        for studied in self.studies:
            studied.study.reap()
            self.expected += studied.study.left() * len(studied.seeds or [0])
            trials = studied.trials(TrialState.COMPLETE) if studied.seeds is not None else []
            for attrs in (*(trial.user_attrs for trial in trials), studied.study.study.user_attrs):
                self._known |= attrs.get(RUNS, {})

    def labels(self, jobs: Jobs) -> list[str]:
        """The keys that tell trials apart, as far as these jobs show."""
        given = [set(studied.searched.fixed.items()) for studied in self.studies]
        fixed = {_bare(key) for key, _ in set.intersection(*given)}
        keys = [_bare(text) for job in jobs for text in job]
        for studied in self.studies:  # some of which may have no job in this round
            keys += map(_bare, (*studied.searched.space, *(key for trial in studied.trials() for key in trial.params)))
        return [key for key in dict.fromkeys(keys) if key not in fixed]

    def rounds(self) -> Rounds:
        """The jobs of each round, for what became of them; in the end the confirmed trials, the best first."""
        while trials := [(studied, trial) for studied in self.studies for trial in studied.study.ask(self.n_jobs)]:
            jobs = [studied.jobs(trial) for studied, trial in trials]
            if self.pruning:
                self.pruning.begin(dict(zip([trial for _, trial in trials], jobs, strict=True)))
            ended = yield from self._trained(jobs, again=trials[0][0].seeds is None)
            told = [self._tell(*each, runs) for each, runs in zip(trials, ended, strict=True)]
            errors = [error for error in told if error]
            if len(errors) / len(trials) > self.max_failure_rate:
                raise errors[0]
        return (yield from self._confirmed()) if self.confirm and self.fresh else []

    def _trained(self, trials: Sequence[Jobs], again: bool = False) -> Generator[Jobs, Ended, list[dict[str, Any]]]:
        """What became of the jobs of each trial, of which those are launched that are not known, or all `again`."""
        new = {known_as(job): job for jobs in trials for job in jobs if known_as(job) not in self._known}
        ended: dict[str, Any] = {key: error for key, job in new.items() if (error := self._wrong(job))}
        new = {key: job for key, job in new.items() if key not in ended}
        ended |= dict(zip(new, (yield list(new.values())), strict=True)) if new else {}
        if not again:  # with seeds, the same job gives the same
            pruned = self.pruning.left if self.pruning else set()
            self._known |= {
                job: value for job, value in ended.items() if not isinstance(value, Exception) and job not in pruned
            }
        found = self._known | ended
        return [{known_as(job): found[known_as(job)] for job in jobs} for jobs in trials]

    def _wrong(self, job: Sequence[str]) -> Exception | None:
        try:
            self.check(job)
        except (HydraException, ConfigError) as error:
            return error
        return None

    def _tell(self, studied: Studied, trial: Trial, ended: Mapping[str, Any]) -> Exception | None:
        """Tell the study what the runs of a trial gave; the error if it failed."""
        if self.pruning and (trial in self.pruning.pruned or self.pruning.left & ended.keys()):
            studied.study.tell(trial, None, TrialState.PRUNED)  # with what was reported last
            return None
        error = next((run for run in ended.values() if isinstance(run, Exception)), None)
        try:
            runs = [] if error else [_values(run, len(self.judge.signs)) for run in ended.values()]
            if studied.seeds is None and any(map(math.isnan, chain(*runs))):
                raise ValueError("the return value is not a number")
        except ValueError as wrong:
            error = wrong
        if error:
            studied.study.tell(trial, None, TrialState.FAIL, {"error": f"{type(error).__name__}: {error}"})
            log.warning("trial %d failed: %s: %s", trial.number, type(error).__name__, error)
            return error
        values = runs[0] if studied.seeds is None else self.judge.value(runs)
        if not studied.study.tell(trial, values, TrialState.COMPLETE, {RUNS: _kept(ended, runs)}):
            log.warning("trial %d was taken to be lost, and its result came too late", trial.number)
        return None

    def _confirmed(self) -> Rounds:
        """The best trials of each study again, with fresh seeds."""
        if self.pruning:
            self.pruning.begin({})
        best = [(studied, trial) for studied in self.studies for trial in self._best(studied)]
        ended = yield from self._trained([studied.jobs(trial, self.fresh) for studied, trial in best])
        found = []
        for (studied, trial), runs in zip(best, ended, strict=True):
            kept = {job: float(value) for job, value in runs.items() if isinstance(value, SupportsFloat)}
            known = studied.study.study.user_attrs.get(RUNS, {})
            if not kept.keys() <= known.keys():
                studied.study.study.set_user_attr(RUNS, known | kept)
            values = [kept.get(job, math.nan) for job in runs]
            found.append(confirm(studied.study.study.study_name, studied.option, trial, values, self.judge))
        return sorted(found, key=lambda each: self.judge.signs[0] * each.value)

    def _best(self, studied: Studied) -> list[FrozenTrial]:
        """The best of a study's trials that came to their end and are not alike, then the best of the others."""
        ranked = sorted(studied.trials(TrialState.COMPLETE), key=lambda trial: self.judge.signs[0] * trial.values[0])
        settings = {repr(sorted(trial.params.items())): trial for trial in reversed(ranked)}
        return different(sorted(settings.values(), key=ranked.index), self.confirm)


def _kept(ended: Mapping[str, Any], runs: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The values of runs by their jobs, as JSON has them."""
    return {job: values[0] if len(values) == 1 else list(values) for job, values in zip(ended, runs, strict=True)}


def _bare(override: str) -> str:
    return parse_override(override).key


def _values(returned: Any, objectives: int) -> list[float]:
    """What a job returned, as numbers, one for each objective; raises `ValueError` with what it should be."""
    try:
        values = [float(each) for each in returned] if objectives > 1 else [float(returned)]
    except (TypeError, ValueError):
        expected = f"a list of {objectives} numbers" if objectives > 1 else "a number"
        raise ValueError(f"the return value must be {expected}, not {returned!r}") from None
    if len(values) != objectives:
        raise ValueError(f"the number of values must be that of the directions, {objectives}, not {len(values)}")
    return values
