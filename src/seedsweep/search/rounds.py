"""The search: rounds of trials, each trained with several seeds, until the studies have them all; the best again."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, SupportsFloat

from hydra.errors import HydraException
from optuna.trial import FrozenTrial, Trial, TrialState

from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError
from seedsweep.search.aggregate import Aggregate
from seedsweep.search.confirm import Confirmation, different
from seedsweep.search.finalists import Finalists
from seedsweep.search.option_study import Jobs, OptionStudy
from seedsweep.search.pruning import Pruning
from seedsweep.search.spaces import job_id
from seedsweep.search.storages import confirming

log = logging.getLogger(__name__)
RUNS = "seedsweep.runs"  # user attribute of a trial: the values of its runs by their jobs, of a study those confirming


@dataclass
class Round:
    """Trials that are trained together, with the jobs of each; the last rounds of a search confirm the best.

    `results` are what jobs returned, or the exception that ended them, by the id of the job: at first those whose
    job cannot be run. `launched` are the others that were not trained before.
    """

    trials: list[tuple[OptionStudy, Any]]
    jobs: list[Jobs]
    confirms: bool = False
    results: dict[str, Any] = field(default_factory=dict)
    launched: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Search:
    """Asks its studies for the trials of each round, and tells them what came of the jobs.

    `n_jobs` trials of each study are in a round, those of all studies together. More than the fraction
    `max_failure_rate` of failed trials in a round ends the search: of those that raise, or whose jobs `check` refuses.
    The best `confirm` trials of each study are trained again with the `fresh` seeds; with the first `confirm_first` of
    them, where that is given, and then with more until it is sure which wins. What was trained once, here or before in
    these studies, is not trained again.
    """

    studies: Sequence[OptionStudy]
    aggregate: Aggregate
    n_jobs: int
    max_failure_rate: float = 0.0
    confirm: int = 0
    fresh: Sequence[int] = ()
    confirm_first: int | None = None
    pruning: Pruning | None = None
    metric: str = "value"  # what a job returns
    check: Callable[[Sequence[str]], object] = len  # raises what is wrong with a job

    def __post_init__(self) -> None:
        self.confirmations: list[Confirmation] = []  # the best first
        self.recorded = -math.inf  # when the trials were last written, by the clock that only goes forward
        self.expected = len(self.studies) * self.confirm * len(self.fresh)  # runs, at most
        self._trained: dict[str, Any] = {}  # what jobs returned, by their ids
        self._round: Round | None = None  # whose jobs were asked for, and not told
        self.finalists: Finalists | None = None  # once it confirms
        self._alone = ExitStack()  # while it confirms
        for study in self.studies:
            study.shared.reap()
            self.expected += study.shared.missing() * len(study.seeds or [0])
            trials = study.trials(TrialState.COMPLETE) if study.seeds is not None else []
            for attributes in (*(trial.user_attrs for trial in trials), study.shared.study.user_attrs):
                self._trained |= attributes.get(RUNS, {})

    def ask(self) -> Jobs:
        """The jobs of the next round; none when the search is over, and its `confirmations` are complete.

        Returns:
            The overrides of each job that has to be launched: what was trained before is told to the studies at once.

        Raises:
            Exception: that of a failed trial, if too many of a round failed.
        """
        while (next_round := self._next_round()) is not None:
            if next_round.launched:
                self._round = next_round
                return list(next_round.launched.values())
            self._end(next_round)
        return []

    def tell(self, returned: Sequence[Any]) -> None:
        """Tell the studies what came of the jobs that were asked for.

        Args:
            returned: what each job returned, or the exception that ended it, in the order of `ask`.

        Raises:
            Exception: that of a failed trial, if too many of the round failed.
            RuntimeError: no jobs were asked for.
        """
        if self._round is None:
            raise RuntimeError("ask comes before tell")
        ended, self._round = self._round, None
        ended.results |= dict(zip(ended.launched, returned, strict=True))
        self._end(ended)

    @property
    def answer(self) -> str:
        """Which of the confirmed wins; empty where that is not decided by more and more seeds."""
        return self.finalists.answer if self.finalists else ""

    def labels(self, jobs: Jobs) -> list[str]:
        """The keys that tell trials apart, as far as these jobs show."""
        fixed_items = [set(study.space.fixed.items()) for study in self.studies]
        fixed = {parse_override(key).key for key, _ in set.intersection(*fixed_items)}
        keys = [parse_override(override).key for job in jobs for override in job]
        for study in self.studies:  # some of which may have no job in this round
            searched = (*study.space.distributions, *(key for trial in study.trials() for key in trial.params))
            keys += [parse_override(key).key for key in searched]
        return [key for key in dict.fromkeys(keys) if key not in fixed]

    def _next_round(self) -> Round | None:
        """New trials of all studies; when there are none, the best of each again with fresh seeds."""
        if self.finalists is not None:
            return self._confirming_round(self.finalists)
        trials = [(study, trial) for study in self.studies for trial in study.shared.ask(self.n_jobs)]
        if trials:
            jobs = [study.jobs(trial) for study, trial in trials]
            if self.pruning:
                self.pruning.begin(dict(zip([trial for _, trial in trials], jobs, strict=True)))
            return self._checked(Round(trials, jobs))
        if not (self.confirm and self.fresh):
            return None
        self._alone.enter_context(confirming(self.studies[0].shared.storage))
        for study in self.studies:  # another process may have confirmed in the meantime
            self._trained |= study.shared.study.user_attrs.get(RUNS, {})
        if self.pruning:
            self.pruning.begin({})
        best = [(study, trial) for study in self.studies for trial in self._best(study)]
        self.finalists = Finalists(best, self.fresh, self.confirm_first, self.aggregate)
        return self._confirming_round(self.finalists)

    def _confirming_round(self, finalists: Finalists) -> Round | None:
        trials, seeds = finalists.trials, finalists.seeds
        if not seeds:
            return None
        return self._checked(Round([*trials], [study.jobs(trial, seeds) for study, trial in trials], confirms=True))

    def _checked(self, begun: Round) -> Round:
        """The round with those of its jobs that have to be launched, and the errors of those that cannot be run."""
        for job in chain.from_iterable(begun.jobs):
            if job_id(job) not in self._trained and job_id(job) not in begun.results:
                if error := self._refusal(job):
                    begun.results[job_id(job)] = error
                else:
                    begun.launched[job_id(job)] = job
        return begun

    def _refusal(self, job: Sequence[str]) -> Exception | None:
        try:
            self.check(job)
        except (HydraException, ConfigError) as error:
            return error
        return None

    def _end(self, ended: Round) -> None:
        """Tell the studies what the jobs of each trial gave, or what they confirmed."""
        if ended.confirms or ended.trials[0][0].seeds is not None:  # with seeds, the same job gives the same
            pruned = self.pruning.pruned_jobs if self.pruning else set()
            values = {job: value for job, value in ended.results.items() if not isinstance(value, Exception)}
            self._trained |= {job: value for job, value in values.items() if job not in pruned}
        results = self._trained | ended.results
        of_trials = [{job_id(job): results[job_id(job)] for job in jobs} for jobs in ended.jobs]
        if ended.confirms and self.finalists:
            kept = [self._keep(study, runs) for (study, _), runs in zip(ended.trials, of_trials, strict=True)]
            self.finalists.tell(kept)
            if not self.finalists.seeds:
                self.confirmations = self.finalists.confirmations()
                self._alone.close()
            return
        errors = [self._tell(*trial, runs) for trial, runs in zip(ended.trials, of_trials, strict=True)]
        raised = [error for error in errors if error]
        if len(raised) / len(ended.trials) > self.max_failure_rate:
            raise raised[0]

    def _tell(self, study: OptionStudy, trial: Trial, results: Mapping[str, Any]) -> Exception | None:
        """Tell the study what the runs of a trial gave; the error if it failed."""
        if self.pruning and (trial in self.pruning.pruned or self.pruning.pruned_jobs & results.keys()):
            study.shared.tell(trial, None, TrialState.PRUNED)  # with what was reported last
            return None
        error = next((run for run in results.values() if isinstance(run, Exception)), None)
        try:
            runs = [] if error else [_values(run, len(self.aggregate.signs)) for run in results.values()]
            if study.seeds is None and any(map(math.isnan, chain(*runs))):
                raise ValueError("the return value is not a number")
        except ValueError as wrong:
            error = wrong
        if error:
            study.shared.tell(trial, None, TrialState.FAIL, {"error": f"{type(error).__name__}: {error}"})
            log.warning("trial %d failed: %s: %s", trial.number, type(error).__name__, error)
            return error
        values = runs[0] if study.seeds is None else self.aggregate.value(runs)
        if not study.shared.tell(trial, values, TrialState.COMPLETE, {RUNS: _kept(results, runs)}):
            log.warning("trial %d was taken to be lost, and its result came too late", trial.number)
        return None

    def _keep(self, study: OptionStudy, runs: Mapping[str, Any]) -> list[float]:
        """The values of a trial's runs with fresh seeds, which its study keeps; nan of one that failed."""
        values = {job: float(value) for job, value in runs.items() if isinstance(value, SupportsFloat)}
        kept = study.shared.study.user_attrs.get(RUNS, {})
        if not values.keys() <= kept.keys():
            study.shared.study.set_user_attr(RUNS, kept | values)
        return [values.get(job, math.nan) for job in runs]

    def _best(self, study: OptionStudy) -> list[FrozenTrial]:
        """The best of a study's trials that came to their end and are not alike, then the best of the others."""
        ranked = sorted(study.trials(TrialState.COMPLETE), key=lambda trial: self.aggregate.signs[0] * trial.values[0])
        settings = {repr(sorted(trial.params.items())): trial for trial in reversed(ranked)}
        return different(sorted(settings.values(), key=ranked.index), self.confirm)


def _kept(results: Mapping[str, Any], runs: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The values of runs by their jobs, as JSON has them."""
    return {job: values[0] if len(values) == 1 else list(values) for job, values in zip(results, runs, strict=True)}


def _values(returned: Any, objectives: int) -> list[float]:
    """What a job returned, as numbers, one for each objective; raises `ValueError` with what it should be."""
    try:
        values = [float(value) for value in returned] if objectives > 1 else [float(returned)]
    except (TypeError, ValueError):
        expected = f"a list of {objectives} numbers" if objectives > 1 else "a number"
        raise ValueError(f"the return value must be {expected}, not {returned!r}") from None
    if len(values) != objectives:
        raise ValueError(f"the number of values must be that of the directions, {objectives}, not {len(values)}")
    return values
