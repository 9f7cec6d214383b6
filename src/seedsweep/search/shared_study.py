"""A study that any number of processes and hosts work on at once, and that ends with exactly the trials it should have.

It rests on what every storage of Optuna does: a trial is made in one step with its attributes, and whoever makes one
sees all trials with lower numbers. So a process makes a trial that says whose it is, counts those before it, and gives
it up where they are enough already. The trials before one can only become fewer, so that never more than `n_trials`
stay; the lowest new one always stays, so that the processes together never make trials in vain. `Study.ask` has no
such step: its trial is nobody's until a later write, and on SQLite two processes may take the same waiting one.
"""

import copy
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from seedsweep.search.agreement import agree
from seedsweep.search.counting import (
    LOST,
    MOVED,
    OWNER,
    SURPLUS,
    UNUSED,
    counts,
    first_number,
    next_to_repeat,
    repeated_attributes,
)
from seedsweep.search.heartbeat import keep_beating
from seedsweep.tracking.processes import Owner, alive, same_system, this_process


class SharedStudy:
    """Hands out the trials of an Optuna study to this process, with all others that do, until it has `n_trials`.

    A trial counts from its start, and however it ends. Those do not count that were given up or whose process is gone,
    nor those that somebody without this class has begun, until they end. A process has one object for a study at a
    time: to a new one the trials of the former are lost, as after Ctrl-C in a notebook. Raises `ConfigError` where the
    storage has a study of that name with other directions, another search space, or other `terms`: what else its trials
    have in common, such as the seeds that they are judged over.
    """

    def __init__(
        self,
        name: str | None,
        storage: optuna.storages.BaseStorage,
        directions: Sequence[str | StudyDirection],
        sampler: optuna.samplers.BaseSampler | None,
        pruner: optuna.pruners.BasePruner | None,
        space: Mapping[str, BaseDistribution],
        n_trials: int,
        suggest: Callable[[Trial], None] | None = None,
        terms: Mapping[str, str] | None = None,
    ):
        toward = [
            direction if isinstance(direction, StudyDirection) else StudyDirection[direction.upper()]
            for direction in directions
        ]
        options: dict[str, Any] = {"sampler": sampler, "pruner": pruner, "load_if_exists": True}
        self.study = optuna.create_study(study_name=name, storage=storage, directions=toward, **options)
        self.storage, self.space, self.n_trials, self.suggest = storage, dict(space), n_trials, suggest
        agree(self.study, toward, self.space, terms or {}, conditional=suggest is not None)
        self._held: set[int] = set()  # the ids of the trials that this process runs
        self._beats: Any = storage if getattr(storage, "get_heartbeat_interval", lambda: None)() else None
        self._beating = False

    def missing(self) -> int:
        """How many trials the study lacks, beside those that run."""
        return max(0, self._missing(self._trials()))

    def counted(self) -> int:
        """How many trials count, those among them that run."""
        return sum(map(counts, self._trials()))

    def ask(self, most: int) -> list[Trial]:
        """Up to `most` new trials with their values; none where the study has all of its trials, or they run already.

        Those that were lost or enqueued come first. The values are those of `Study.ask` and then `suggest_…` for each
        of the space in its order, and `suggest` at last; where that raises, all trials of this call are lost.
        """
        begun: list[Trial] = []
        held_before, trials = set(self._held), self._trials()
        try:
            while len(begun) < most and self._missing(trials) > 0:
                repeated = next_to_repeat(trials)
                trial, trials = self._make(repeated, trials)
                if self._is_surplus(trial, trials):
                    self._end(trial._trial_id, SURPLUS)
                    trials = self._trials()
                    continue
                if repeated is not None and repeated.state == TrialState.WAITING:
                    self._end(repeated._trial_id, MOVED)
                begun.append(self._begin(trial))
        except BaseException:
            for trial_id in self._held - held_before:
                self._end(trial_id, LOST)
            raise
        return begun

    def tell(
        self, trial: Trial, values: Sequence[float] | None, state: TrialState, attrs: Mapping[str, Any] | None = None
    ) -> bool:
        """Ends a trial, with user attributes; False where it had ended, since another process took it to be lost.

        Raises Optuna's `ValueError` for values that do not fit the state or the directions; the trial runs on.
        """
        try:
            for key, value in (attrs or {}).items():
                trial.set_user_attr(key, value)
            self.study.tell(trial, values, state)
            told = True
        except (RuntimeError, ValueError) as error:
            if not self._ended(trial):
                raise
            # Optuna's own say that it had ended before; a plain one is of a sampler that has come to the end of its
            # grid and would stop `Study.optimize`, which is not what runs.
            told = type(error) is RuntimeError
        self._held.discard(trial._trial_id)
        return told

    def reap(self) -> list[FrozenTrial]:
        """Ends the trials whose process is gone; `ask` hands out each of them again, once, with its params.

        A process of this host is gone when the system has it no more; of this one's trials those are lost that this
        object does not hold. A process of another host is gone when it gave no sign of life for two minutes, on a
        database; a journal knows no such signs: there its own host has to reap it.
        """
        this = this_process()
        late = self._beats._get_stale_trial_ids(self.study._study_id) if self._beats else ()
        running = [trial for trial in self._trials() if trial.state == TrialState.RUNNING and OWNER in trial.user_attrs]
        gone = [trial._trial_id for trial in running if self._is_gone(trial, this, late)]
        return [self.storage.get_trial(trial_id) for trial_id in gone if self._end(trial_id, LOST)]

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _missing(self, trials: Sequence[FrozenTrial]) -> int:
        return self.n_trials - sum(map(counts, trials))

    def _make(self, repeated: FrozenTrial | None, trials: list[FrozenTrial]) -> tuple[FrozenTrial, list[FrozenTrial]]:
        """A trial that says that it is this process's, and all trials after it was made, as far as they matter."""
        user, system = repeated_attributes(repeated) if repeated is not None else ({}, {})
        user |= {OWNER: this_process()}
        template = optuna.create_trial(state=TrialState.RUNNING, user_attrs=user, system_attrs=system)
        storage = self.study._storage  # it may keep in mind what it has made, and has to, for its trials to get values
        trial = storage.get_trial(storage.create_new_trial(self.study._study_id, template_trial=template))
        if repeated is None and trial.number == len(trials) < self.n_trials:  # nobody else's came between
            return trial, [*trials, trial]
        return trial, self._trials()

    def _is_surplus(self, trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> bool:
        """Whether those that were made before this one are enough, or one of them repeats the same trial."""
        earlier = [first_number(former) for former in trials if former.number < trial.number and counts(former)]
        return len(earlier) >= self.n_trials or first_number(trial) in earlier

    def _begin(self, made: FrozenTrial) -> Trial:
        """Hold a trial that was made, and suggest its values."""
        self._held.add(made._trial_id)
        if self._beats and not self._beating:
            stop = keep_beating(self._beats, self._held)
            weakref.finalize(self, stop.set)  # the thread does not keep this object, which may be dropped any time
            self._beating = True
        # For `Study.ask`, the study forgets what it read for the trial before this one; a copy has not read anything.
        trial = Trial(copy.copy(self.study), made._trial_id)
        for name, distribution in self.space.items():
            _suggest(trial, name, distribution)
        if self.suggest is not None:
            self.suggest(trial)
        return trial

    def _end(self, trial_id: int, reason: str) -> bool:
        """Has a trial not count; False where it has ended already."""
        self._held.discard(trial_id)
        try:
            self.storage.set_trial_user_attr(trial_id, UNUSED, reason)  # first, since what has ended takes none
            self.storage.set_trial_state_values(trial_id, TrialState.FAIL)
        except UpdateFinishedTrialError:
            return False
        return True

    def _ended(self, trial: Trial) -> bool:
        return self.storage.get_trial(trial._trial_id).state.is_finished()

    def _is_gone(self, trial: FrozenTrial, this: Owner, late: Collection[int]) -> bool:
        owner = trial.user_attrs[OWNER]
        if not same_system(owner, this):
            return trial._trial_id in late if self._beats else bool(owner["host"] == this["host"])  # started anew since
        return not alive(owner) if owner["pid"] != this["pid"] else trial._trial_id not in self._held


def _suggest(trial: Trial, name: str, distribution: BaseDistribution) -> None:
    match distribution:
        case FloatDistribution(low=low, high=high, step=step, log=log):
            trial.suggest_float(name, low, high, step=step, log=log)
        case IntDistribution(low=low, high=high, step=step, log=log):
            trial.suggest_int(name, low, high, step=step, log=log)
        case CategoricalDistribution(choices=choices):
            trial.suggest_categorical(name, choices)
        case _:
            raise TypeError(f"{name}: Optuna cannot suggest from {distribution}")
